"""Somebody's action has its section of the settings file as ours have: schema, example, page and mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from backup_actions.cli.errors import run

if TYPE_CHECKING:
    from tests.testing.conftest import Written

SETTINGS = """\
account: "111122223333"
region: us-east-1
zones: [us-east-1a]
vaults: [backups]
actions: {vm-notes: {note: 7}}
"""


@pytest.mark.usefixtures("written")
def test_schema_and_example_have_its_section(capfd: pytest.CaptureFixture[str]) -> None:
    run(["check", "--schema"])
    schema = json.loads(capfd.readouterr().out)
    run(["check", "--example"])
    example = yaml.safe_load(capfd.readouterr().out)

    assert "vm-notes" in schema["$defs"]["ActionSections"]["properties"]
    assert example["actions"]["vm-notes"].items() >= {"enabled": True, "note": ""}.items()


@pytest.mark.usefixtures("written")
def test_a_wrong_value_of_its_settings_is_told_with_its_place(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "backup-actions.yaml"
    file.write_text(SETTINGS)

    assert run(["check", str(file)]) == 2
    assert "actions.vm-notes.note (line 5)" in capfd.readouterr().err


def test_the_page_about_it_is_written_as_ours_are(written: Written, capfd: pytest.CaptureFixture[str]) -> None:
    page = written.folder / "page.md"

    assert run(["actions", "--page", "vm-notes", "--to", str(page)]) == 0
    capfd.readouterr()

    text = page.read_text(encoding="utf-8")
    assert f"# {written.action.title} (`vm-notes`)\n\nFor backups of VirtualMachine." in text
    for part in ("| keep | job, ", "| `actions.vm-notes.note` |", "### job-keep", "flowchart TD"):
        assert part in text
