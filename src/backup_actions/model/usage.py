"""What a run used, counted where it was used. Names carry their units, so that prices can be put to them later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeAlias

Usage: TypeAlias = Mapping[str, float]
"""Name of ``Counted``, for some of them with a kind behind a colon → how much."""

GIB = 1 << 30
_HOUR_SECONDS = 3600
_FREE_IOPS, _FREE_MIB_PER_S = 3000, 125  # in the price of a gp3 volume: https://aws.amazon.com/ebs/pricing/


class Counted(StrEnum):
    """What is counted. A run of which a name is missing did not count it, or used nothing of it."""

    JOB_HOURS = "job_hours"
    JOB_VCPU_HOURS = "job_vcpu_hours"
    JOB_ATTEMPTS = "job_attempts"
    VOLUME_GIB_HOURS = "volume_gib_hours"
    VOLUME_IOPS_HOURS = "volume_iops_hours"
    """Of those above what is in the volume's price."""
    VOLUME_MIB_PER_S_HOURS = "volume_mib_per_s_hours"
    """Of those above what is in the volume's price."""
    VOLUME_INITIALIZED_GIB = "volume_initialized_gib"
    """Loaded at a rate that was asked for."""
    SNAPSHOT_BLOCKS = "snapshot_blocks"
    SNAPSHOT_LISTS = "snapshot_lists"
    PUT_REQUESTS = "put_requests"
    """Requests to S3 that write or list."""
    GET_REQUESTS = "get_requests"
    READ_GIB = "read_gib"
    """Behind a colon: the storage class, of those that are paid for when they are read."""
    DATABASE_HOURS = "database_hours"
    """Behind a colon: the class of the instance."""
    DATABASE_GIB_HOURS = "database_gib_hours"
    RDS_EXPORTED_GIB = "rds_exported_gib"
    DYNAMODB_EXPORTED_GIB = "dynamodb_exported_gib"
    DYNAMODB_RESTORED_GIB = "dynamodb_restored_gib"
    DYNAMODB_TABLE_GIB_HOURS = "dynamodb_table_gib_hours"
    """Of a restored table, which has point-in-time recovery."""
    SNAPSHOT_GIB_HOURS = "snapshot_gib_hours"
    """Of a copy that a run makes and removes; behind a colon: EBS, RDS or Aurora."""
    BETWEEN_REGIONS_GIB = "between_regions_gib"
    STATE_TRANSITIONS = "state_transitions"


def of_kind(counted: Counted, kind: str) -> str:
    """The name of what is counted by kind."""
    return f"{counted}:{kind}"


def added(usages: Iterable[Usage]) -> dict[str, float]:
    """All of them together, by name, without what is 0."""
    total: dict[str, float] = {}
    for usage in usages:
        for name, amount in usage.items():
            total[name] = total.get(name, 0) + amount
    return {name: round(total[name], 6) for name in sorted(total) if total[name]}


def usage_of_jobs(jobs: Mapping[str, Mapping[str, Any]]) -> Usage:
    """What Batch says of a run's jobs: the ``seconds`` and ``attempts`` of each, and ``vcpus`` where it says them."""
    usage: dict[str, float] = {
        Counted.JOB_HOURS: sum(job["seconds"] for job in jobs.values()) / _HOUR_SECONDS,
        Counted.JOB_ATTEMPTS: sum(job["attempts"] for job in jobs.values()),
    }
    if all("vcpus" in job for job in jobs.values()):
        usage[Counted.JOB_VCPU_HOURS] = sum(job["seconds"] * job["vcpus"] for job in jobs.values()) / _HOUR_SECONDS
    return usage


def usage_of_volume(*, gib: float, hours: float, iops: int, mib_per_s: int) -> Usage:
    """What a gp3 volume is paid for."""
    return {
        Counted.VOLUME_GIB_HOURS: gib * hours,
        Counted.VOLUME_IOPS_HOURS: max(0, iops - _FREE_IOPS) * hours,
        Counted.VOLUME_MIB_PER_S_HOURS: max(0, mib_per_s - _FREE_MIB_PER_S) * hours,
    }


def noted(run: str, usage: Usage) -> dict[str, str]:
    """The usage as a note that S3 keeps with an object."""
    return {"usage": json.dumps({"run": run, **usage}, separators=(",", ":"))}


def usage_noted(notes: Mapping[str, str], run: str) -> Usage:
    """What that run noted; nothing where another one did, or nobody."""
    try:
        usage = json.loads(notes.get("usage", "{}"))
        is_it = usage.pop("run", "") == run
        return {name: float(amount) for name, amount in usage.items()} if is_it else {}
    except (ValueError, TypeError, AttributeError):
        return {}
