"""Types of columns: what they hold, and what Athena calls them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from backup_actions.parquet.column_types import ColumnType, arrow_type, athena_type


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (ColumnType("string"), ColumnType("string"), ColumnType("string")),
        (ColumnType("number", 3, 2), ColumnType("number", 5, 0), ColumnType("number", 5, 2)),
        (ColumnType("number", 1), ColumnType("string"), ColumnType("json")),
        (ColumnType("json"), ColumnType("boolean"), ColumnType("json")),
    ],
)
def test_types_merge_into_what_holds_both(one: ColumnType, other: ColumnType, both: ColumnType) -> None:
    assert one.merged(other) == other.merged(one) == both


def test_a_wider_number_of_the_same_type_is_held_and_another_is_not() -> None:
    assert ColumnType("number", 3, 1).holds(ColumnType("number", 9, 2))
    assert not ColumnType("number", 3, 1).holds(ColumnType("number", 9, 3))
    assert not ColumnType("string").holds(ColumnType("boolean"))


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (pa.string(), "string"),
        (pa.int64(), "bigint"),
        (pa.decimal128(38, 9), "decimal(38,9)"),
        (pa.bool_(), "boolean"),
        (pa.binary(), "binary"),
        (pa.date32(), "date"),
        (pa.float64(), "double"),
        (pa.timestamp("us"), "timestamp"),
        (pa.list_(pa.decimal128(38, 2)), "array<decimal(38,2)>"),
    ],
)
def test_athena_has_a_word_for_it_and_the_word_leads_back(kind: pa.DataType, word: str) -> None:
    assert athena_type(kind) == word
    assert arrow_type(word) == kind


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (pa.timestamp("ms", "UTC"), "timestamp"),
        (pa.dictionary(pa.int8(), pa.string()), "string"),
        (pa.struct([("a", pa.int32()), ("b", pa.string())]), "struct<a:int,b:string>"),
        (pa.map_(pa.string(), pa.int16()), "map<string,smallint>"),
    ],
)
def test_athena_has_a_word_for_types_of_other_writers(kind: pa.DataType, word: str) -> None:
    assert athena_type(kind) == word


def test_a_type_that_athena_has_not_is_told() -> None:
    with pytest.raises(ValueError, match="duration"):
        athena_type(pa.duration("s"))
