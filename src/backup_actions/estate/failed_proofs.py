"""Proofs that came to nothing: nobody knows what the archive is, which is no damage, and is told all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from backup_actions.aws.executions import Execution, ended
from backup_actions.errors import AwsCallFailed
from backup_actions.estate.findings import Finding, Kind
from backup_actions.estate.looking import Looking, Page
from backup_actions.ledger import Entry

LOOK = "look"
"""Under which the ledger keeps the last proof that found all too cold to be read, whatever kind it was to be."""

# What failed longer ago has been tried again since, each day.
_SWEEPS_BACK = 2
_LOOKED_AT_MOST = 200
_CAUSE_CHARACTERS = 500

_STEPS: Mapping[str, str] = {
    "JobFailed": "read the job's log, which the cause names",
    "NoZoneLeft": "wait for capacity, or name another availability zone under `zones` in the settings",
}


def failed_proofs(looking: Looking, cursor: str) -> Iterator[Page]:
    """Of each archive that was not proven since, the last proof that failed or timed out; stopped by somebody is none.

    One page: they are no more than there are proofs in a few days.
    """
    del cursor
    machine = looking.estate.proving_machine_arn
    after = looking.world.clock.now() - timedelta(hours=looking.estate.sweep_hours * _SWEEPS_BACK)
    told: set[tuple[str, str, str]] = set()
    findings = []
    try:
        failed = ended(looking.world.clients.stepfunctions, machine, ("FAILED", "TIMED_OUT"), after=after)
        for execution in islice(failed, _LOOKED_AT_MOST):
            given = json.loads(execution.given)
            if "proofKey" not in given:  # it only cleaned up after another one
                continue
            about = (str(given["recoveryPoint"]["arn"]), str(given["action"]), str(given["kind"]))
            if about not in told and (finding := _judged(looking, execution, *about)):
                findings.append(finding)
            told.add(about)
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] != "StateMachineDoesNotExist":  # nothing is proven again here
            raise
    yield Page(tuple(findings))


def _judged(looking: Looking, failed: Execution, point: str, action: str, kind: str) -> Finding | None:
    entries = looking.ledger.entries(point)
    entry = next((each for each in entries if each.action == action and not each.is_again), None)
    if entry is None or failed.ended_at is None or _last_looked_at(entry, kind) > failed.ended_at:
        return None
    step = _STEPS.get(failed.error, "correct what the cause names")
    by_hand = looking.command(f"prove {point}{' --restore' if kind == 'restore' else ''}")
    return Finding(
        kind=Kind.FAILED_PROOF,
        subject=point,
        what=f"whether what {action} has made of it is good could not be found out, by a {kind}: "
        f"{failed.error or failed.status}: {failed.cause[:_CAUSE_CHARACTERS] or 'no cause'} ({failed.arn})",
        since=failed.ended_at.isoformat(),
        remedy=f"{step}; it is tried again when its turn comes, or at once by `{by_hand}`",
    )


def _last_looked_at(entry: Entry, kind: str) -> datetime:
    """When it was last found good or damaged in this way, or too cold for any."""
    details: Mapping[str, Any] = entry.details
    proofs = details.get("proofs") or {}
    moments = [datetime.fromisoformat(str(proofs[each]["at"])) for each in (kind, LOOK) if each in proofs]
    return max(moments, default=datetime.min.replace(tzinfo=UTC))
