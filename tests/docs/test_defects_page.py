"""Each defect that must not be here is held by tests that there are."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "defects.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \|$", re.MULTILINE)
ROWS = {int(number): held_by for number, _, held_by in _ROW.findall(PAGE)}


@cache
def functions_of(file: str) -> frozenset[str]:
    """The functions that pytest takes for tests in a file of ours."""
    assert Path(file).name.startswith("test_"), f"pytest does not look into {file}"
    module = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in module.body if isinstance(node, ast.FunctionDef))


def test_all_of_them_are_listed_in_order() -> None:
    assert list(ROWS) == list(range(1, 37))


@pytest.mark.parametrize("number", ROWS)
def test_what_holds_a_defect_off_is_there(number: int) -> None:
    named = re.findall(r"`([^`]+)`", ROWS[number])

    assert named
    assert " · ".join(f"`{name}`" for name in named) == ROWS[number]
    for name in named:
        file, _, test = name.partition("::")
        assert test.startswith("test_"), name
        assert test in functions_of(file), f"there is no {name}"
