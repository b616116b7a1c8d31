"""Restore tests of dumps load them into empty databases, on real servers, and leave nothing but what they found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from tests.flow.dumps import DUMP, QUICK, Passwords, back_up, broken, dump_flow, parameters, shown
from tests.flow.flow import NAME, Flow

if TYPE_CHECKING:
    from backup_actions.ledger import Entry
    from backup_actions_local.databases import DatabaseImage
    from backup_actions_local.seaweed import ObjectServer

MACHINE = f"{NAME}-proving"
_DAY_SECONDS = 24 * 3600


@dataclass
class Month:
    """Days with a restore test each: one whose server dies, one that somebody stops, a good one, a damaged dump's."""

    flow: Flow
    passwords: Passwords
    instance: dict[str, Any] = field(default_factory=dict)
    """As it was when the good test began to load."""
    after: list[Entry] = field(default_factory=list)
    """What the ledger said of the dump after each day."""
    left: list[list[str]] = field(default_factory=list)
    """What was there after each day that should not be."""

    def pass_day(self) -> None:
        """A day passes, and what begins on it has ended."""
        with self.flow.cloud.clock.actor():
            self.flow.cloud.clock.sleep(_DAY_SECONDS)
        self.flow.wait()
        self.after.append(self.flow.ledger(self.flow.arns[0])[1])
        restored = self.flow.cloud.restored
        self.left.append([*restored.instances, *(each["Name"] for each in parameters(self.flow))])

    def proof(self, day: int) -> dict[str, Any]:
        """The document that the ledger named then."""
        details: Any = self.after[day].details
        document: dict[str, Any] = json.loads(self.flow.read(details["proofs"]["restore"]["key"]))
        return document

    def remember(self) -> None:
        """Look at the instance."""
        (instance,) = self.flow.cloud.restored.instances.values()
        self.instance = instance.answer()

    def stop(self) -> None:
        """Somebody stops the execution of proving, and with it the one that it waits for."""
        self.flow.executions(MACHINE)[-1].stop("Tester", "stopped by hand")

    def kill(self) -> None:
        """The server dies."""
        (name,) = self.flow.cloud.restored.instances
        self.flow.cloud.restored.kill(name)


@pytest.fixture(name="month", scope="module")
def _month(
    tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer, postgresql_shop: DatabaseImage
) -> Iterator[Month]:
    proving = {"restore_test": {"every_days": 1, "databases": True}}
    folder = tmp_path_factory.mktemp("loaded-dumps")
    with dump_flow(folder, flow_objects, policy="keep", proving=proving, durations=QUICK) as flow:
        month = Month(flow, Passwords(flow))
        back_up(flow, postgresql_shop)
        flow.when(DUMP, "BeginLoad", month.kill)
        month.pass_day()
        flow.when(DUMP, "WaitForJob", month.stop)
        month.pass_day()
        flow.when(DUMP, "BeginLoad", month.remember)
        month.pass_day()
        key = next(key for key in flow.stored() if key.startswith("rds-dump/") and ".pgdump" in key)
        content = bytearray(flow.read(key))
        content[len(content) // 2] ^= 1
        flow.s3.put_object(Bucket=flow.bucket, Key=key, Body=bytes(content), ChecksumAlgorithm="CRC64NVME")
        month.pass_day()
        yield month


def test_each_day_has_one_test_which_ends_as_it_should(month: Month) -> None:
    tests = [each for each in month.flow.executions(MACHINE) if each.name.startswith("restore-")]

    assert [each.status for each in tests] == ["FAILED", "ABORTED", "SUCCEEDED", "SUCCEEDED"], [
        each.cause for each in tests
    ]


def test_the_dump_is_loaded_into_an_empty_server_and_is_what_it_was(month: Month) -> None:
    proof = month.proof(2)
    restored = proof["looked_at"]["restored"]

    assert (proof["found"], proof["problems"], month.after[2].status) == ("good", [], "verified")
    assert [each["name"] for each in restored["databases"]] == ["shop"]
    assert (restored["tables"], restored["rows"]) == (7, 1007)
    assert restored["into"] == {"class": "db.t4g.medium", "version": "17.5"}


def test_the_proof_says_for_how_long_there_was_an_instance(month: Month) -> None:
    usage = month.proof(2)["usage"]

    assert usage["database_hours:db.t4g.medium"] > 0
    assert usage["job_attempts"] == 1
    assert usage["get_requests"] > 0


def test_the_instance_is_private_encrypted_tagged_and_without_backups(month: Month) -> None:
    instance, resources = month.instance, month.flow.deployment.resources

    assert (instance["PubliclyAccessible"], instance["StorageEncrypted"], instance["BackupRetentionPeriod"]) == (
        False,
        True,
        0,
    )
    assert instance["DBSubnetGroup"]["DBSubnetGroupName"] == resources["DatabaseSubnetGroup"]
    assert [each["VpcSecurityGroupId"] for each in instance["VpcSecurityGroups"]] == [
        resources["DatabaseSecurityGroup"]
    ]
    assert {tag["Key"] for tag in instance["TagList"]} == {"backup-actions", "backup-actions:run"}


def test_a_server_that_dies_says_nothing_of_the_dump(month: Month) -> None:
    first = month.flow.executions(MACHINE)[0]

    assert (first.status, first.error) == ("FAILED", "RestoreTestFailed")
    assert "JobFailed" in str(first.cause)
    assert month.after[0].status == "verified"
    assert "proofs" not in month.after[0].details


def test_a_test_that_is_stopped_ends_everything_that_it_has_begun(month: Month) -> None:
    stopped = next(each for each in month.flow.executions(MACHINE) if each.status == "ABORTED")
    loading = next(each for each in month.flow.executions(DUMP) if each.name == stopped.name)

    assert loading.status == "ABORTED"
    assert month.after[1].status == "verified"
    assert "proofs" not in month.after[1].details


def test_a_dump_that_is_another_since_is_found_damaged_and_told(month: Month) -> None:
    told = [notice for notice in month.flow.notices if "Damaged archive" in str(notice.get("Subject"))]

    assert month.after[3].status == "damaged"
    assert len(told) == 1


def test_nothing_is_left_after_any_of_them(month: Month) -> None:
    assert month.left == [[], [], [], []]
    assert [sentence for sentence in broken(month.flow) if not sentence.startswith("complete_dumps_verify")] == []
    assert month.flow.cloud.audit.refused() == ()


def test_no_password_is_shown_anywhere(month: Month) -> None:
    assert len(month.passwords.told) == 5
    assert [
        name
        for name, content in shown(month.flow)
        if any(password.encode() in content for password in month.passwords.told)
    ] == []
