"""The page about an action: ours and anybody's are made by the same code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backup_actions.cli.pages import action_page
from backup_actions.plugins import installed_action

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

ARCHIVE = installed_action("ebs-archive")


def test_a_page_has_steps_settings_permissions_and_the_drawing() -> None:
    page = action_page(ARCHIVE)

    assert page.startswith("# Archive the files of an EBS snapshot to S3 (`ebs-archive`)\n\nFor backups of EBS.")
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        "## Steps",
        "## Settings",
        "## What it may do",
        "## The workflow",
    ]
    assert "| `actions.ebs-archive.read_from` |" in page
    assert "\n### job-verify\n" in page
    assert "\n```mermaid\nflowchart TD\n" in page


def test_every_row_of_a_table_has_as_many_cells_as_its_heading() -> None:
    widths = [line.replace("\\|", "").count("|") for line in action_page(ARCHIVE).splitlines() if line[:1] == "|"]

    assert set(widths) == {4, 5}


def test_what_was_written_above_the_generated_part_stays() -> None:
    once = action_page(ARCHIVE, "# Ours\n\nWritten by hand.\n")

    assert once.startswith("# Ours\n\nWritten by hand.\n\n<!-- From here on written by ")
    assert action_page(ARCHIVE, once) == once


@pytest.mark.usefixtures("own_actions")
def test_the_page_is_printed_or_written(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "ebs.md"

    assert cli("actions", "--page", "ebs-archive").out == action_page(ARCHIVE)
    assert cli("actions", "--page", "ebs-archive", "--to", file).err == f"wrote {file}\n"
    assert file.read_text() == action_page(ARCHIVE)
    assert cli("actions", "--page", "ebs-archive", "--json").json["page"] == action_page(ARCHIVE)


@pytest.mark.parametrize("arguments", [("--page", "x", "--graph", "x"), ("--to", "x")])
@pytest.mark.usefixtures("own_actions")
def test_two_questions_at_once_are_refused(cli: Cli, arguments: tuple[str, ...]) -> None:
    assert cli("actions", *arguments).status == 2
