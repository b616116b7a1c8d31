"""Places that a person writes on the command line: ``s3://bucket/prefix`` or a folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from backup_actions.errors import AwsBusy, AwsCallFailed, AwsNotConfigured, LocationInvalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from backup_actions.archive.folder_store import FolderStore
    from backup_actions.archive.s3_store import S3Store
    from backup_actions.aws import Clients

PLACE_ERRORS = (LocationInvalid, AwsCallFailed, AwsBusy, AwsNotConfigured)
"""What every command that works on a place may fail with."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)


def aws_clients() -> Clients:
    """Clients with the credentials, region and endpoints of the environment. Raises AwsNotConfigured."""
    from backup_actions.aws import Clients, translated

    with translated():
        return Clients()


def store_at(location: str, clients: Callable[[], Clients] = aws_clients) -> FolderStore | S3Store:
    """The store at this place; ``clients`` is called for S3 only. Raises LocationInvalid."""
    from backup_actions.archive.folder_store import FolderStore
    from backup_actions.archive.s3_store import S3Store

    match = _SCHEME.fullmatch(location)
    if match is None:
        if not location:
            raise LocationInvalid(location=location, reason="it is empty")
        return FolderStore(Path(location))
    scheme, rest = match.groups()
    if scheme.lower() != "s3":
        raise LocationInvalid(location=location, reason=f"{scheme} is not a place that this program knows")
    bucket, _, prefix = rest.partition("/")
    if not bucket:
        raise LocationInvalid(location=location, reason="the bucket is missing")
    return S3Store(client=clients().s3, bucket=bucket, prefix=prefix.strip("/"))
