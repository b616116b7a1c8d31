"""Definitions that pg_dump wrote: in a private file, listed and read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from backup_actions.dump.postgresql.contents import Entry, entries, of_the_database
from backup_actions.dump.postgresql.script import about_database, parts
from backup_actions.dump.postgresql.session import Failed, tool
from backup_actions.dump.programs import input_of, output_of

_PIECE = re.compile(r"^-- TOC entry (\d+) \(class \d+ OID \d+\)$", re.MULTILINE)


@contextmanager
def listing(file: Path, failed: Failed) -> Iterator[BinaryIO]:
    """Where to write an archive of pg_dump, or as much of it as its list needs; the list is in the file then."""
    with input_of([tool("pg_restore"), "--list", "--verbose", f"--file={file}"], failed) as writer:
        yield writer


def listed(file: Path) -> tuple[Entry, ...]:
    """What ``listing`` left."""
    return entries(file.read_text(encoding="utf-8", errors="backslashreplace"))


class Definitions:
    """An archive of pg_dump that has no rows, in a folder that is there as long as this is used."""

    def __init__(self, folder: Path, failed: Failed) -> None:
        self.path, self._folder, self._failed = folder / "definitions", folder, failed

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All that is in it."""
        return entries(self._told(["--list", "--verbose", str(self.path)]))

    def definition(self, entry: Entry) -> str:
        """How it is made, as SQL."""
        return self._by_number.get(entry.number, "")

    def of_the_database(self, *, settings: bool) -> tuple[str, ...]:
        """The statements about the database itself: its settings; or its owner, grants and comment."""
        chosen = of_the_database(self.entries, settings=settings)
        script = self._told(["--create", "--file=-", self.selection(chosen), str(self.path)])
        # With --create it tells of the database and its settings, whatever was chosen.
        wanted = (part.body for part in parts(script) if (part.kind == "DATABASE PROPERTIES") == settings)
        return tuple(statement for body in wanted for statement in about_database(body))

    def selection(self, chosen: Sequence[Entry]) -> str:
        """The argument with which pg_restore takes these entries alone."""
        return selection(self._folder, chosen)

    @cached_property
    def _by_number(self) -> dict[int, str]:
        pieces = _PIECE.split(self._told(["--verbose", "--file=-", str(self.path)]))
        return {int(number): text for number, text in zip(pieces[1::2], pieces[2::2], strict=True)}

    def _told(self, arguments: list[str]) -> str:
        with output_of([tool("pg_restore"), *arguments], self._failed) as output:
            return output.read().decode(errors="backslashreplace")


@contextmanager
def definitions(failed: Failed) -> Iterator[Definitions]:
    """A place for an archive without rows; nothing of it is left."""
    with TemporaryDirectory(prefix="backup-actions-") as folder:
        yield Definitions(Path(folder), failed)


def selection(folder: Path, chosen: Sequence[Entry]) -> str:
    """The argument with which pg_restore takes these entries alone; their numbers lie in the folder."""
    file = folder / "chosen"
    file.write_text("".join(f"{each.number};\n" for each in chosen), encoding="ascii")
    return f"--use-list={file}"
