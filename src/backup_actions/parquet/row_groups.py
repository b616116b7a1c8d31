"""Slices collected until they are worth a row group, and what types their attributes need."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from backup_actions.parquet.column_types import KIND_OF_TAG, ColumnType
from backup_actions.parquet.items import Slice

_CELLS_AT_MOST = 8 << 20  # a row group of many columns holds fewer rows: a null takes room too
_TEXT = {"M", "L"}
_NO_DECIMAL = 1000


@dataclass(slots=True)
class RowGroup:
    """Rows that wait to be written."""

    slices: list[Slice] = field(default_factory=list)
    tags: dict[str, set[str]] = field(default_factory=dict)
    rows: int = 0
    text_bytes: int = 0

    def add(self, slices: Sequence[Slice]) -> None:
        """Take these rows too."""
        for each in slices:
            self.slices.append(each)
            self.rows += len(each)
            self.text_bytes += each.items.nbytes
            for name, tag in each.columns:
                self.tags.setdefault(name, set()).add(tag)

    def is_full(self, text_bytes: int) -> bool:
        """Whether it is time to write."""
        return self.text_bytes >= text_bytes or self.rows * len(self.tags) >= _CELLS_AT_MOST

    def types(self) -> dict[str, ColumnType]:
        """The least type of each attribute that holds its values."""
        needed: dict[str, ColumnType] = {}
        for name, tags in self.tags.items():
            for tag in tags:
                kind = _needed(tag, [each.columns[name, tag] for each in self.slices if (name, tag) in each.columns])
                needed[name] = needed[name].merged(kind) if name in needed else kind
        return needed

    def column(self, name: str, kind: ColumnType) -> pa.ChunkedArray:
        """The values of an attribute in a column of this type, which must hold them all."""
        if kind.kind == "json":
            return pa.chunked_array([_json(each, name) for each in self.slices], kind.arrow)
        if name not in self.tags:
            return pa.chunked_array([pa.nulls(self.rows, kind.arrow)])
        (tag,) = self.tags[name]
        found = [each.columns.get((name, tag)) for each in self.slices]
        raw = next(values.type for values in found if values is not None)
        values = pa.chunked_array(
            [pa.nulls(len(each), raw) if own is None else own for each, own in zip(self.slices, found, strict=True)],
            raw,
        )
        return values if raw.equals(kind.arrow) else _numbers(values, kind.arrow)

    def items(self) -> pa.ChunkedArray:
        """The items as they were written."""
        return pa.chunked_array([each.items for each in self.slices], pa.string())


def _needed(tag: str, arrays: Sequence[pa.Array]) -> ColumnType:
    if tag == "N":
        return ColumnType("number", *_digits(pa.chunked_array(arrays)))
    if tag == "NS":
        return ColumnType("number-list", *_digits(pa.chunked_array([values.flatten() for values in arrays])))
    return ColumnType(KIND_OF_TAG[tag])


def _digits(numbers: pa.ChunkedArray) -> tuple[int, int]:
    """How many digits stand before the point at most, and how many after it."""
    try:
        most = pc.min_max(pc.cast(numbers, pa.int64())).as_py()
        return max(len(str(abs(most["min"] or 0))), len(str(abs(most["max"] or 0)))), 0
    except pa.ArrowInvalid:
        pass
    if pc.any(pc.match_substring_regex(numbers, "[^0-9.-]")).as_py():
        return _digits_one_by_one(numbers)
    lengths, points = pc.binary_length(numbers), pc.find_substring(numbers, ".")
    has_point = pc.greater_equal(points, 0)
    before = pc.max(pc.if_else(has_point, points, lengths)).as_py()
    after = pc.max(pc.if_else(has_point, pc.subtract(pc.subtract(lengths, points), 1), 0)).as_py()
    return before, after


def _digits_one_by_one(numbers: pa.ChunkedArray) -> tuple[int, int]:
    """The same where there are exponents; more than any decimal has where one is no number, which then stays text."""
    before = after = 0
    for number in pc.drop_null(numbers).to_pylist():
        try:
            _, digits, exponent = Decimal(number).as_tuple()
            power = int(exponent)  # that of NaN is a letter
        except (InvalidOperation, ValueError):
            return _NO_DECIMAL, 0
        before, after = max(before, len(digits) + power), max(after, -power)
    return before, after


def _json(each: Slice, name: str) -> pa.Array:
    texts = [
        each.columns[name, tag] if tag in _TEXT else _as_json(tag, each.columns[name, tag])
        for tag in KIND_OF_TAG
        if (name, tag) in each.columns
    ]
    if not texts:
        return pa.nulls(len(each), pa.string())
    return texts[0] if len(texts) == 1 else pc.coalesce(*texts)


def _numbers(values: pa.ChunkedArray, to: pa.DataType) -> pa.ChunkedArray:
    """Texts, or lists of them, as numbers."""
    try:
        return pc.cast(values, to)
    except pa.ArrowInvalid:  # a whole number with an exponent is none for Arrow, but it is a decimal
        exact = pa.decimal128(38, 0)
        return pc.cast(pc.cast(values, pa.list_(exact) if pa.types.is_list(to) else exact), to)


def _as_json(tag: str, values: pa.Array) -> pa.Array:
    """Values of a column that has others too, as the JSON that maps and lists are written in."""
    if tag == "N":
        return values
    return pa.array([None if value is None else _written(tag, value) for value in values.to_pylist()], pa.string())


def _written(tag: str, value: Any) -> str:
    match tag:
        case "NS":
            return f"[{','.join(value)}]"
        case "B":
            value = base64.b64encode(value).decode()
        case "BS":
            value = [base64.b64encode(each).decode() for each in value]
    return orjson.dumps(value).decode()


def merged(types: Mapping[str, ColumnType], others: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
    """What holds the values of both."""
    both = {name: types[name].merged(others[name]) for name in types.keys() & others.keys()}
    return {**types, **others, **both}
