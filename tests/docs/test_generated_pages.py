"""Pages that are written from the code are up to date."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from backup_actions.cli.application import COMMANDS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(name="generate", scope="module")
def _generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ACTIONS = ["dynamodb-export", "ebs-archive", "offsite-copy", "rds-dump", "rds-export"]


@pytest.mark.parametrize(
    "page", ["errors.md", "settings.md", "cli.md", "costs.md", *(f"actions/{name}.md" for name in ACTIONS)]
)
def test_the_page_says_what_the_code_says(generate: ModuleType, page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == generate.PAGES[page](), "run `make docs`"


def test_every_action_has_its_page(generate: ModuleType) -> None:
    assert [action.name for action in generate.own_actions().actions] == ACTIONS


def test_this_projects_own_actions_are_sound(generate: ModuleType) -> None:
    found = generate.own_actions()

    assert found.broken == ()
    assert found.actions != ()


def test_every_error_has_its_heading(generate: ModuleType) -> None:
    page = generate.errors_page()

    for kind in generate.error_classes():
        assert f"\n### {kind.code} {kind.__name__}\n" in page


def test_every_command_has_its_heading(generate: ModuleType) -> None:
    page = generate.cli_page()

    for name in COMMANDS:
        assert f"\n## {name}\n" in page
    for name in ("list", "hold", "release", "retention"):
        assert f"\n### imports {name}\n" in page
