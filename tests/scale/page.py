"""What the last whole night came to, kept beside this file, and the page that tells of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "scale.md"
LAST = Path(__file__).with_name("last_night.json")

_INTRODUCTION = """\
<!-- Written by `make scale`, which lets a whole night pass; `make test` lets a small one pass. -->
# At scale

`make scale ARGS="--points 10000 --vcpus-per-zone 512"` lets a night pass on the embedded AWS, in less than two hours
and 5 GiB of memory: recovery points of three kinds appear at the rate of 10,000 in eight hours (1,250 an hour), EBS by
far the most, 12 % DynamoDB, 5 % RDS, in one vault, under the policy `delete`. Workflows, functions, permissions, ledger
and **jobs are the real ones**; nothing is replaced by a recorded result. What is small is what they work on: disks of
1 MiB, tables of one item, databases with a few small tables. In place of the time that real ones take, each job lets 2
to 14 minutes of simulated time pass before it works.

Meanwhile one call in 100 of 21 operations of eight services is throttled, one job in 25 loses its Spot host when it
has just begun, and for a while (5 % of the points, and five minutes) no event of AWS Backup arrives. 25 hours after
everything has come to rest a sweep looks for what was missed, and so on every day until none puts anything right.

What must hold afterwards: each point has one run of the main machine that ended well, and one manifest; of every run
that did not, people were told, and one `replay` of the point ended well; no manifest was written twice; never more than
five exports ran at once and never more jobs in a zone than its vCPUs bear, counted from the beginnings and ends that
the services themselves have, so at every moment; no job, volume, upload, lease, or object without a manifest is left;
nobody was refused a call.
"""

_LIMITS = """\
## What limits it

- **Exports of RDS snapshots:** an account runs five at a time. All others wait for a lease, in the ledger as `waiting`,
  and ask every ten minutes; a machine waits for seven days at most. With exports of `t` minutes, no more than
  5 * 10,080 / `t` points may appear at once: 1,680 at half an hour each.
- **Jobs:** a zone has `vcpus_per_zone`: with the 32 that it has unless told otherwise sixteen jobs at a time. Each
  archive is two jobs, so that 10,000 whose jobs take eight minutes keep two zones busy for 83 hours; with 512 they are
  archived as they come, if the account's quota of Spot vCPUs bears it. A run begins in the zone that follows from its
  name, so that all zones fill up alike; one whose job gets no host there for `placement_timeout_minutes` goes to the
  next. In its last zone it waits as long as others' jobs run there: a full zone is not one without capacity.
  EBS archives hold their volume while they wait for the archiving job: it is paid for that long, and counts
  against the account's quota of gp3 storage. Where that is full, the next ones wait, in the ledger as `waiting`.
- **Throttling:** `CreateVolume` is tried six times in a zone, within a minute at most, then in the next zone; then the
  run waits, 1 to 2 minutes at first and up to an hour later on, and goes through the zones again, for
  `capacity_timeout_hours` (24). Only a storm that lasts longer ends in `NoZoneLeft`: the backup is kept, people are
  told, and `replay` begins again.
- **The ledger:** all who wait for an export read one partition (`lease#rds-export`), once in ten minutes each: 1,000
  that wait are two reads a second of a few items; DynamoDB gives a partition 3,000.
- **State machines:** the longest history is far from the 25,000 events at which AWS ends an execution; waits grow to
  ten minutes, and each states its bound.
- **This simulation:** one process, so one core at a time. Calls, each signed, checked against the permissions and
  noted, take most of it, those of jobs among them; then the jobs themselves and the expressions of workflows. Points
  wait for jobs and exports as threads, so that memory is needed above all for those under way at once.
"""


def write(found: Mapping[str, Any]) -> None:
    """Keep it, and write the page."""
    LAST.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(page(found), encoding="utf-8")


def last() -> dict[str, Any]:
    """What is known of the last night."""
    return dict(json.loads(LAST.read_text(encoding="utf-8")))


def page(found: Mapping[str, Any]) -> str:
    """The page about it."""
    parts = [_INTRODUCTION, *_night(found), *_table(found)]
    return "\n".join([*parts, _LIMITS.rstrip(), ""])


def _night(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"## The last night: {found['points']:,} recovery points, on {found['on']}"
    yield ""
    yield f"Broken promises: **{found['broken']}**."
    if failed := found.get("failed_runs"):
        yield f"Runs that failed: {failed}. Their backups were kept, people were told, and a `replay` archived each."
    yield ""


def _table(found: Mapping[str, Any]) -> Iterator[str]:
    yield from ("| what | how much |", "| --- | --- |")
    yield from (f"| {what} | {much} |" for what, much in _rows(found))
    yield ""


def _rows(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Recovery points", _listed(found["kinds"])
    yield "What became of them (Parquet alone never deletes a backup)", _listed(found["outcomes"])
    yield "From the first backup to the last end of a run, simulated", f"{found['hours']} hours"
    for kind, hours in found["hours_by_kind"].items():
        yield f"A run of {kind}, simulated", f"median {hours['median']} hours, longest {hours['longest']}"
    at_most = found["vcpus_per_zone"] // 2
    yield "`vcpus_per_zone`; two for each job", f"{found['vcpus_per_zone']}"
    yield "Jobs; most at once in each zone", f"{found['jobs']:,}; {_listed(found['jobs_at_once'])} of {at_most}"
    yield "Exports of RDS; most at once", f"{found['exports']:,}; {found['exports_at_once']} of 5"
    yield "Exports that RDS refused because of its quota", f"{found['exports_refused']:,}"
    yield "Volumes of ours, most at once", f"{found['volumes_at_once']:,}"
    yield "Calls that were throttled", f"{found['throttled']:,}"
    yield "Jobs whose host was lost", f"{found['hosts_lost']:,}"
    yield "Events that were lost; findings of the sweep", f"{found['events_lost']:,}; {found['found_by_sweep']:,}"
    yield "State transitions", f"{found['transitions']:,}"
    yield "Longest history", f"{found['history_at_most']:,} of 25,000 events"
    yield "Calls to the embedded AWS", f"{found['calls']:,}"
    time = f"{found['wall_minutes']} minutes, {found['cpu_minutes']} of them at work"
    yield "Time of this machine, which others used too", f"{time}: {_seconds_each(found)} seconds a point"
    yield "Costs at AWS, by what the runs used", f"{found['cost_usd']}, ${found['cost_usd_each']} a point"


def _seconds_each(found: Mapping[str, Any]) -> float:
    return round(60 * float(found["cpu_minutes"]) / int(found["points"]), 2)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items())
