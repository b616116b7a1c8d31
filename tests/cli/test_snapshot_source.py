"""``archive ebs:snap-…``: a snapshot is archived with nothing but the EBS direct APIs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backup_actions.contract import Statement
from backup_actions_local.clock import SimulatedClock
from backup_actions_local.front import Audit, Faults, Front, Roles
from backup_actions_local.services.block_store import BlockStore
from backup_actions_local.services.durations import Durations
from backup_actions_local.services.ebs import Ebs
from backup_actions_local.services.hosting.devices import PlainFiles
from backup_actions_local.services.place import Place

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

READS = Statement(
    ("ebs:ListSnapshotBlocks", "ebs:GetSnapshotBlock"), on="arn:aws:ec2:us-east-1::snapshot/*", because="x"
)


@pytest.fixture(name="snapshot_id")
def _snapshot_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One of a GiB, of which 70 KiB were written, in an embedded AWS that the environment leads to."""
    clock, image = SimulatedClock(), tmp_path / "disk.img"
    image.write_bytes(b"boot sector " * 6000)
    store = BlockStore(
        clock=clock, place=Place(), directory=tmp_path / "aws", durations=Durations(), devices=PlainFiles()
    )
    roles = Roles(clock)
    roles.add("reader", (READS,))
    with Front(clock=clock, roles=roles, faults=Faults(), audit=Audit(), services=[Ebs(store)]) as front:
        keys = roles.issue("reader")
        for name, value in {
            "AWS_ENDPOINT_URL": front.url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
            "AWS_SESSION_TOKEN": keys.session_token,
        }.items():
            monkeypatch.setenv(name, value)
        yield store.take_snapshot(store.make_volume(image, zone="us-east-1a"))
    store.close()


def test_a_snapshot_is_archived_as_an_image_without_a_volume(cli: Cli, snapshot_id: str, tmp_path: Path) -> None:
    place, back = tmp_path / "archive", tmp_path / "back.img"

    answer = cli("archive", f"ebs:{snapshot_id}", place, "--json")

    assert answer.status == 0
    assert answer.json["manifest"]["source"] == {"kind": "ebs-snapshot", "name": f"ebs:{snapshot_id}"}
    assert cli("verify", place).status == 0
    assert cli("extract", place, "--disk", "--to", back).status == 0
    assert back.stat().st_size == 1 << 30
    assert back.read_bytes()[:72_001] == (b"boot sector " * 6000).ljust(72_001, b"\0")


@pytest.mark.usefixtures("snapshot_id")
def test_a_snapshot_that_is_not_there_is_told(cli: Cli, tmp_path: Path) -> None:
    answer = cli("archive", "ebs:snap-0123456789abcdef0", tmp_path / "archive")

    assert answer.status == 1
    assert "BA0401: cannot read ebs:snap-" in answer.err
    assert "does not exist" in answer.err
    assert not (tmp_path / "archive" / "manifest.json").exists()


def test_what_is_no_snapshot_is_a_usage_error(cli: Cli, tmp_path: Path) -> None:
    answer = cli("archive", "ebs:vol-0123", tmp_path / "archive")

    assert answer.status == 2
    assert "'ebs:vol-0123' is no snapshot: write ebs:snap-0123456789abcdef0" in answer.err
