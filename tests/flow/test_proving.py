"""Archives are read again on a schedule: damage is found, told and reported, and nothing is removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.flow.flow import NAME, Flow
from tests.flow.invariants import nothing_left_behind

from backup_actions.aws import Clients
from backup_actions.cli.commands import prove, report
from backup_actions.cli.errors import run
from backup_actions.errors import ArchiveDamaged

if TYPE_CHECKING:
    from backup_actions.ledger import Entry
    from backup_actions_local.seaweed import ObjectServer

pytestmark = pytest.mark.root

MACHINE = f"{NAME}-proving"


@dataclass
class Quarter:
    """Two backups were archived; of one archive a byte is another since, and days have passed."""

    flow: Flow
    damaged_key: str

    @property
    def sound(self) -> str:
        """The recovery point whose archive is as it was."""
        return self.flow.arns[0]

    @property
    def damaged(self) -> str:
        """The other."""
        return self.flow.arns[1]

    def action(self, arn: str) -> Entry:
        """What the ledger says of the archive."""
        return self.flow.ledger(arn)[1]

    def proof(self, arn: str, kind: str) -> dict[str, Any]:
        """The document that the ledger names."""
        details: Any = self.action(arn).details
        document: dict[str, Any] = json.loads(self.flow.read(details["proofs"][kind]["key"]))
        return document


@pytest.fixture(name="quarter", scope="module")
def _quarter(
    tmp_path_factory: pytest.TempPathFactory, tiny_disk: Path, flow_objects: ObjectServer
) -> Iterator[Quarter]:
    proving = {"verify_every_days": 2, "restore_test": {"every_days": 4, "choose": "oldest"}}
    directory = tmp_path_factory.mktemp("proving")
    with Flow.begun(directory, tiny_disk, flow_objects, policy="keep", proving=proving) as flow:
        flow.back_up()
        flow.back_up()
        evidence = json.loads(flow.read(str(flow.ledger(flow.arns[1])[0].details["evidence"])))
        folder = evidence["actions"][0]["result"]["prefix"]
        key = next(key for key in flow.stored() if key.startswith(folder) and key.endswith(".tar.zst"))
        content = bytearray(flow.read(key))
        content[len(content) // 2] ^= 1
        flow.s3.put_object(Bucket=flow.bucket, Key=key, Body=bytes(content), ChecksumAlgorithm="CRC64NVME")
        with flow.cloud.clock.actor():
            flow.cloud.clock.sleep(3.5 * 24 * 3600)
        flow.wait()
        _ = flow.notices  # as they are before anybody proves anything by hand
        yield Quarter(flow, key)


def test_what_is_sound_is_proven_again(quarter: Quarter) -> None:
    action = quarter.action(quarter.sound)

    assert (action.status, action.standing) == ("verified", "artifact")
    assert action.since > quarter.action(quarter.damaged).details["archived_at"]  # type: ignore[operator]


def test_a_restore_test_restores_files_and_records_how_many(quarter: Quarter) -> None:
    proof = quarter.proof(quarter.sound, "restore")

    assert (proof["found"], proof["problems"]) == ("good", [])
    assert proof["looked_at"]["restored"]["files"] > 0


def test_damage_is_found_and_named(quarter: Quarter) -> None:
    action = quarter.action(quarter.damaged)
    proof = quarter.proof(quarter.damaged, "verification")

    assert (action.status, action.standing, proof["found"]) == ("damaged", "damaged", "damaged")
    assert quarter.damaged_key.rpartition("/")[2] in proof["problems"][0]


def test_damage_is_told_once_and_nothing_is_removed(quarter: Quarter) -> None:
    told = [notice for notice in quarter.flow.notices if "Damaged archive" in str(notice.get("Subject"))]

    assert len(told) == 1
    assert quarter.damaged in told[0]["Message"]
    assert quarter.damaged_key in quarter.flow.stored()


def test_every_run_ends_well_and_leaves_nothing_behind(quarter: Quarter) -> None:
    assert {execution.status for execution in quarter.flow.executions(MACHINE)} == {"SUCCEEDED"}
    assert nothing_left_behind(quarter.flow) == []


def test_the_report_shows_what_was_found(
    quarter: Quarter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    clients = Clients(quarter.flow.cloud.administrator)
    monkeypatch.setattr(report, "aws_clients", lambda: clients)
    page = tmp_path / "report.html"
    capfd.readouterr()

    assert run(["report", "--json", "--html", str(page)]) == 0

    told = json.loads(capfd.readouterr().out)
    assert [each["point"] for each in told["damaged"]] == [quarter.damaged]
    assert told["counts"]["archives_restored_in_a_test"] == 1
    assert quarter.damaged in page.read_text()


def test_an_operator_proves_what_is_damaged_again_and_hears_what_is_wrong(
    quarter: Quarter, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    clients = Clients(quarter.flow.cloud.administrator)
    monkeypatch.setattr(prove, "aws_clients", lambda: clients)
    capfd.readouterr()

    assert run(["prove", quarter.damaged]) == ArchiveDamaged.exit_code

    written = capfd.readouterr()
    assert written.out.startswith(f"damaged: ebs-archive of {quarter.damaged}\n")
    assert "BA0404" in written.err


def test_an_operator_proves_and_restores_what_was_proven_longest_ago(
    quarter: Quarter, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    clients = Clients(quarter.flow.cloud.administrator)
    monkeypatch.setattr(prove, "aws_clients", lambda: clients)
    capfd.readouterr()

    assert run(["prove", "--oldest", "5", "--restore", "--json"]) == 0

    (proof,) = json.loads(capfd.readouterr().out)["proofs"]
    assert (proof["found"], proof["recoveryPoint"]["arn"]) == ("good", quarter.sound)
    assert run(["prove"]) == 2
