"""SQL over exports: DuckDB reads the columns and row groups that a query needs, by ranges, and nothing else at all."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, Self, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from backup_actions.archive.stored_file import StoredFile
from backup_actions.errors import BackupActionsError, ParquetUnreadable, QueryFailed, TableUnknown
from backup_actions.parquet.column_types import arrow_type
from backup_actions.parquet.exports import Edition, Table, spellings

_T = TypeVar("_T")

_ROWS_AT_ONCE = 1000
_SOON_SECONDS = 0.1
_NEAR, _KNOWN_TOLD = 3, 8
_OWN_COLUMNS = ("date", "as_of", "resource")
_UNKNOWN_TABLE = re.compile(r"Table with name (.+?) does not exist", re.DOTALL)
_BESIDE_THE_POINT = re.compile(r" LINE \d+:| Candidate (?:functions|bindings):")
_PARQUET = ds.ParquetFileFormat()


class Queries:
    """A connection that knows these tables and nothing else: no file, no network, no extension, no other setting.

    A table is written with its whole name or with the end of it. Beside its own columns it has ``date`` (the day of the
    backup), ``as_of`` (the instant that the rows show) and ``resource``; where it has such a column itself, ours
    begins with ``backup_``. Memory: ``memory_mib`` for DuckDB, and the row groups that are being read.
    """

    def __init__(self, tables: Sequence[Table], where: str, *, memory_mib: int = 1024) -> None:
        self._tables = tables
        self._where = where
        self._memory_mib = memory_mib
        self._connection = duckdb.connect()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="query")
        self._datasets = 0

    def rows(self, sql: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """The names of the columns, and the rows as they are computed. Raises TableUnknown, QueryFailed."""
        try:
            self._know(sql)
            self._lock()
            relation = self._connection.sql(sql)
            if relation is None:
                return [], iter(())
            reader = self._awaited(self._worker.submit(relation.to_arrow_reader, _ROWS_AT_ONCE))
        except duckdb.Error as error:
            raise self._told(error) from error
        return reader.schema.names, self._fetched(reader)

    def close(self) -> None:
        """Nothing is held any more."""
        self._worker.shutdown()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fetched(self, reader: pa.RecordBatchReader) -> Iterator[tuple[Any, ...]]:
        try:
            while (batch := self._awaited(self._worker.submit(next, reader, None))) is not None:
                yield from zip(*(_as_python(column) for column in batch.columns), strict=True)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise self._told(error) from error

    def _awaited(self, asked: Future[_T]) -> _T:
        """What DuckDB answers. It hears no Ctrl-C itself; whatever ends the waiting ends the query."""
        try:
            return asked.result()
        except BaseException:
            while not (asked.done() or asked.cancel()):
                self._connection.interrupt()  # of no use before it has begun
                wait([asked], _SOON_SECONDS)
            raise

    def _know(self, sql: str) -> None:
        """Make the tables that the query may mean. All of them would take minutes where years of backups lie."""
        text = sql.casefold()
        for spelling, table in spellings(self._tables).items():
            if spelling[-1].replace('"', '""') in text:
                self._create_view(spelling, table)

    def _create_view(self, spelling: tuple[str, ...], table: Table) -> None:
        *outer, name = spelling
        match outer:
            case [catalog, schema]:
                self._connection.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {_quoted(catalog)}")
                self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(catalog)}.{_quoted(schema)}")
            case [schema]:
                self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS memory.{_quoted(schema)}")
                outer = ["memory", schema]
            case _:
                outer = ["memory", "main"]
        place = ".".join(map(_quoted, (*outer, name)))
        editions = " UNION ALL BY NAME ".join(self._edition(edition) for edition in table.editions)
        self._connection.execute(f"CREATE OR REPLACE VIEW {place} AS {editions}")

    def _edition(self, edition: Edition) -> str:
        name = f"backup_actions_{self._datasets}"
        self._datasets += 1
        dataset = _dataset(edition)
        self._connection.register(name, dataset)
        manifest = edition.export.manifest
        own = {"date": f"DATE {_text(manifest.date)}", "as_of": f"{_text(manifest.as_of)}::TIMESTAMPTZ"}
        own["resource"] = _text(edition.export.resource)
        taken = {column.casefold() for column in dataset.schema.names}
        added = ", ".join(
            f"{own[column]} AS {f'backup_{column}' if column in taken else column}" for column in _OWN_COLUMNS
        )
        return f"SELECT *, {added} FROM {name}"  # noqa: S608 - every name and text in it is quoted

    def _lock(self) -> None:
        self._connection.execute(
            f"SET memory_limit = '{self._memory_mib}MiB'; SET temp_directory = ''; SET TimeZone = 'UTC';"
            "SET python_enable_replacements = false; SET enable_external_access = false;"
            "SET autoinstall_known_extensions = false; SET autoload_known_extensions = false;"
            "SET lock_configuration = true"
        )

    def _told(self, error: Exception) -> BackupActionsError:
        sentence = " ".join(str(error).split())
        if (unknown := _UNKNOWN_TABLE.search(str(error))) is None:
            return QueryFailed(reason=_BESIDE_THE_POINT.split(sentence)[0], where=self._where)
        name = unknown[1]
        names = [table.name for table in self._tables]
        ends = [known for known in names if known.casefold().endswith(f".{name.casefold()}")]
        near = ends or difflib.get_close_matches(name, names, _NEAR, 0.4) or names
        told = ", ".join(near[:_KNOWN_TOLD]) + (" and others" if len(near) > _KNOWN_TOLD else "")
        return TableUnknown(name=name, where=self._where, known=told or "none")


def _dataset(edition: Edition) -> ds.Dataset:
    """The files of a table in one export. Nothing is fetched yet but the footer of the first; a column of the table
    that a file has not is null in it.
    """
    store, table = edition.export.store, edition.table
    stated = pa.schema([(column.name, arrow_type(column.type)) for column in table.columns])
    if not table.files:
        return ds.dataset(stated.empty_table())
    try:
        fragments = [_PARQUET.make_fragment(pa.PythonFile(StoredFile(store, file), mode="r")) for file in table.files]
        first = fragments[0].physical_schema
    except (pa.ArrowException, OSError, ValueError) as wrong:
        where = f"{store.location}/{table.files[0].name}"
        raise ParquetUnreadable(where=where, reason=" ".join(str(wrong).split())) from wrong
    missing = [field for field in stated if field.name not in first.names]
    return ds.FileSystemDataset(fragments, pa.schema([*first, *missing]), _PARQUET)


def _as_python(column: pa.Array) -> list[Any]:
    """Values as Python has them; whole numbers of any length are integers, and nanoseconds, which it has not, text."""
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pa.string())
    values: list[Any] = column.to_pylist()
    if pa.types.is_decimal(column.type) and column.type.scale == 0:
        return [None if value is None else int(value) for value in values]
    return values


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
