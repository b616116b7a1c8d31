"""Gathers what the sweeps found, from all workers; where all of a subject was tried, the page says so."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import pytest
from tests.sweeps import page

_Part = tuple[str, str, str]


@pytest.fixture(name="whole_sweep", scope="module")
def _whole_sweep(pytestconfig: pytest.Config) -> None:
    """Every single call of an action's own roles; the contract of actions holds a fixed sample of them."""
    if not pytestconfig.getoption("sweep"):
        pytest.skip("needs --sweep: tests/contract/test_our_actions.py tries a sample")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print what was tried; of a whole sweep, and of nothing less, the page is told."""
    results: dict[_Part, list[dict[str, Any]]] = defaultdict(list)
    shares: dict[_Part, int] = defaultdict(int)
    for module, kind, found in _found(terminalreporter):
        part = (module, page.SUBJECTS[module], kind)
        results[part] += found
        shares[part] += 1
    if not results:
        return
    day = datetime.now(UTC).date().isoformat()
    known = page.last()
    terminalreporter.section("sweeps")
    for (module, subject, kind), found in results.items():
        is_whole = config.getoption("sweep") and shares[module, subject, kind] == _shares_of(module)
        broken = sum(len(result["broken"]) for result in found)
        of = "all" if is_whole else "some"
        terminalreporter.write_line(f"{subject}, {of} {kind}: {len(found)} tried, promises broken: {broken}")
        if is_whole:
            known.setdefault(subject, {})[kind] = page.summary(found, day)
    if known != page.last():
        page.LAST.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        page.PAGE.write_text(page.page(known), encoding="utf-8")


def _found(terminalreporter: Any) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            for key, value in getattr(report, "user_properties", ()):
                module = PurePath(report.nodeid.partition("::")[0]).stem
                if key in {"faults", "grants"} and report.when == "call" and module in page.SUBJECTS:
                    yield module, key, json.loads(value)


def _shares_of(module: str) -> int:
    """In how many tests a sweep is divided, so that workers can do them side by side."""
    from tests.sweeps import test_every_call_fails as calls
    from tests.sweeps import test_every_grant_is_needed as grants

    return {"test_every_call_fails": calls.SHARES, "test_every_grant_is_needed": grants.SHARES}.get(module, 1)
