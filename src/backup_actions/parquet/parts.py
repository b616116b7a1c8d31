"""Row groups become Parquet files; where a row group does not fit into the columns of one, another file begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from backup_actions.archive.append_only import AppendOnlyFile
from backup_actions.parquet.column_types import ColumnType
from backup_actions.parquet.options import ConversionOptions
from backup_actions.parquet.row_groups import RowGroup, merged

ITEM = "item"
_LONGEST_NAME_BYTES = 255  # what Glue allows; a longer one is of no use in a query either
_SAMPLED_ROWS = 2000


class Sink(Protocol):
    """Where Parquet files go, one after the other."""

    def begin(self, name: str) -> None:
        """Begin a file."""
        ...

    def write(self, data: bytes) -> None:
        """Append to it."""
        ...

    def finish(self) -> None:
        """It stands."""
        ...


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file by attribute, each with its name and type."""

    of: Mapping[str, tuple[str, ColumnType]]

    @classmethod
    def chosen(
        cls, types: Mapping[str, ColumnType], counts: Mapping[str, int], keys: Iterable[str], most: int
    ) -> Columns:
        """The keys and the attributes that most items have. No two names are alike for readers that ignore case."""
        first = [name for name in keys if name in types]
        useful = (name for name in types.keys() - set(first) if 0 < len(name.encode()) <= _LONGEST_NAME_BYTES)
        others = sorted(useful, key=lambda name: (-counts.get(name, 0), name))[: max(0, most - len(first))]
        taken, columns = {ITEM}, {}
        for name in (*first, *sorted(others)):
            column, number = name, 2
            while column.casefold() in taken:
                column, number = f"{name}_{number}", number + 1
            taken.add(column.casefold())
            columns[name] = (column, types[name])
        return cls(columns)

    @property
    def schema(self) -> pa.Schema:
        """As Parquet has it; ``item`` is the last."""
        return pa.schema([*((column, kind.arrow) for column, kind in self.of.values()), (ITEM, pa.string())])

    def hold(self, name: str, kind: ColumnType) -> bool:
        """Whether there is a column with room for such values of the attribute."""
        return name in self.of and self.of[name][1].holds(kind)

    def agree(self, final: Columns) -> bool:
        """Whether a file of these columns can stand beside one of the final ones; one that is missing is null."""
        return all(
            name in final.of
            and column == final.of[name][0]
            and kind.kind == final.of[name][1].kind
            and kind.arrow.equals(final.of[name][1].arrow)
            for name, (column, kind) in self.of.items()
        )


@dataclass(slots=True)
class Part:
    """A file as it was written: its columns, and the attributes of its items that have none."""

    name: str
    columns: Columns
    left_out: set[str] = field(default_factory=set)
    rows: int = 0
    text_bytes: int = 0


class PartWriter:
    """Memory: a row group, as it is and as it is written."""

    def __init__(
        self, sink: Sink, name: str, keys: Iterable[str], options: ConversionOptions, columns: Columns | None = None
    ) -> None:
        self._sink = sink
        self._name = name
        self._keys = tuple(keys)
        self._options = options
        self._given = columns
        self._parquet: pq.ParquetWriter | None = None
        self._file = AppendOnlyFile(sink.write)
        self.parts: list[Part] = []
        self.types: dict[str, ColumnType] = {}

    def write(self, group: RowGroup, counts: Counter[str]) -> None:
        """Write these rows, into the present file if they fit there. ``counts`` are those of all items so far."""
        types = group.types()
        self.types = merged(self.types, types)
        if self._parquet is None or not self._fits(types):
            self.close()
            self._begin(counts)
        part = self.parts[-1]
        part.left_out |= types.keys() - part.columns.of.keys()
        part.rows += group.rows
        part.text_bytes += group.text_bytes
        columns = [group.column(name, kind) for name, (_, kind) in part.columns.of.items()]
        table = pa.Table.from_arrays([*columns, group.items()], schema=part.columns.schema).combine_chunks()
        if self._parquet is None:
            self._parquet = self._opened(table)
        self._parquet.write_table(table, row_group_size=group.rows)

    def close(self) -> None:
        """The present file stands."""
        if self._parquet is not None:
            self._parquet.close()
            self._parquet = None
            self._sink.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.discard = True  # closing would write a footer to a file that is given up
        if self._parquet is not None:
            self._parquet.close()

    def _fits(self, types: Mapping[str, ColumnType]) -> bool:
        part = self.parts[-1]
        if self._given is not None:
            return True
        return part.text_bytes < self._options.part_mib << 20 and all(
            name in part.left_out or part.columns.hold(name, kind) for name, kind in types.items()
        )

    def _begin(self, counts: Counter[str]) -> None:
        columns = self._given or Columns.chosen(self.types, counts, self._keys, self._options.columns_at_most)
        part = Part(self._name if self._given else f"{self._name}-{len(self.parts):03}.parquet", columns)
        self.parts.append(part)
        self._sink.begin(part.name)
        self._file = AppendOnlyFile(self._sink.write)

    def _opened(self, table: pa.Table) -> pq.ParquetWriter:
        return pq.ParquetWriter(
            pa.PythonFile(self._file, mode="w"),
            table.schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=_repetitive(table),
            version="2.6",
        )


def _repetitive(table: pa.Table) -> list[str]:
    """The columns whose values recur so often that a dictionary is worth its making."""
    sample = table.slice(0, _SAMPLED_ROWS)
    return [
        field.name
        for field, values in zip(table.schema, sample.columns, strict=True)
        # A list's values have another name in Parquet; flags are packed anyway.
        if not pa.types.is_list(field.type) and not pa.types.is_boolean(field.type)
        if 2 * pc.count_distinct(values).as_py() <= len(sample)
    ]
