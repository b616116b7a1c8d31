"""What a person wants to know of an estate, of a resource, of a recovery point: read from the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

from backup_actions.aws import World
from backup_actions.aws.documents import read_document
from backup_actions.aws.executions import execution_arn
from backup_actions.estate.description import Estate
from backup_actions.ledger import Entry, Ledger, Standing, Status
from backup_actions.ledger.ledger import THE_POINT
from backup_actions.model.json_types import JsonObject

_FAILURES_AT_MOST = 20


@dataclass(frozen=True, slots=True)
class Count:
    """How many stand so, and which does for longest."""

    standing: str
    count: int
    oldest: Entry | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A point that waits for a person."""

    entry: Entry
    reasons: tuple[str, ...]
    """What its actions say."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole estate."""

    points: tuple[Count, ...]
    actions: tuple[Count, ...]
    failures: tuple[Failure, ...]
    """The oldest of them; how many there are is in the counts."""

    def to_json(self) -> JsonObject:
        """The form for scripts."""
        return {
            "points": [_count(each) for each in self.points],
            "actions": [_count(each) for each in self.actions],
            "failures": [{**_described(each.entry), "reasons": [*each.reasons]} for each in self.failures],
        }


@dataclass(frozen=True, slots=True)
class ResourcePoints:
    """The recovery points of one resource, the newest backup first."""

    resource: str
    points: tuple[Entry, ...]

    def to_json(self) -> JsonObject:
        """The form for scripts."""
        return {"resource": self.resource, "points": [_described(each) for each in self.points]}


@dataclass(frozen=True, slots=True)
class PointInDetail:
    """All that is known of one recovery point."""

    entry: Entry
    actions: tuple[Entry, ...]
    execution_arn: str
    evidence_place: str
    evidence: Mapping[str, Any]
    """Empty while there is none."""

    @property
    def why(self) -> str:
        """Why the backup was kept, let go or left alone."""
        details, evidence = self.entry.details, self.evidence
        if details.get("failed") and details.get("reason"):  # though what an earlier run has archived stands
            return str(details["reason"])
        # What an earlier run decided says nothing of one that came to no decision.
        decision = (evidence.get("decision") if evidence.get("run") == self.entry.run else None) or {}
        return str(decision.get("because") or details.get("reason") or details.get("subject") or "")

    @property
    def artifacts(self) -> list[Mapping[str, Any]]:
        """What the actions have made and was proven, as their reports name it."""
        reports = [(action.get("result") or {}).get("report") or {} for action in self.evidence.get("actions", [])]
        return [artifact for report in reports for artifact in report.get("artifacts", [])]

    def to_json(self) -> JsonObject:
        """The form for scripts."""
        return {
            **_described(self.entry),
            "execution": self.execution_arn,
            "why": self.why,
            "actions": [
                {
                    "action": each.action,
                    "status": each.status,
                    "since": each.since,
                    "run": each.run,
                    "again": each.is_again,
                    "details": each.details,
                }
                for each in self.actions
            ],
            "artifacts": [dict(each) for each in self.artifacts],
            "evidence": self.evidence_place,
        }


Stands: TypeAlias = Overview | ResourcePoints | PointInDetail


def stands(world: World, estate: Estate, arn: str | None) -> Stands | None:
    """How the estate, the resource or the recovery point stands; None where the ledger knows nothing of the ARN.

    The whole estate reads the whole index, and a resource that of points, 1 MB a call: about 150 calls for 100,000
    points that were archived once each.
    """
    ledger = Ledger(world.clients.dynamodb, estate.ledger, world.clock)
    if arn is None:
        return _overview(ledger)
    if entries := ledger.entries(arn):
        return _in_detail(world, estate, entries)
    found = [entry for status in Status for entry in ledger.standing(status, resource=arn)]
    by_age = tuple(sorted(found, key=lambda entry: entry.since, reverse=True))
    return ResourcePoints(arn, by_age) if found else None


def _overview(ledger: Ledger) -> Overview:
    def counted(standing: str) -> Count:
        return Count(standing, ledger.count(standing), ledger.oldest(standing))

    failed = islice(ledger.standing(Status.FAILED), _FAILURES_AT_MOST)
    return Overview(
        points=tuple(map(counted, Status)),
        actions=tuple(map(counted, Standing)),
        failures=tuple(Failure(entry, tuple(_reasons(ledger, entry))) for entry in failed),
    )


def _in_detail(world: World, estate: Estate, entries: list[Entry]) -> PointInDetail:
    entry = entries[0]
    key = str(entry.details.get("evidence", "")) if entry.item == THE_POINT else ""
    if key and not key.endswith(".json"):  # as it is noted while a run is at it
        key = f"{key}/evidence.json"
    return PointInDetail(
        entry=entry,
        # What an earlier run came to again is over when another run is at the point.
        actions=tuple(each for each in entries if each.action and (not each.is_again or each.run == entry.run)),
        execution_arn=execution_arn(estate.main_machine_arn, entry.run),
        evidence_place=f"s3://{estate.bucket}/{key}" if key else "",
        evidence=(read_document(world.clients.s3, estate.bucket, key) if key else None) or {},
    )


def _reasons(ledger: Ledger, failed: Entry) -> Iterator[str]:
    for entry in ledger.entries(failed.point):
        if entry.action and entry.run == failed.run and entry.details.get("reason"):
            yield f"{entry.action}: {entry.details['reason']}"


def _count(counted: Count) -> JsonObject:
    oldest = _described(counted.oldest) if counted.oldest else None
    return {"standing": counted.standing, "count": counted.count, "oldest": oldest}


def _described(entry: Entry) -> JsonObject:
    point = entry.recovery_point
    return {
        "point": entry.point,
        "resource": entry.resource,
        "resource_type": point.resource_type,
        "vault": point.vault_name,
        "status": entry.status,
        "since": entry.since,
        "changed_at": entry.changed_at,
        "run": entry.run,
        **({"action": entry.action} if entry.action else {}),
    }
