"""What a person writes: ``s3://bucket/prefix`` or a folder as a place, a path or ``ebs:snap-…`` as a source."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from backup_actions.errors import ArchiveUnreadable, AwsBusy, AwsCallFailed, AwsNotConfigured, LocationInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_s3 import S3Client

    from backup_actions.archive.device import Blocks
    from backup_actions.archive.folder_store import FolderStore
    from backup_actions.archive.s3_store import S3Store
    from backup_actions.aws import Clients

PLACE_ERRORS = (LocationInvalid, ArchiveUnreadable, AwsCallFailed, AwsBusy, AwsNotConfigured)
"""What every command that works on a place may fail with."""

_SNAPSHOT = re.compile(r"ebs:(snap-[0-9a-f]+)")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)


def aws_clients() -> Clients:
    """Clients with the credentials, region and endpoints of the environment. Raises AwsNotConfigured."""
    from backup_actions.aws import Clients, translated

    with translated():
        return Clients()


def store_at(
    location: str, clients: Callable[[], Clients] = aws_clients, *, soon: bool = False
) -> FolderStore | S3Store:
    """The store at this place; ``clients`` is called for S3 only. Raises LocationInvalid.

    With ``soon`` this returns before there is a client; what keeps one from being made is raised by its first use.
    """
    match = _SCHEME.fullmatch(location)
    if match is None:
        if not location:
            raise LocationInvalid(location=location, reason="it is empty")
        from backup_actions.archive.folder_store import FolderStore

        return FolderStore(Path(location))
    scheme, rest = match.groups()
    if scheme.lower() != "s3":
        raise LocationInvalid(location=location, reason=f"{scheme} is not a place that this program knows")
    bucket, _, prefix = rest.partition("/")
    if not bucket:
        raise LocationInvalid(location=location, reason="the bucket is missing")
    from backup_actions.archive.s3_store import S3Store

    if not soon:
        return S3Store(client=clients().s3, bucket=bucket, prefix=prefix.strip("/"))
    from backup_actions.aws.soon import ClientSoon

    client = cast("S3Client", ClientSoon(lambda: clients().s3))
    return S3Store(client=client, bucket=bucket, prefix=prefix.strip("/"))


class Source(click.Path):
    """A path that exists; or ``ebs:`` and the id of a snapshot, which stays a text."""

    def __init__(self) -> None:
        super().__init__(exists=True, path_type=Path)

    def convert(self, value: object, param: click.Parameter | None, context: click.Context | None) -> Path | str:
        """Fail as click does, before anything is done."""
        text = str(value)
        if _SNAPSHOT.fullmatch(f"ebs:{text}") and not os.path.lexists(text):
            self.fail(f"{text!r} is no path: write ebs:{text} to read the snapshot.", param, context)
        if not text.startswith("ebs:"):
            path = super().convert(text, param, context)
            return Path(os.fsdecode(path))
        if not _SNAPSHOT.fullmatch(text):
            self.fail(f"{text!r} is no snapshot: write ebs:snap-0123456789abcdef0.", param, context)
        return text


@contextmanager
def opened(source: Path | str, clients: Callable[[], Clients] = aws_clients) -> Iterator[Path | Blocks]:
    """The path as it is, or the blocks of a snapshot. Raises SourceUnreadable, AwsNotConfigured."""
    if isinstance(source, Path):
        yield source
        return
    from backup_actions.archive.snapshot_blocks import SnapshotBlocks

    with SnapshotBlocks(clients().ebs, source.removeprefix("ebs:")) as blocks:
        yield blocks
