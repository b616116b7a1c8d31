"""What became of a night: what did not hold, and the numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from tests.scale.night import EXPORTS_AT_ONCE, Night, point_of, put_right

from backup_actions.costs import bill_for, in_dollars, prices_of
from backup_actions.ledger import Leases
from backup_actions.ledger.daybook import Daybook, Line
from backup_actions_local.clock import START
from backup_actions_testing.invariants import archived_once, executions_end, nothing_left_behind

_MANIFESTS = ("/manifest.json", "/export.json")


def at_most_at_once(spans: Iterable[tuple[datetime, datetime]]) -> int:
    """How many of these were under way at the moment at which most were; one ends before another begins."""
    changes = sorted((when, step) for span in spans for when, step in zip(span, (1, -1), strict=True))
    running = most = 0
    for _, step in changes:
        running += step
        most = max(most, running)
    return most


def broken(night: Night) -> list[str]:
    """Everything that does not hold: in each sentence one thing."""
    found = [*archived_once(night), *executions_end(night), *nothing_left_behind(night)]
    return [*found, *_not_archived(night), *_over_quota(night), *_still_held(night), *_refused(night)]


def lines(night: Night) -> list[Line]:
    """What the day book says of the runs of the night."""
    client, table = night.cloud.administrator.client("dynamodb"), night.deployment.resources["LedgerTable"]
    return list(Daybook(client, table).lines(START, night.cloud.clock.now()))


def numbers(night: Night) -> dict[str, Any]:
    """What the page tells."""
    told, failed = lines(night), {execution.name for execution in night.failed()}
    ended_well = [line for line in told if line.run not in failed]
    jobs, tasks = night.cloud.jobs.jobs.values(), night.cloud.database_exports.tasks.values()
    return {
        "points": len(night.arns),
        "kinds": dict(sorted(Counter(line.resource_type for line in ended_well).items())),
        "outcomes": dict(sorted(Counter(line.outcome for line in ended_well).items())),
        "hours": round(_hours(night), 1),
        "hours_by_kind": _hours_by_kind(night, told),
        "wall_minutes": round(night.wall_seconds / 60, 1),
        "cpu_minutes": round(night.cpu_seconds / 60, 1),
        "calls": len(night.cloud.audit.entries),
        "failed_runs": len(failed),
        "executions": len(night.cloud.stepfunctions.executions()),
        "transitions": night.records.transitions,
        "history_at_most": night.records.history_at_most,
        "jobs": len(jobs),
        "vcpus_per_zone": night.plan.vcpus_per_zone,
        "jobs_at_once": _jobs_at_once(night),
        "exports": len(tasks),
        "exports_at_once": _exports_at_once(night),
        "exports_refused": len([e for e in night.cloud.audit.of("rds", "StartExportTask") if "Limit" in e.error_code]),
        "volumes_at_once": night.records.volumes_at_most,
        "throttled": night.throttling.throttled,
        "hosts_lost": sum(len(job.attempts) > 1 for job in jobs),
        "events_lost": night.events_lost,
        "found_by_sweep": put_right(night.swept),
        "cost_usd": in_dollars(_cost(told)),
        "cost_usd_each": str(round(_cost(told) / max(1, len(ended_well)), 5)),
    }


def _hours(night: Night) -> float:
    """From the first backup to the end of the last run that an event has started: the sweep's come a day later."""
    executions = night.executions(night.main_name)
    before_the_sweep = min(e.started for e in executions) + timedelta(days=1) if executions else START
    sweep_begins = _sweep_begins(night)
    ends = [e.stopped for e in executions if e.stopped and e.started < sweep_begins]
    return (max(ends, default=before_the_sweep) - START).total_seconds() / 3600 - 1  # tables get an hour of history


def _sweep_begins(night: Night) -> datetime:
    (first, *_) = night.cloud.audit.of("backup", "ListRecoveryPointsByBackupVault")
    return first.at


def _hours_by_kind(night: Night, told: list[Line]) -> dict[str, dict[str, float]]:
    kinds = {line.run: line.resource_type for line in told}
    hours: dict[str, list[float]] = {}
    for execution in night.executions(night.main_name):
        if execution.stopped:
            spent = (execution.stopped - execution.started).total_seconds() / 3600
            hours.setdefault(kinds.get(execution.name, "unknown"), []).append(spent)
    return {kind: {"median": round(median(h), 2), "longest": round(max(h), 2)} for kind, h in sorted(hours.items())}


def _cost(told: list[Line]) -> Decimal:
    prices = prices_of("us-east-1")
    usages = [action.usage for line in told for action in line.actions if action.usage]
    return sum((bill_for(usage, prices).usd for usage in usages), Decimal(0))


def _jobs_at_once(night: Night) -> Mapping[str, int]:
    jobs = list(night.cloud.jobs.jobs.values())
    return {
        queue.zone: at_most_at_once(
            (attempt.started, attempt.stopped)
            for job in jobs
            if job.queue_arn == queue.arn
            for attempt in job.attempts
            if attempt.started
        )
        for queue in night.cloud.jobs.queues.values()
    }


def _exports_at_once(night: Night) -> int:
    tasks = night.cloud.database_exports.tasks.values()
    return at_most_at_once((task.started, task.ended or datetime.max.replace(tzinfo=UTC)) for task in tasks)


def _not_archived(night: Night) -> Iterator[str]:
    """Each point has one run that ended well, and one manifest; of every other run people were told."""
    archived = Counter(point_of(e) for e in night.executions(night.main_name) if e.status == "SUCCEEDED")
    if archived != Counter(night.arns):
        yield f"of {len(night.arns)} points {len(archived)} have runs that ended well, and {archived.total()} of these"
    failed, notices = night.failed(), [notice["Message"] for notice in night.notices]
    for execution in failed:
        if not any(point_of(execution) in notice for notice in notices):
            yield f"{execution.name} is {execution.status}, of which nobody was told: {execution.error}"
    names = tuple(execution.name for execution in failed)
    lost = [job for job in night.cloud.jobs.jobs.values() if job.status == "FAILED" and not job.name.startswith(names)]
    yield from (f"the job {job.name} failed: {night.cloud.jobs.log_of(job.id)[-2000:]}" for job in lost)
    manifests = [key for key in night.stored() if key.endswith(_MANIFESTS)]
    if len(manifests) != len(night.arns):
        yield f"{len(manifests)} manifests of {len(night.arns)} points"


def _over_quota(night: Night) -> Iterator[str]:
    if _exports_at_once(night) > EXPORTS_AT_ONCE:
        yield f"{_exports_at_once(night)} exports at once"
    yield from (
        f"{n} jobs at once in {zone}" for zone, n in _jobs_at_once(night).items() if n > night.plan.jobs_at_once
    )


def _still_held(night: Night) -> Iterator[str]:
    client, table = night.cloud.administrator.client("dynamodb"), night.deployment.resources["LedgerTable"]
    leases = Leases(client, table, night.cloud.clock, quota="rds-export", slots=EXPORTS_AT_ONCE)
    yield from (f"a lease of {lease.owner}" for lease in leases.held())


def _refused(night: Night) -> Iterator[str]:
    refused = Counter((entry.service, entry.operation) for entry in night.cloud.audit.refused())
    yield from (f"{what} was not permitted, {count} times" for what, count in refused.items())
