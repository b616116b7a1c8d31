"""Proofs that failed: told with what to do until the archive is proven."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.estate.ledgers import HOUR, NOON, point
from tests.estate.watched_account import WATCHED, Account

from backup_actions.aws import World
from backup_actions.estate.failed_proofs import failed_proofs
from backup_actions.estate.findings import Kind
from backup_actions.ledger import Ledger

POINT = point("snap-1")
ACTION = "ebs-archive"


def recorded(world: World, **details: Any) -> None:
    ledger = Ledger(world.clients.dynamodb, WATCHED.ledger, world.clock)
    ledger.record_action(POINT, ACTION, run="run", status="verified", details=details)


def account_with_a_proof(status: str = "FAILED", *, ended_at: datetime = NOON - HOUR, kind: str = "restore") -> Account:
    account = Account()
    fail(account, "proof", status, ended_at=ended_at, kind=kind)
    return account


def fail(account: Account, name: str, status: str = "FAILED", *, ended_at: datetime, kind: str = "restore") -> None:
    given = {"recoveryPoint": POINT.to_json(), "action": ACTION, "kind": kind, "proofKey": "proofs/it.json"}
    account.run(name, status, machine=WATCHED.proving_machine_arn, ended_at=ended_at, given=json.dumps(given))
    arn = next(arn for arn in account.executions if arn.endswith(f":{name}"))
    account.executions[arn] |= {"error": "JobFailed", "cause": f"the job of {name} is FAILED"}


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT"])
def test_an_archive_whose_proof_failed_is_told_with_the_cause_and_what_to_do(world: World, status: str) -> None:
    recorded(world)

    (finding,) = account_with_a_proof(status).found(failed_proofs, world)

    assert (finding.kind, finding.subject, finding.repaired) == (Kind.FAILED_PROOF, str(POINT.arn), False)
    assert "JobFailed: the job of proof is FAILED" in finding.what
    assert "read the job's log" in finding.remedy
    assert f"`backup-actions prove {POINT.arn} --restore`" in finding.remedy


def test_each_archive_is_told_once_with_the_last_cause(world: World) -> None:
    recorded(world)
    account = account_with_a_proof(ended_at=NOON - 3 * HOUR)
    fail(account, "later", ended_at=NOON - HOUR)

    (finding,) = account.found(failed_proofs, world)

    assert "the job of later" in finding.what


def test_the_stack_of_the_command_is_named(world: World) -> None:
    recorded(world)
    account = Account()
    second = replace(WATCHED, name="second")
    given = {"recoveryPoint": POINT.to_json(), "action": ACTION, "kind": "verification", "proofKey": "proofs/it.json"}
    account.run("of-second", "FAILED", machine=second.proving_machine_arn, ended_at=NOON, given=json.dumps(given))

    (finding,) = account.found(failed_proofs, world, estate=second)

    assert finding.remedy.endswith(f"`backup-actions prove {POINT.arn} --stack second`")


def test_what_was_proven_since_is_told_no_more(world: World) -> None:
    recorded(world, proofs={"restore": {"at": NOON.isoformat()}})

    assert account_with_a_proof().found(failed_proofs, world) == []


def test_a_restore_test_that_failed_is_told_though_the_archive_was_read_since(world: World) -> None:
    recorded(world, proofs={"verification": {"at": NOON.isoformat()}})

    assert len(account_with_a_proof().found(failed_proofs, world)) == 1


@pytest.mark.parametrize(
    ("status", "ended_at"),
    [("ABORTED", NOON), ("SUCCEEDED", NOON), ("RUNNING", NOON), ("FAILED", NOON - timedelta(days=3))],
    ids=["stopped", "good", "under-way", "long-ago"],
)
def test_what_somebody_stopped_what_is_good_and_what_was_tried_again_since_is_not_told(
    world: World, status: str, ended_at: datetime
) -> None:
    recorded(world)

    assert account_with_a_proof(status, ended_at=ended_at).found(failed_proofs, world) == []


def test_what_was_found_too_cold_for_any_proof_since_is_not_told(world: World) -> None:
    recorded(world, proofs={"look": {"at": (NOON - HOUR / 2).isoformat()}})

    assert account_with_a_proof().found(failed_proofs, world) == []


def test_a_failed_clean_up_after_a_proof_is_no_proof(world: World) -> None:
    account = Account()
    account.run("clean-up", "FAILED", machine=WATCHED.proving_machine_arn, ended_at=NOON, given='{"detail": {}}')

    assert account.found(failed_proofs, world) == []


def test_where_nothing_is_proven_again_nothing_is_told(world: World) -> None:
    assert Account().found(failed_proofs, world) == []
