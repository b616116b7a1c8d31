"""Where archives and exports lie below a prefix or a folder: wherever there is a manifest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from backup_actions.archive.folder_store import FolderStore
from backup_actions.archive.s3_store import S3Store
from backup_actions.archive.store import Store
from backup_actions.aws.errors import translated
from backup_actions.model.manifest import MANIFEST_NAME


def archives_below(root: FolderStore | S3Store, manifest_name: str = MANIFEST_NAME) -> Iterator[Store]:
    """A store for each archive at this place or anywhere below it, in the order of their names; links are not followed.

    ``manifest_name`` finds what has another manifest than archives have. Memory: one page of a listing, or the names
    of one folder. Raises AwsCallFailed, AwsBusy.
    """
    return _in_bucket(root, manifest_name) if isinstance(root, S3Store) else _in_folder(root.path, manifest_name)


def _in_bucket(root: S3Store, manifest_name: str) -> Iterator[Store]:
    prefix = root.prefix.strip("/")
    wanted: dict[str, Any] = {"Bucket": root.bucket, "Prefix": f"{prefix}/" if prefix else ""}
    if root.expected_bucket_owner:
        wanted["ExpectedBucketOwner"] = root.expected_bucket_owner
    pages = iter(root.client.get_paginator("list_objects_v2").paginate(**wanted))
    while True:
        with translated(operation="s3:ListObjectsV2"):
            page = next(pages, None)
        if page is None:
            return
        for found in page.get("Contents", []):
            folder, _, name = found["Key"].rpartition("/")
            if name == manifest_name:
                yield replace(root, prefix=folder)


def _in_folder(path: Path, manifest_name: str) -> Iterator[Store]:
    for folder, folders, files in os.walk(path):
        folders.sort()
        if manifest_name in files:
            yield FolderStore(Path(folder))
