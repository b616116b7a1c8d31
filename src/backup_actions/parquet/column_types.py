"""From DynamoDB's types to the type of a column that holds every value of an attribute."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

Kind = Literal["string", "number", "boolean", "binary", "string-list", "number-list", "binary-list", "json"]

# NULL has none: it is the absence of a value of whatever type.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
KIND_OF_TAG: Mapping[str, Kind] = {
    "S": "string",
    "N": "number",
    "BOOL": "boolean",
    "B": "binary",
    "SS": "string-list",
    "NS": "number-list",
    "BS": "binary-list",
    "M": "json",
    "L": "json",
}
_PLAIN: Mapping[Kind, pa.DataType] = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "binary": pa.binary(),
    "string-list": pa.list_(pa.string()),
    "binary-list": pa.list_(pa.binary()),
    "json": pa.string(),
}
_DIGITS_OF_BIGINT = 18  # every number of 18 digits fits into 64 bits, not every one of 19
_DIGITS_OF_DECIMAL = 38
# Few steps, so that a file in which a number has a digit more than in another has the same type mostly.
_SCALES = (0, 2, 4, 6, 9, 12, 18, 24, 30, 38)


@dataclass(frozen=True, slots=True)
class ColumnType:
    """What a column must hold. For numbers: at most so many digits before the point, and so many after it."""

    kind: Kind
    digits: int = 0
    scale: int = 0

    def merged(self, other: ColumnType) -> ColumnType:
        """What holds the values of both; ``json`` where nothing else can."""
        if self.kind == other.kind:
            return ColumnType(self.kind, max(self.digits, other.digits), max(self.scale, other.scale))
        return ColumnType("json")

    def holds(self, other: ColumnType) -> bool:
        """Whether a column of this type is one of the other type too, or has room for it."""
        both = self.merged(other)
        return both.kind == self.kind and bool(both.arrow.equals(self.arrow))

    @property
    def arrow(self) -> pa.DataType:
        """The type of the column. No number loses a digit: what no decimal can hold is text."""
        if self.kind == "number":
            return _number(self.digits, self.scale)
        if self.kind == "number-list":
            return pa.list_(_number(self.digits, self.scale))
        return _PLAIN[self.kind]


def _number(digits: int, scale: int) -> pa.DataType:
    if scale == 0 and digits <= _DIGITS_OF_BIGINT:
        return pa.int64()
    for step in (*_SCALES, scale):
        if step >= scale and digits + step <= _DIGITS_OF_DECIMAL:
            return pa.decimal128(_DIGITS_OF_DECIMAL, step)
    return pa.string()


def athena_type(kind: pa.DataType) -> str:
    """Athena's word for a column of this type. Raises ValueError for one that no export has.

    https://docs.aws.amazon.com/athena/latest/ug/data-types.html
    """
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "timestamp"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"array<{athena_type(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"map<{athena_type(kind.key_type)},{athena_type(kind.item_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{','.join(f'{field.name}:{athena_type(field.type)}' for field in kind)}>"
    if pa.types.is_dictionary(kind):
        return athena_type(kind.value_type)
    for same, word in _ATHENA.items():
        if kind.equals(same):
            return word
    raise ValueError(f"Athena has no type for {kind}")


_ATHENA: Mapping[pa.DataType, str] = {
    pa.string(): "string",
    pa.large_string(): "string",
    pa.binary(): "binary",
    pa.large_binary(): "binary",
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.uint8(): "smallint",
    pa.uint16(): "int",
    pa.uint32(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.date32(): "date",
    pa.null(): "string",
}


def arrow_type(word: str) -> pa.DataType:
    """The type of a column that Athena's word stands for; text where it is one that we write in no file."""
    if decimal := re.fullmatch(r"decimal\((\d+),(\d+)\)", word):
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    if array := re.fullmatch(r"array<(.+)>", word):
        return pa.list_(arrow_type(array[1]))
    if word == "timestamp":
        return pa.timestamp("us")
    return next((kind for kind, known in _ATHENA.items() if known == word), pa.string())
