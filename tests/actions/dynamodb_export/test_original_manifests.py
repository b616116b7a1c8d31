"""DynamoDB's manifests are believed only where they agree with their checksums, with each other and with the export."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backup_actions.actions.dynamodb_export.original import read_original
from backup_actions.archive import FolderStore
from backup_actions.errors import CorruptExport

ID = "01693685827463-2d8752fd"
ARN = f"arn:aws:dynamodb:us-east-1:111122223333:table/Orders/export/{ID}"
FOLDER = f"AWSDynamoDB/{ID}"

Documents = tuple[dict[str, Any], list[dict[str, Any]]]


def documents(prefix: str = "") -> Documents:
    """Manifests of two files with five items, as DynamoDB writes them."""
    files = [
        {"itemCount": n, "md5Checksum": f"{n}==", "etag": "e", "dataFileS3Key": f"{prefix}{FOLDER}/data/{n}.json.gz"}
        for n in (2, 3)
    ]
    summary = {
        "version": "2020-06-30",
        "exportArn": ARN,
        "exportTime": "2020-11-04T07:28:34.028Z",
        "manifestFilesS3Key": f"{prefix}{FOLDER}/manifest-files.json",
        "billedSizeBytes": 1234,
        "itemCount": 5,
        "outputFormat": "DYNAMODB_JSON",
        "exportType": "FULL_EXPORT",
    }
    return summary, files


def stored(folder: Path, manifests: Documents, *, kind: str = "checksum") -> FolderStore:
    """The manifests with their checksums in a folder."""
    summary, files = manifests
    place = folder / FOLDER
    place.mkdir(parents=True)
    listing = b"".join(json.dumps(entry).encode() + b"\n" for entry in files)
    for name, content in (("manifest-summary", json.dumps(summary).encode()), ("manifest-files", listing)):
        (place / f"{name}.json").write_bytes(content)
        digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest())
        (place / f"{name}.{kind}").write_bytes(digest + b"\n")
    return FolderStore(folder)


@pytest.mark.parametrize("prefix", ["", "some/prefix/", "AWSDynamoDB/"])
@pytest.mark.parametrize("kind", ["checksum", "md5"])
def test_keys_are_found_with_and_without_the_prefix_that_was_asked_for(tmp_path: Path, prefix: str, kind: str) -> None:
    original = read_original(stored(tmp_path, documents(prefix), kind=kind), ARN)

    assert [(file.name, file.items) for file in original.files] == [
        (f"{FOLDER}/data/2.json.gz", 2),
        (f"{FOLDER}/data/3.json.gz", 3),
    ]
    assert (original.items, original.billed_bytes) == (5, 1234)


def of_another_count(summary: dict[str, Any], files: list[dict[str, Any]]) -> None:
    summary["itemCount"] = 6


def of_another_export(summary: dict[str, Any], files: list[dict[str, Any]]) -> None:
    summary["exportArn"] = ARN.replace("Orders", "Others")


def incremental(summary: dict[str, Any], files: list[dict[str, Any]]) -> None:
    summary["exportType"] = "INCREMENTAL_EXPORT"


def elsewhere(summary: dict[str, Any], files: list[dict[str, Any]]) -> None:
    files[0]["dataFileS3Key"] = "AWSDynamoDB/another-export/data/2.json.gz"


def glued(summary: dict[str, Any], files: list[dict[str, Any]]) -> None:
    files[0]["dataFileS3Key"] = f"not{FOLDER}/data/2.json.gz"


def twice(summary: dict[str, Any], files: list[dict[str, Any]]) -> None:
    files.append(files[0])
    summary["itemCount"] = 7


def without_counts(summary: dict[str, Any], files: list[dict[str, Any]]) -> None:
    del files[1]["itemCount"]


def with_numbers_for_names(summary: dict[str, Any], files: list[dict[str, Any]]) -> None:
    files[0]["dataFileS3Key"] = 3


def with_another_listing(summary: dict[str, Any], files: list[dict[str, Any]]) -> None:
    summary["manifestFilesS3Key"] = f"{FOLDER}/other-files.json"


@pytest.mark.parametrize(
    "spoil",
    [
        of_another_count,
        of_another_export,
        incremental,
        elsewhere,
        glued,
        twice,
        without_counts,
        with_numbers_for_names,
        with_another_listing,
    ],
)
def test_manifests_that_contradict_themselves_are_refused(
    tmp_path: Path, spoil: Callable[[dict[str, Any], list[dict[str, Any]]], None]
) -> None:
    manifests = documents()
    spoil(*manifests)

    with pytest.raises(CorruptExport):
        read_original(stored(tmp_path, manifests), ARN)


@pytest.mark.parametrize("name", ["manifest-summary", "manifest-files"])
@pytest.mark.parametrize("content", [b"{}", b"[]", b"no json", None])
def test_manifest_that_was_altered_or_is_missing_is_refused_by_name(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    store = stored(tmp_path, documents())
    path = tmp_path / FOLDER / f"{name}.json"
    path.unlink() if content is None else path.write_bytes(content)

    with pytest.raises(CorruptExport) as refused:
        read_original(store, ARN)

    assert name in str(refused.value.facts["file"])


def test_manifest_without_its_checksum_is_refused(tmp_path: Path) -> None:
    store = stored(tmp_path, documents())
    (tmp_path / FOLDER / "manifest-files.checksum").unlink()

    with pytest.raises(CorruptExport, match="its checksum is not there"):
        read_original(store, ARN)


@pytest.mark.parametrize("summary", [b"[1]", b"null", b"3"])
def test_summary_that_is_no_object_is_refused_also_with_the_right_checksum(tmp_path: Path, summary: bytes) -> None:
    store = stored(tmp_path, documents())
    (tmp_path / FOLDER / "manifest-summary.json").write_bytes(summary)
    digest = base64.b64encode(hashlib.md5(summary, usedforsecurity=False).digest())
    (tmp_path / FOLDER / "manifest-summary.checksum").write_bytes(digest)

    with pytest.raises(CorruptExport, match="no JSON object"):
        read_original(store, ARN)
