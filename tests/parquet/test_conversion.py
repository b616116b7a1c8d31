"""DynamoDB's JSON as Parquet: typed where it can be, and never with a loss."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from tests.parquet.tables import Item, compared, converted, items_of

from backup_actions.errors import SettingInvalid
from backup_actions.parquet import ConversionOptions
from backup_actions.parquet.options import ExportFile, shares


def types(table: Any) -> dict[str, str]:
    return {column.name: column.type for column in table.columns}


def test_attributes_of_one_type_are_columns_of_it(tmp_path: Path) -> None:
    item: Item = {
        "id": {"S": "a"},
        "n": {"N": "7"},
        "price": {"N": "12.5"},
        "ok": {"BOOL": True},
        "raw": {"B": "AAEC"},
        "words": {"SS": ["x", "y"]},
        "numbers": {"NS": ["1", "2.25"]},
        "blobs": {"BS": ["AA==", "AQ=="]},
        "map": {"M": {"city": {"S": 'B"onn'}, "zip": {"N": "53111"}, "none": {"NULL": True}, "in": {"M": {}}}},
        "list": {"L": [{"S": "a"}, {"N": "1.50"}, {"BOOL": False}, {"SS": ["q"]}, {"NS": ["3"]}, {"B": "AA=="}]},
        "nothing": {"NULL": True},
    }

    table, (row,) = converted(tmp_path, [item], keys={"id": "S"})

    assert types(table) == {
        "id": "string",
        "blobs": "array<binary>",
        "list": "string",
        "map": "string",
        "n": "bigint",
        "numbers": "array<decimal(38,2)>",
        "ok": "boolean",
        "price": "decimal(38,2)",
        "raw": "binary",
        "words": "array<string>",
        "item": "string",
    }
    assert json.loads(row.pop("item")) == item
    assert json.loads(row.pop("map")) == {"city": 'B"onn', "zip": 53111, "none": None, "in": {}}
    assert row.pop("list") == '["a",1.50,false,["q"],[3],"AA=="]'
    assert row == {
        "id": "a",
        "n": 7,
        "price": Decimal("12.5"),
        "ok": True,
        "raw": b"\x00\x01\x02",
        "words": ["x", "y"],
        "numbers": [Decimal(1), Decimal("2.25")],
        "blobs": [b"\x00", b"\x01"],
    }


def test_an_attribute_of_several_types_is_readable_json(tmp_path: Path) -> None:
    values: list[dict[str, Any]] = [
        {"S": "text"},
        {"N": "1.50"},
        {"BOOL": True},
        {"B": "AAEC"},
        {"SS": ["x"]},
        {"NS": ["1"]},
        {"BS": ["AA=="]},
        {"M": {"a": {"S": "b"}}},
        {"L": []},
        {"NULL": True},
    ]

    table, found = converted(tmp_path, [{"id": {"N": str(at)}, "x": value} for at, value in enumerate(values)])

    assert types(table)["x"] == "string"
    assert [row["x"] for row in sorted(found, key=lambda row: row["id"])] == [
        '"text"',
        "1.50",
        "true",
        '"AAEC"',
        '["x"]',
        "[1]",
        '["AA=="]',
        '{"a":"b"}',
        "[]",
        None,
    ]


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        (["1", "-5", "999999999999999999"], "bigint"),
        (["1", "9999999999999999999"], "decimal(38,0)"),
        (["9" * 38], "decimal(38,0)"),
        (["1", "2.5"], "decimal(38,2)"),
        (["0.00001", "3"], "decimal(38,6)"),
        (["9" * 20 + "." + "1" * 18], "decimal(38,18)"),
        (["9" * 19 + "." + "1" * 19], "decimal(38,19)"),
        (["1E+20", "5"], "decimal(38,0)"),
        (["1E-20"], "decimal(38,24)"),
        (["9" * 38, "0.1"], "string"),
        (["1E+125"], "string"),
        (["1E-130"], "string"),
    ],
)
def test_a_number_loses_no_digit(tmp_path: Path, numbers: list[str], kind: str) -> None:
    table, found = converted(tmp_path, [{"n": {"N": number}} for number in numbers])

    assert types(table)["n"] == kind
    assert sorted(Decimal(row["n"]) for row in found) == sorted(map(Decimal, numbers))


def test_null_and_absent_differ_in_item(tmp_path: Path) -> None:
    items: list[Item] = [{"a": {"S": "1"}, "b": {"NULL": True}}, {"a": {"S": "2"}}, {"a": {"S": "3"}, "b": {"S": "x"}}]

    _, found = converted(tmp_path, items)

    assert [row["b"] for row in found] == [None, None, "x"]
    assert items_of(found) == sorted(items, key=json.dumps)


def test_names_that_differ_in_case_alone_are_told_apart(tmp_path: Path) -> None:
    table, (row,) = converted(tmp_path, [{"Id": {"S": "1"}, "id": {"S": "2"}, "ITEM": {"S": "3"}}])

    assert (row["Id"], row["id_2"], row["ITEM_2"]) == ("1", "2", "3")
    assert "the attribute 'id' is the column 'id_2'" in table.notes


def test_what_only_later_items_have_makes_earlier_files_be_written_again(tmp_path: Path) -> None:
    first: list[Item] = [{"id": {"N": str(n)}, "a": {"N": "1"}} for n in range(50)]
    second: list[Item] = [{"id": {"N": str(n)}, "a": {"S": "x"}, "b": {"BOOL": True}} for n in range(50, 100)]

    table, found = converted(tmp_path, first, second, workers=2)

    assert (table.rows, len(table.files), types(table)["a"]) == (100, 2, "string")
    assert {row["a"] for row in found} == {"1", '"x"'}
    assert items_of(found) == sorted([*first, *second], key=json.dumps)


def test_a_file_grows_no_longer_than_it_should(tmp_path: Path) -> None:
    items: list[Item] = [{"id": {"N": str(n)}, "text": {"S": "x" * 1000}} for n in range(5000)]

    table, found = converted(tmp_path, items, part_mib=1, row_group_mib=1)

    assert len(table.files) > 2
    assert items_of(found) == sorted(items, key=json.dumps)


def test_an_empty_table_has_its_keys_as_columns(tmp_path: Path) -> None:
    table, found = converted(tmp_path, [], [], keys={"customer": "S", "order": "N"})

    assert (table.rows, table.files, found) == (0, (), [])
    assert types(table) == {"customer": "string", "order": "bigint", "item": "string"}


def test_five_thousand_attributes_keep_the_commonest_as_columns(tmp_path: Path) -> None:
    items: list[Item] = [
        {"id": {"S": str(n)}, "often": {"N": "1"}, **{f"a{n}-{m}": {"S": "v"} for m in range(10)}} for n in range(500)
    ]

    table, found = converted(tmp_path, items, keys={"id": "S"}, columns_at_most=50)

    assert len(table.columns) == 51
    assert {"id", "often"} <= types(table).keys()
    assert "4952 attribute(s) have no column and are in 'item' alone" in table.notes[0]
    assert items_of(found) == sorted(items, key=json.dumps)


def test_an_item_of_400_kb_and_32_levels_is_a_row(tmp_path: Path) -> None:
    deep: dict[str, Any] = {"S": "x" * 400_000}
    for level in range(31):
        deep = {"M": {"deeper": deep}} if level % 2 else {"L": [deep]}

    _, (row,) = converted(tmp_path, [{"id": {"S": "1"}, "deep": deep}])

    assert json.loads(row["item"])["deep"] == deep
    assert row["deep"].count("deeper") == 15


def test_what_is_converted_compares_equal(tmp_path: Path) -> None:
    items: list[Item] = [
        {"id": {"S": str(n)}, "n": {"N": f"{n}.5"}, "m": {"M": {"x": {"NS": ["1.10"]}}}, "b": {"B": "AA=="}}
        for n in range(100)
    ]
    table, _ = converted(tmp_path, items[:60], items[60:])

    assert compared(tmp_path, table, items[:60], items[60:]) == ()


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
NUMBERS = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-1000, max_value=1000).map(str),
    st.tuples(st.integers(1, 99), st.integers(-128, 120)).map(lambda pair: f"{pair[0]}E{pair[1]:+}"),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
BLOBS = st.sampled_from(["AA==", "AAEC", "/+8="])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        TEXTS.map(lambda text: {"S": text}),
        NUMBERS.map(lambda number: {"N": number}),
        st.booleans().map(lambda value: {"BOOL": value}),
        st.just({"NULL": True}),
        BLOBS.map(lambda blob: {"B": blob}),
        st.lists(TEXTS, min_size=1, max_size=3, unique=True).map(lambda texts: {"SS": texts}),
        st.lists(NUMBERS, min_size=1, max_size=3, unique=True).map(lambda numbers: {"NS": numbers}),
        st.lists(BLOBS, min_size=1, max_size=3, unique=True).map(lambda blobs: {"BS": blobs}),
    ),
    lambda inner: st.one_of(
        st.dictionaries(NAMES, inner, max_size=3).map(lambda map_: {"M": map_}),
        st.lists(inner, max_size=3).map(lambda list_: {"L": list_}),
    ),
    max_leaves=8,
)


@hypothesis.settings(max_examples=30, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(st.lists(st.dictionaries(NAMES, VALUES, max_size=5), max_size=40), st.integers(0, 40))
def test_nothing_is_lost_whatever_the_items(tmp_path: Path, items: list[Item], cut: int) -> None:
    table, found = converted(tmp_path, items[:cut], items[cut:])

    assert items_of(found) == sorted(items, key=json.dumps)
    assert compared(tmp_path, table, items[:cut], items[cut:]) == ()


def test_files_are_dealt_out_by_their_items() -> None:
    files = [ExportFile(name=name, md5="", items=items) for name, items in [("a", 9), ("b", 1), ("c", 8), ("d", 2)]]

    assert [[file.name for file in share] for share in shares(files, 2)] == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"row_group_mib": 1000}, {"part_mib": 0}, {"columns_at_most": 0}])
def test_options_outside_their_limits_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(SettingInvalid):
        ConversionOptions(**wrong)
