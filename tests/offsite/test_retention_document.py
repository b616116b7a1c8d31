"""The page about retention: its example is what the code decides, its settings are those that there are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from tests.offsite.kept_imports import kept

from backup_actions.offsite.imports import Import
from backup_actions.offsite.retention import Rules, decide
from backup_actions.settings.imports import Retention

PAGE = (Path(__file__).parents[2] / "docs" / "retention.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.split("## An example")[1].split("\n## ")[0]

TODAY = datetime(2026, 11, 22, 4, tzinfo=UTC)
BACKUPS = (
    "2026-11-21", "2026-11-14", "2026-11-10", "2026-11-07", "2026-10-31", "2026-10-30", "2026-10-24", "2026-10-17",
    "2026-09-30", "2026-08-31", "2025-12-31", "2025-12-24", "2024-12-31",
)  # fmt: skip
HOLDS = {"2025-12-24": "case 4711"}
LATE = {"2025-12-30": datetime(2026, 6, 1, tzinfo=UTC)}


def rules() -> Rules:
    """Those that the page gives."""
    (text,) = re.findall(r"```yaml\n(.*?)```", EXAMPLE, re.DOTALL)
    return Rules.among(Retention(**yaml.safe_load(text)["retention"]).model_dump())


def imports() -> list[Import]:
    """One backup of the database shop at three o'clock on each of these days."""
    backed_up = {day: datetime.fromisoformat(f"{day}T03:00:00+00:00") for day in (*BACKUPS, *LATE)}
    return [
        kept(
            day,
            at,
            imported_after=LATE[day] - at if day in LATE else timedelta(hours=1),
            hold=HOLDS.get(day, ""),
        )
        for day, at in backed_up.items()
    ]


def test_the_verdicts_of_the_example_are_those_of_the_code() -> None:
    rows = [
        f"| {each.imported.announcement.created_at[:10]} | {each.imported.imported_at[:10]} "
        f"| {'stays' if each.keeps else '**goes**'} | {each.because} |"
        for each in decide(imports(), rules(), TODAY)
    ]

    assert re.findall(r"^\| \d.*$", EXAMPLE, re.MULTILINE) == rows, "\n".join(rows)


def test_every_setting_of_retention_is_described() -> None:
    described = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)

    assert described == list(Retention.model_fields)
