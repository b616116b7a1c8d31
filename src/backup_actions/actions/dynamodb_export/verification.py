"""The independent look: DynamoDB's files against their manifests, and the Parquet files against both."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from backup_actions.actions.dynamodb_export.original import Original, read_original
from backup_actions.actions.dynamodb_export.places import CONVERSION
from backup_actions.errors import ArchiveMissing, CorruptExport, ParquetUnreadable
from backup_actions.model.export_manifest import ExportedColumn
from backup_actions.model.manifest import StoredObject
from backup_actions.parquet.comparison import Tally, tally_of_export, tally_of_parquet, total

if TYPE_CHECKING:
    from backup_actions.archive import Store
    from backup_actions.model.progress import Progress

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with which object."""

    object: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What the converting job says that it wrote; every word of it is checked."""

    files: tuple[StoredObject, ...]
    columns: tuple[ExportedColumn, ...]
    rows: int
    notes: tuple[str, ...]
    created: str

    def to_bytes(self) -> bytes:
        """The form that is stored."""
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> Conversion:
        """Raises ValueError, TypeError or KeyError for what is none."""
        raw = json.loads(data)
        files = tuple(StoredObject(**file) for file in raw.pop("files"))
        columns = tuple(ExportedColumn(**column) for column in raw.pop("columns"))
        return cls(files=files, columns=columns, notes=tuple(raw.pop("notes")), **raw)


@dataclass(slots=True)
class Verification:
    """What was compared, and what was found."""

    original: Original | None = None
    conversion: Conversion | None = None
    problems: list[Problem] = field(default_factory=list)
    compared: Tally = field(default_factory=Tally)

    @property
    def good(self) -> bool:
        """Whether everything was looked at and agrees."""
        return self.original is not None and self.conversion is not None and not self.problems

    def to_json(self) -> Mapping[str, Any]:
        """The part of the evidence that is about the data."""
        original, conversion = self.original, self.conversion
        return {
            "verified": self.good,
            "problems": [asdict(problem) for problem in self.problems],
            "export_arn": original.export_arn if original else "",
            "source_bytes": original.billed_bytes if original else 0,
            "original_files": len(original.files) if original else 0,
            "parquet_files": len(conversion.files) if conversion else 0,
            "items_compared": self.compared.count,
        }

    def attempt(self, look: Callable[[], T]) -> T | None:
        """What the look finds, or one more problem."""
        try:
            return look()
        except CorruptExport as wrong:
            self.problems.append(Problem(str(wrong.facts["file"]), str(wrong.facts["reason"])))
        except ParquetUnreadable as wrong:
            self.problems.append(Problem(str(wrong.facts["where"]), str(wrong.facts["reason"])))
        return None


def verify(store: Store, export_arn: str, progress: Progress) -> Verification:
    """Every byte of the original hashed, every item of it found in Parquet, as often as there, and nothing else."""
    found = Verification()
    found.original = found.attempt(lambda: read_original(store, export_arn))
    found.conversion = found.attempt(lambda: _conversion(store))
    if found.original is None or found.conversion is None:
        return found
    progress.start("verifying", None)
    original = _tallied(found, found.original.files, lambda file: tally_of_export(file, store, progress))
    parquet = _tallied(found, found.conversion.files, lambda file: tally_of_parquet(file, store, progress))
    found.compared = original
    if not found.problems and (original != parquet or parquet.count != found.conversion.rows):
        rows = f"{parquet.count} rows, of which {found.conversion.rows} were announced"
        found.problems.append(Problem(CONVERSION, f"the rows are not the {original.count} items exported: {rows}"))
    return found


def _tallied(found: Verification, files: Sequence[T], tally_of: Callable[[T], Tally]) -> Tally:
    """All of the files; one that cannot be read is a problem, and the next one is looked at."""

    def of(file: T) -> Tally | None:
        return found.attempt(lambda: tally_of(file))

    return total([tally for file in files if (tally := of(file)) is not None])


def _conversion(store: Store) -> Conversion:
    try:
        return Conversion.from_bytes(store.read(CONVERSION))
    except ArchiveMissing as missing:
        raise CorruptExport(file=CONVERSION, reason="it is not there") from missing
    except (ValueError, TypeError, KeyError) as wrong:
        raise CorruptExport(file=CONVERSION, reason=f"it is no note of a conversion: {wrong}") from wrong
