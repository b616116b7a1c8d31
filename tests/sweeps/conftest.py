"""Gathers what the sweeps found, from all workers; a whole sweep writes it to docs/sweeps.md."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

_PAGE = Path(__file__).parents[2] / "docs" / "sweeps.md"
_TITLES = {
    "faults": (
        "Single faults",
        "Each AWS call of one run, from the event to the proven deletion of the backup, fails in turn: once with an "
        "error that passes (throttling), once with one that does not (access denied), once after it was carried out "
        "(its answer is lost), and from then on for good.",
        "what happens to the call",
    ),
    "grants": (
        "Single grants",
        "Each action of each statement of each role is taken away in turn, in a run that needs it.",
        "role",
    ),
}

_INTRODUCTION = """\
<!-- Written by `make sweep`, which tries all of it; `make test` tries a fixed sample. -->
# Sweeps

After every run the promises are checked: a backup is only gone with an archive that verifies right now; nothing that
was made is left, on AWS or on the machine; a manifest names only what is there; one archive per recovery point; every
execution ends; whatever fails keeps the backup, says so, and is in the ledger; no secret is shown. A passing error or
a lost answer must not even be noticed: the run has to succeed.
"""


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the result, and write the page when everything was tried."""
    found = {name: list(_found(terminalreporter, name)) for name in _TITLES}
    if not any(found.values()):
        return
    page = _page(found)
    terminalreporter.section("sweeps")
    terminalreporter.write(page.partition("# Sweeps\n")[2])
    if config.getoption("sweep") and all(found.values()):
        _PAGE.write_text(page, encoding="utf-8")


def _found(terminalreporter: Any, name: str) -> Iterator[Mapping[str, Any]]:
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            for key, value in getattr(report, "user_properties", ()):
                if key == name and report.when == "call":
                    yield from json.loads(value)


def _page(found: Mapping[str, list[Mapping[str, Any]]]) -> str:
    sections = (line for name, results in found.items() if results for line in _section(name, results))
    return "\n".join([_INTRODUCTION, *sections, *_not_shown()])


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


def _section(name: str, results: list[Mapping[str, Any]]) -> Iterator[str]:
    title, sentence, group = _TITLES[name]
    counts = Counter((result["group"], result["outcome"]) for result in results)
    groups, outcomes = sorted({g for g, _ in counts}), sorted({o for _, o in counts})
    yield from (f"## {title}", "", sentence, "")
    yield f"Tried: {len(results)}. Promises broken: {sum(len(result['broken']) for result in results)}."
    yield ""
    yield f"| {group} | tried | " + " | ".join(outcomes) + " |"
    yield "| --- " * (len(outcomes) + 2) + "|"
    for each in groups:
        numbers = [counts[each, outcome] for outcome in outcomes]
        yield f"| {each} | {sum(numbers)} | " + " | ".join(str(number or "") for number in numbers) + " |"
    yield ""
