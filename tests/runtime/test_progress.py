"""A job's progress is JSON, a line now and then, and complete at the end."""

from __future__ import annotations

import io
import json

from backup_actions.runtime.progress import JsonLines


def lines(out: io.StringIO) -> list[dict[str, object]]:
    """What was written."""
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_work_begins_with_its_name_and_size() -> None:
    out = io.StringIO()

    JsonLines(out).start("p1", 100)

    assert lines(out) == [{"start": "p1", "total_bytes": 100}]


def test_many_small_steps_cost_few_lines_and_the_last_is_told() -> None:
    out = io.StringIO()
    progress = JsonLines(out, at_least_seconds=3600)
    progress.start("p1", 1000)

    for _ in range(1000):
        progress.add(1)

    assert [line["done_bytes"] for line in lines(out) if "progress" in line] == [1, 1000]


def test_a_note_is_a_line_of_its_own() -> None:
    out = io.StringIO()

    JsonLines(out).note("p2 is archived as an image")

    assert lines(out) == [{"note": "p2 is archived as an image"}]
