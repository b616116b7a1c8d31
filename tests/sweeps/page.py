"""What the whole sweeps found when they were last run, kept beside them, and the page that tells of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "sweeps.md"
LAST = Path(__file__).with_name("last_results.json")
"""By subject and kind: ``on`` (the day), ``tried``, ``broken``, and ``counts``: group, outcome, how often."""

SUBJECTS: Mapping[str, str] = {
    "test_every_call_fails": "EBS archives",
    "test_every_grant_is_needed": "EBS archives",
    "test_database_export_sweeps": "Exports of databases",
    "test_table_export_sweeps": "Exports of tables",
    "test_database_dump_sweeps": "Dumps of databases",
    "test_offsite_sweeps": "Off-site copies",
}
"""Module of a sweep → what it is about."""

_KINDS = {
    "faults": ("Single faults", "what happens to the call"),
    "grants": ("Single grants", "role"),
}

_INTRODUCTION = """\
<!-- Written by `make sweep`, which tries all of it; `make test` tries a fixed sample. -->
# Sweeps

After every run the promises are checked: a backup is only gone with an archive that verifies right now; nothing that
was made is left, on AWS or on the machine; a manifest names only what is there; one archive per recovery point; every
execution ends; whatever fails keeps the backup, says so, and is in the ledger; no secret is shown. A passing error or
a lost answer must not even be noticed: the run has to succeed.

**Single faults:** each AWS call of one run, from the event to the proven deletion of the backup, fails in turn: once
with an error that passes (throttling), once with one that does not (access denied), once after it was carried out (its
answer is lost), and from then on for good.

**Single grants:** each action of each statement of each role is taken away in turn, in a run that needs it.

`make sweep ARGS="-k dump"` sweeps one subject; each tells when all of it was last tried.
"""


def summary(results: Iterable[Mapping[str, Any]], day: str) -> dict[str, Any]:
    """What is kept of these results."""
    results = list(results)
    counts = Counter((result["group"], result["outcome"]) for result in results)
    return {
        "on": day,
        "tried": len(results),
        "broken": sum(len(result["broken"]) for result in results),
        "counts": [[group, outcome, number] for (group, outcome), number in sorted(counts.items())],
    }


def last() -> dict[str, dict[str, Any]]:
    """What is known of every subject."""
    return dict(json.loads(LAST.read_text(encoding="utf-8")))


def page(known: Mapping[str, Mapping[str, Any]]) -> str:
    """The page about it."""
    lines = [_INTRODUCTION]
    for subject in dict.fromkeys(SUBJECTS.values()):
        lines += [f"## {subject}", ""]
        for kind, (title, group) in _KINDS.items():
            found = known.get(subject, {}).get(kind)
            lines += _table(title, group, found) if found else [f"{title}: the whole was not tried yet.", ""]
    return "\n".join([*lines, *_not_shown()])


def _table(title: str, group: str, found: Mapping[str, Any]) -> Iterator[str]:
    counts = {(of, outcome): number for of, outcome, number in found["counts"]}
    groups, outcomes = sorted({of for of, _ in counts}), sorted({outcome for _, outcome in counts})
    yield from (f"{title}, on {found['on']}: {found['tried']} tried, promises broken: {found['broken']}.", "")
    yield f"| {group} | tried | " + " | ".join(outcomes) + " |"
    yield "| --- " * (len(outcomes) + 2) + "|"
    for each in groups:
        numbers = [counts.get((each, outcome), 0) for outcome in outcomes]
        yield f"| {each} | {sum(numbers)} | " + " | ".join(str(number or "") for number in numbers) + " |"
    yield ""


def _not_shown() -> Iterator[str]:
    from tests.sweeps import test_database_dump_sweeps as dumps
    from tests.sweeps import test_database_export_sweeps as databases
    from tests.sweeps import test_offsite_sweeps as offsite
    from tests.sweeps.grants import UNUSED_HERE

    shown_elsewhere = {"rds:ListTagsForResource"}  # by the runs of databases
    unused = {key: reason for key, reason in UNUSED_HERE.items() if key[1] not in shown_elsewhere}
    yield from ("## Not shown", "", "No run here can show that these grants are needed:", "")
    elsewhere = {**databases.UNUSED_HERE, **dumps.UNUSED_HERE, **offsite.UNUSED_HERE}
    for (role, action), reason in {**unused, **elsewhere}.items():
        yield f"- {action} of {role}: {reason}"
    yield from (
        "",
        "When the notification itself is refused for good, nobody can be told; the execution then fails.",
        "",
    )
