"""Lines of a DynamoDB export become columns: one array for each attribute and type that occurs.

Items of one shape (the same attributes of the same types, in the same order) are taken together: their columns have no
gaps and need no look at each value. What is left, items of rare shapes, is put together value by value.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import getitem
from typing import Any

import orjson
import pyarrow as pa

from backup_actions.parquet.column_types import KIND_OF_TAG
from backup_actions.parquet.line_patterns import LinePattern, pattern_like
from backup_actions.parquet.plain_json import json_text

_BEGIN, _END = b'{"Item":', b"}"
_RARE = 16  # a shape of fewer items in a slice is not worth arrays of its own
_LEARNT_AFTER = 32
_PATTERNS_ALIKE = 4
_SHAPES_WATCHED = 1000  # a table of more has too many for patterns to help


@dataclass(frozen=True, slots=True)
class Slice:
    """Some items: their exact text, and the values of each attribute and type, null where an item has none."""

    items: pa.Array
    columns: Mapping[tuple[str, str], pa.Array]

    def __len__(self) -> int:
        return len(self.items)


@dataclass(slots=True)
class _Shape:
    names: tuple[str, ...]
    tags: tuple[str, ...]
    nested: tuple[int, ...]
    """The places of maps and lists."""
    texts: list[bytes] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)


@dataclass(slots=True)
class _Matched:
    """The lines that a pattern matched, as its groups."""

    names: tuple[str, ...]
    pattern: LinePattern
    rows: list[tuple[bytes, ...]] = field(default_factory=list)


# The two methods that every line meets, looked up once.
_Patterned = tuple[Callable[[bytes], re.Match[bytes] | None], Callable[[tuple[bytes, ...]], None], _Matched]


class ItemReader:
    """Takes lines, gives slices. ``counts`` has how many items have each attribute."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._usual: dict[tuple[str, ...], _Shape] = {}
        self._all: dict[tuple[tuple[str, ...], tuple[str, ...]], _Shape] = {}
        self._patterns: dict[int, list[_Patterned]] = {}
        self._missed: Counter[tuple[int, tuple[str, ...], tuple[str, ...]]] = Counter()

    def slices(self, lines: Iterable[bytes]) -> list[Slice]:
        """All of these items. Raises ValueError for a line that is not an item, and whatever else shows that."""
        patterns = self._patterns
        for line in lines:
            braces = line.count(b"{")  # cheap, and alike for few shapes
            for match, take, _ in patterns.get(braces, ()):
                if (found := match(line)) is not None:
                    take(found.groups())
                    break
            else:
                self._parse(line, braces)
        return self._taken()

    def _parse(self, line: bytes, braces: int) -> None:
        item = orjson.loads(line)["Item"]
        names = tuple(item)
        try:
            shape = self._usual[names]
            values = list(map(getitem, item.values(), shape.tags))
        except KeyError:
            shape = self._shape(names, item)
            values = list(map(getitem, item.values(), shape.tags))
        for place in shape.nested:
            values[place] = json_text(shape.tags[place], values[place])
        shape.rows.append(values)
        shape.texts.append(line)
        self._learn(braces, shape, item)

    def _learn(self, braces: int, shape: _Shape, item: Mapping[str, Mapping[str, Any]]) -> None:
        """Make a pattern of what is parsed again and again. It takes milliseconds: not for what is rare."""
        key = (braces, shape.names, shape.tags)
        self._missed[key] += 1
        if self._missed[key] % _LEARNT_AFTER or len(self._missed) > _SHAPES_WATCHED:
            return
        like = self._patterns.setdefault(braces, [])
        pattern = pattern_like(item) if len(like) < _PATTERNS_ALIKE else None
        if pattern is not None:
            matched = _Matched(shape.names, pattern)
            like.append((pattern.match, matched.rows.append, matched))

    def _shape(self, names: tuple[str, ...], item: Mapping[str, Mapping[str, Any]]) -> _Shape:
        tags = tuple(next(iter(tagged), "") for tagged in item.values())
        if unknown := set(tags) - KIND_OF_TAG.keys() - {"NULL"}:
            raise ValueError(f"there is no type {min(unknown)!r}")
        if (names, tags) not in self._all:
            nested = tuple(place for place, tag in enumerate(tags) if tag in {"M", "L"})
            self._all[names, tags] = _Shape(names, tags, nested)
            self._usual.setdefault(names, self._all[names, tags])
        return self._all[names, tags]

    def _taken(self) -> list[Slice]:
        common = [shape for shape in self._all.values() if len(shape.rows) >= _RARE]
        rare = [shape for shape in self._all.values() if 0 < len(shape.rows) < _RARE]
        for shape in (*common, *rare):
            for name in shape.names:
                self.counts[name] += len(shape.rows)
        taken = [_dense(shape) for shape in common] + ([_sparse(rare)] if rare else [])
        for _, _, matched in chain.from_iterable(self._patterns.values()):
            if matched.rows:
                taken.append(_matched_slice(matched))
                for name in matched.names:
                    self.counts[name] += len(matched.rows)
                matched.rows.clear()
        for shape in common:
            shape.rows, shape.texts = [], []
        for shape in rare:  # there may be as many of them as items: they are not kept
            del self._all[shape.names, shape.tags]
            if self._usual.get(shape.names) is shape:
                del self._usual[shape.names]
        return taken


def _matched_slice(matched: _Matched) -> Slice:
    texts, *leaves = zip(*matched.rows, strict=True)
    pattern = matched.pattern
    columns = {
        (name, tag): _array(tag, values)
        for name, (tag, *_), values in zip(matched.names, pattern.columns, pattern.values(leaves), strict=True)
        if tag != "NULL"
    }
    return Slice(pa.array(texts, pa.string()), columns)


def _dense(shape: _Shape) -> Slice:
    columns = {
        (name, tag): _array(tag, values)
        for name, tag, values in zip(shape.names, shape.tags, zip(*shape.rows, strict=True), strict=False)
        if tag != "NULL"
    }
    return Slice(_texts(shape.texts), columns)


def _sparse(shapes: Sequence[_Shape]) -> Slice:
    total = sum(len(shape.rows) for shape in shapes)
    columns: dict[tuple[str, str], list[Any]] = {}
    row = 0
    for shape in shapes:
        for values in shape.rows:
            for place, value in zip(zip(shape.names, shape.tags, strict=True), values, strict=True):
                column = columns.get(place)
                if column is None:
                    column = columns[place] = [None] * total
                column[row] = value
            row += 1
    texts = [text for shape in shapes for text in shape.texts]
    arrays = {(name, tag): _array(tag, values) for (name, tag), values in columns.items() if tag != "NULL"}
    return Slice(_texts(texts), arrays)


def _texts(lines: Sequence[bytes]) -> pa.Array:
    return pa.array(item_texts(lines), pa.string())


def item_texts(lines: Sequence[bytes]) -> list[bytes]:
    """The items as they were written, or in orjson's form where a line has blanks that exports do not have."""
    return [
        line[len(_BEGIN) : -len(_END)] if line.startswith(_BEGIN) and line.endswith(_END) else _rewritten(line)
        for line in lines
    ]


def _rewritten(line: bytes) -> bytes:
    return orjson.dumps(orjson.loads(line)["Item"])


def _binary(value: str | None) -> bytes | None:
    return None if value is None else a2b_base64(value, strict_mode=True)


def _binary_list(values: Sequence[str] | None) -> list[bytes | None] | None:
    return None if values is None else [_binary(value) for value in values]


_ARRAY_TYPES: Mapping[str, pa.DataType] = {
    "BOOL": pa.bool_(),
    "B": pa.binary(),
    "SS": pa.list_(pa.string()),
    "NS": pa.list_(pa.string()),
    "BS": pa.list_(pa.binary()),
}
_DECODERS: Mapping[str, Callable[[Any], Any]] = {"B": _binary, "BS": _binary_list}


def array_type(tag: str) -> pa.DataType:
    """What the values of this type of DynamoDB are in a slice."""
    return _ARRAY_TYPES.get(tag, pa.string())


def _array(tag: str, values: Sequence[Any]) -> pa.Array:
    kind, decode = array_type(tag), _DECODERS.get(tag)
    if pa.types.is_list(kind) and not all(isinstance(value, list) for value in values if value is not None):
        raise TypeError(f"a value of type {tag} is no list")  # Arrow would take a text for a list of letters
    return pa.array([decode(value) for value in values] if decode else values, kind)
