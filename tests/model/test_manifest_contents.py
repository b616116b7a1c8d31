"""Which recovery point a manifest is of and which objects it names, whoever wrote it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.estate.ledgers import point
from tests.model.test_export_manifest import MANIFEST as EXPORT

from backup_actions.errors import ManifestUnreadable
from backup_actions.model.manifest import Manifest, Member, StoredObject
from backup_actions.model.manifest_contents import ManifestContents
from backup_actions.model.offsite import Announcement
from backup_actions.model.report import Artifact

POINT = point("snap-1")
OF_POINT = {"recovery_point": POINT.to_json()}


def stored(name: str) -> StoredObject:
    return StoredObject(name=name, size_bytes=len(name), crc64nvme="AAAAAAAAAAA=")


def member(name: str, **fields: Any) -> Member:
    given: dict[str, Any] = {
        "kind": "device", "codec": "zstd", "object": stored(f"run/{name}.img.zst"), "index": None, "region_index": None,
        "frames": 1, "stream_bytes": 9, "stream_blake3": "", "source_bytes": 9,
    }  # fmt: skip
    return Member(name=name, **{**given, **fields})


def archive(*members: Member, **fields: Any) -> bytes:
    source = fields.pop("source", {"kind": "image", "name": "disk", **OF_POINT})
    return Manifest(tool_version="1", created="now", source=source, layout=None, members=members, **fields).to_bytes()


def keys(content: bytes) -> list[str]:
    objects = ManifestContents.of("there/manifest.json", content).objects
    assert objects is not None
    return [each.key for each in objects]


def test_an_archive_names_its_members_and_their_indexes() -> None:
    files = member("files", kind="files", index=stored("run/files.index.parquet"))

    assert keys(archive(files, member("disk"))) == [
        "there/run/files.img.zst", "there/run/files.index.parquet", "there/run/disk.img.zst",
    ]  # fmt: skip


def test_a_dump_names_its_description_too_and_all_of_its_members() -> None:
    members = [member(f"data-{n}", kind="dump", object=stored(f"sections/data-{n}.sql.zst")) for n in range(125)]

    named = keys(archive(*members, description=stored("description.json")))

    assert named == ["there/description.json", *(f"there/{each.object.name}" for each in members)]


def test_an_export_names_the_files_of_all_tables() -> None:
    assert keys(EXPORT.to_bytes()) == [f"there/{file.name}" for file in EXPORT.files]


@pytest.mark.parametrize("content", [archive(member("disk")), replace(EXPORT, source=OF_POINT).to_bytes()])
def test_manifests_of_ours_say_of_which_recovery_point_they_are(content: bytes) -> None:
    told = ManifestContents.of("there/manifest.json", content)

    assert (told.is_ours, told.recovery_point) == (True, POINT)


def test_an_announcement_names_its_recovery_point_and_nothing_beside_itself() -> None:
    announced = Announcement(
        snapshot_arn="arn:aws:ec2:us-east-1::snapshot/snap-2", resource_type=POINT.resource_type,
        resource_arn=str(POINT.resource_arn), recovery_point_arn=str(POINT.arn), created_at="2026-05-04T00:00:00+00:00",
        engine="", engine_version="", size_gib=1, key_arn="arn:aws:kms:us-east-1:111122223333:key/1", run="run",
    )  # fmt: skip

    told = ManifestContents.of("there/run/announcement.json", announced.to_bytes())

    assert (told.is_ours, told.objects) == (True, ())
    assert told.recovery_point == replace(POINT, vault_name="")


@pytest.mark.parametrize("source", [{}, {"recovery_point": {}}, {"recovery_point": "snap-1"}])
def test_one_of_ours_that_names_no_recovery_point_is_of_none(source: dict[str, Any]) -> None:
    told = ManifestContents.of("there/manifest.json", archive(member("disk"), source=source))

    assert (told.is_ours, told.recovery_point) == (True, None)


@pytest.mark.parametrize(
    "content",
    [
        archive(member("disk")).replace(b"disk.img", b"desk.img"),
        EXPORT.to_bytes().replace(b'"format_version": 1', b'"format_version": 2'),
        b'{"format": "backup-actions/offsite-announcement"}',
    ],
    ids=["altered", "of another version", "incomplete"],
)
def test_one_of_ours_that_cannot_be_read_is_not_taken_for_somebody_elses(content: bytes) -> None:
    with pytest.raises(ManifestUnreadable):
        ManifestContents.of("there/manifest.json", content)


def test_a_list_of_objects_and_a_recovery_point_are_read_from_whatever_says_so() -> None:
    objects = [{"key": "there/1", "size_bytes": 1, "crc64nvme": "crc"}]

    told = ManifestContents.of("there/manifest.json", json.dumps({**OF_POINT, "objects": objects}).encode())

    assert told == ManifestContents(
        is_ours=False, recovery_point=POINT, objects=(Artifact(key="there/1", size_bytes=1, crc64nvme="crc"),)
    )


@pytest.mark.parametrize(
    "content",
    [b"\x00", b"[]", b"{}", b'{"objects": 7}', b'{"objects": ["key"]}', b'{"objects": [{"key": "there/1"}]}',
     b'{"objects": [{"key": "there/1", "size_bytes": "1", "crc64nvme": ""}]}'],
)  # fmt: skip
def test_what_says_neither_leaves_both_open(content: bytes) -> None:
    assert ManifestContents.of("there/x", content) == ManifestContents(is_ours=False, recovery_point=None, objects=None)
