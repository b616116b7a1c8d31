"""Lines that are matched give what lines that are parsed give, and what is not alike is not matched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.parquet.tables import Item, compared, converted, items_of, line

from backup_actions.parquet import items as items_module
from backup_actions.parquet import sharing
from backup_actions.parquet.line_patterns import pattern_like

ALL: Item = {
    "id": {"S": "a"},
    "sch\\lüssel %d": {"N": "-1.5E+3"},
    "ok": {"BOOL": True},
    "none": {"NULL": True},
    "raw": {"B": "AAEC"},
    "words": {"SS": ["x", "y"]},
    "numbers": {"NS": ["1", "2"]},
    "map": {"M": {"100 %": {"S": "b"}, "n": {"N": "7"}, "deep": {"M": {}}, "no": {"BOOL": False}}},
    "list": {"L": [{"S": "a"}, {"NULL": True}, {"SS": ["q"]}, {"B": "AA=="}, {"L": []}]},
}


@pytest.fixture(autouse=True)
def _no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python reads every line, as where the item reader is missing."""
    monkeypatch.setattr(sharing, "item_program", lambda: None)


def stripped(item: Item) -> bytes:
    return line(item).rstrip(b"\n")


def test_a_pattern_matches_the_line_it_is_made_from() -> None:
    pattern = pattern_like({name: value for name, value in ALL.items() if "\\" not in name})

    assert pattern is not None
    match = pattern.match(stripped({name: value for name, value in ALL.items() if "\\" not in name}))
    assert match is not None
    text, *leaves = match.groups()
    assert text == stripped({name: value for name, value in ALL.items() if "\\" not in name})[8:-1]
    assert pattern.values([(leaf,) for leaf in leaves]) == [
        (b"a",),
        [True],
        [None],
        (b"AAEC",),
        [["x", "y"]],
        [["1", "2"]],
        [b'{"100 %":"b","n":7,"deep":{},"no":false}'],
        [b'["a",null,["q"],"AA==",[]]'],
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"id": {"N": "1"}, "m": {"M": {"x": {"S": "y"}}}},
        {"id": {"S": 'a"b'}, "m": {"M": {"x": {"S": "y"}}}},
        {"id": {"S": "a"}, "m": {"M": {"x": {"N": "1"}}}},
        {"id": {"S": "a"}, "m": {"M": {"x": {"S": "y"}, "z": {"S": "y"}}}},
        {"id": {"S": "a"}, "M": {"M": {"x": {"S": "y"}}}},
        {"id": {"S": "a"}},
    ],
)
def test_another_shape_and_an_escape_are_not_matched(other: Item) -> None:
    pattern = pattern_like({"id": {"S": "a"}, "m": {"M": {"x": {"S": "y"}}}})

    assert pattern is not None
    assert pattern.match(stripped(other)) is None


@pytest.mark.parametrize(
    "item",
    [
        {"n": {"NULL": True}},
        {"m": {"M": {"numbers": {"NS": ["1"]}}}},
        {"l": {"L": [{"S": "x"}] * 65}},
    ],
)
def test_what_has_no_simple_form_has_no_pattern(item: Item) -> None:
    assert pattern_like(item) is None


def shapes(number: int) -> dict[str, Any]:
    """Items of a few shapes, with every type, escapes and letters of every kind among their values."""
    item: dict[str, Any] = {
        **ALL,
        "id": {"S": ["plain", 'quo"te', "back\\slash", "line\nend", "grüße", "%s", "}]", ""][number % 8]},
        "sch\\lüssel %d": {"N": f"{number}.25" if number % 3 else str(number)},
    }
    if number % 5 == 0:
        item["sometimes"] = {"L": [{"N": str(n)} for n in range(number % 4)]}
    return item


def test_matched_and_parsed_lines_give_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [shapes(number) for number in range(2000)]
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    table, matched = converted(tmp_path / "one", items)
    monkeypatch.setattr(items_module, "pattern_like", lambda item: None)
    _, parsed = converted(tmp_path / "two", items)

    def key(row: dict[str, Any]) -> str:
        return json.dumps(row, default=str, sort_keys=True)

    assert sorted(matched, key=key) == sorted(parsed, key=key)
    assert items_of(matched) == sorted(items, key=json.dumps)
    assert compared(tmp_path / "one", table, items) == ()


def test_a_matched_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    import gzip

    from tests.parquet.tables import data_file

    from backup_actions.archive import FolderStore
    from backup_actions.errors import CorruptExport
    from backup_actions.parquet import ConversionOptions, convert

    content = b'{"Item":{"a":{"S":"x"}}}\n' * 100 + b'{"Item":{"a":{"S":"\xff"}}}\n'
    file = data_file(tmp_path / "export", "data.json.gz", gzip.compress(content), 101)
    with pytest.raises(CorruptExport):
        convert(
            [file],
            source=FolderStore(tmp_path / "export"),
            to=FolderStore(tmp_path / "table"),
            keys={},
            options=ConversionOptions(workers=1),
        )
