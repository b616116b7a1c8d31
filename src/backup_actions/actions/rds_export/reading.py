"""Reads an export back: what RDS says of its tables, compared with what lies there, footer by footer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backup_actions.actions.rds_export.told import (
    ToldTable,
    as_in_a_key,
    folder_of,
    is_asked_for,
    left_out,
    missing_ranges,
    path_of,
)
from backup_actions.aws.documents import describe_object, read_document
from backup_actions.aws.objects import object_keys
from backup_actions.errors import ParquetUnreadable
from backup_actions.model.export_manifest import ExportedTable
from backup_actions.model.manifest import StoredObject
from backup_actions.parquet.footers import Footer, read_footer

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from backup_actions.model.progress import Progress

_AT_A_TIME = 8
_MARK = "_SUCCESS"


@dataclass(frozen=True, slots=True)
class _File:
    """A Parquet file with what its footer says."""

    stored: StoredObject
    footer: Footer


@dataclass(slots=True)
class Exported:
    """What there is. With a problem in it the export cannot be trusted; what was left out is told and kept."""

    tables: tuple[ExportedTable, ...] = ()
    problems: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    uncompressed_bytes: int = 0


def read_export(
    s3: S3Client,
    bucket: str,
    prefix: str,
    task: str,
    *,
    family: str,
    parts: Sequence[str],
    warning: str,
    progress: Progress,
) -> Exported:
    """Everything that an export wrote below the prefix, looked through. Memory grows with the number of files alone."""
    base = f"{prefix}/{task}/"
    names = [key.removeprefix(base) for key in object_keys(s3, bucket, base)]
    found = Exported()
    info = read_document(s3, bucket, f"{base}export_info_{task}.json")
    if info is None or info.get("status") != "COMPLETE":
        found.problems.append(f"export_info_{task}.json says {'nothing' if info is None else info.get('status')}")
    warnings = dict.fromkeys((warning, str((info or {}).get("warningMessage") or "")))
    found.left_out += [sentence for each in warnings for sentence in left_out(each)]
    told = _told_tables(s3, bucket, base, [name for name in names if name.startswith("export_tables_info_")], found)
    _compare_with_parts(told, family, parts, found)
    reading = _Reading(s3, bucket, prefix, task, names, progress, found)
    found.tables = tuple(sorted(reading.tables(told, family), key=lambda table: table.path))
    return found


def _told_tables(s3: S3Client, bucket: str, base: str, names: Sequence[str], found: Exported) -> list[ToldTable]:
    if missing := missing_ranges(names):
        found.problems.append(missing)
    told: list[ToldTable] = []
    for name in names:
        document: Mapping[str, Any] = read_document(s3, bucket, base + name) or {}
        try:
            told += [ToldTable.from_json(entry) for entry in document["perTableStatus"]]
        except (KeyError, TypeError, ValueError, AttributeError) as wrong:
            found.problems.append(f"{name} cannot be understood: {type(wrong).__name__} {wrong}")
    found.problems += [f"{table.target} is {table.status}" for table in told if table.status != "COMPLETE"]
    found.problems += [f"of {table.target} not all parts are written" for table in told if table.missing_parts]
    return told


def _compare_with_parts(told: Sequence[ToldTable], family: str, parts: Sequence[str], found: Exported) -> None:
    paths = [path_of(table.target, family) for table in told]
    found.problems += [f"{'.'.join(path)} is listed twice" for path in sorted(set(paths)) if paths.count(path) > 1]
    if parts:
        found.problems += [f"{'.'.join(path)} was not asked for" for path in paths if not is_asked_for(path, parts)]
        missed = [part for part in parts if not any(is_asked_for(path, [part]) for path in paths)]
        found.problems += [f"nothing of {part} is there, which was asked for" for part in missed]


class _Reading:
    """The files of one export, found by the folder of their table."""

    def __init__(
        self, s3: S3Client, bucket: str, prefix: str, task: str, names: Sequence[str], progress: Progress, to: Exported
    ) -> None:
        self._s3, self._bucket, self._prefix, self._task = s3, bucket, prefix, task
        self._progress, self._found = progress, to
        self._folders: dict[str, list[str]] = {}
        for name in names:
            steps = name.split("/")
            if len(steps) > 2:
                self._folders.setdefault(as_in_a_key("/".join(steps[:2])), []).append(name)

    def tables(self, told: Sequence[ToldTable], family: str) -> Iterator[ExportedTable]:
        """Each table that RDS lists, with its files; whatever contradicts the list is a problem."""
        listed = {as_in_a_key(folder_of(path_of(table.target, family))): table for table in told}
        self._found.problems += [f"{folder} belongs to no table" for folder in self._folders if folder not in listed]
        marked = any(name.endswith(f"/{_MARK}") for names in self._folders.values() for name in names)
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            for folder, table in listed.items():
                names = self._folders.get(folder, [])
                if marked or not names:
                    self._found.problems += [f"{table.target} has no {_MARK}{where}" for where in _unmarked(names)]
                files = [file for file in pool.map(self._file, names) if file is not None]
                if not files and table.size_gb:
                    self._found.problems.append(f"{table.target} has no file, and RDS says that it is not empty")
                yield self._table(path_of(table.target, family), files)

    def _file(self, name: str) -> _File | None:
        if not name.endswith(".parquet"):
            return None
        relative = f"{self._task}/{name}"
        described = describe_object(self._s3, self._bucket, f"{self._prefix}/{relative}")
        if described is None:
            self._found.problems.append(f"{name} is gone")
            return None
        try:
            footer = read_footer(self._s3, self._bucket, described.key, described.size_bytes)
        except ParquetUnreadable as unreadable:
            self._found.problems.append(f"{name}: {unreadable.facts['reason']}")
            return None
        self._progress.add(described.size_bytes)
        stored = StoredObject(name=relative, size_bytes=described.size_bytes, crc64nvme=described.crc64nvme)
        return _File(stored, footer)

    def _table(self, path: tuple[str, ...], files: Sequence[_File]) -> ExportedTable:
        columns = files[0].footer.columns if files else ()
        for file in files:
            if file.footer.columns != columns:
                self._found.problems.append(f"{file.stored.name} has other columns than {files[0].stored.name}")
            self._found.uncompressed_bytes += file.footer.uncompressed_bytes
        return ExportedTable(
            path=path,
            files=tuple(file.stored for file in files),
            rows=sum(file.footer.rows for file in files),
            columns=columns,
        )


def _unmarked(names: Sequence[str]) -> list[str]:
    """Where among a table's files RDS does not say that it was successful: a mark is for its folder and those below."""
    marked = [name.removesuffix(_MARK) for name in names if name.endswith(f"/{_MARK}")]
    if not marked:
        return [""]
    folders = sorted({f"{name.rpartition('/')[0]}/" for name in names})
    return [f" in {folder}" for folder in folders if not folder.startswith(tuple(marked))]
