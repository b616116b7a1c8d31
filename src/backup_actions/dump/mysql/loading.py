"""Sections of MySQL or MariaDB on their way into a database, which may be another one than they come from."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO, Protocol, cast

from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Section
from backup_actions.dump.mysql.accounts import accounts, mark, may_set_definers
from backup_actions.dump.mysql.dumping import trailer
from backup_actions.dump.mysql.programs import client_program
from backup_actions.dump.mysql.scripts import Rows, Statements, Target
from backup_actions.dump.mysql.session import Session, session
from backup_actions.errors import LoadFailed

_LONG_LINE_BYTES = 1 << 20


class Filter(Protocol):
    """What lets lines of a section through, as they are or changed."""

    def line(self, line: bytes) -> bytes:
        """What to write now that this line has come."""
        ...

    @property
    def is_between(self) -> bool:
        """Whether it keeps nothing back that goes on in the next line."""
        ...


@contextmanager
def loading(
    to: Connection, section: Section, database: str, only: Sequence[tuple[str, str]] | None
) -> Iterator[BinaryIO]:
    """Where to write a section. Raises LoadFailed, also where its end is missing."""
    failed = partial(_failed, f"section {section.member}")
    with session(to, failed) as asked:
        server, chosen = asked.server, _filter(asked, section, database, only)
    with client_program(to, server, database, failed) as pipe:
        feed = _Feed(section, pipe.write, chosen, failed)
        yield cast("BinaryIO", feed)
        feed.finish()


@contextmanager
def inspecting(section: Section) -> Iterator[BinaryIO]:
    """Where to write a section to have it looked through. Raises LoadFailed where its end or a table is missing.

    Neither MySQL nor MariaDB has a program that reads SQL without carrying it out.
    """
    failed = partial(_failed, f"section {section.member}")
    rows = Rows(wanted=None)
    feed = _Feed(section, len, rows, failed)
    yield cast("BinaryIO", feed)
    feed.finish()
    for _, name in section.tables:
        if name not in rows.seen:
            raise failed(f"it has nothing of table {name}")


def _filter(asked: Session, section: Section, database: str, only: Sequence[tuple[str, str]] | None) -> Filter | None:
    """What has to happen to a section on its way; nothing to most of them."""
    wanted = None if only is None else frozenset(name for _, name in only)
    if section.part == "data":
        return None if wanted is None else Rows(wanted=wanted)
    existing = {mark(account.label) for account in accounts(asked)} if section.part != "before" else set()
    moves = section.part != "accounts" and database != section.database
    target = Target(
        moved=(section.database, database) if moves else None,
        keeps_definers=may_set_definers(asked),
        tables=wanted,
        # Accounts that exist stay as they are. What is theirs in a database comes with it, if it keeps its name.
        takes_account=(lambda label: label not in existing)
        if section.part == "accounts"
        else (lambda label: not moves and label in existing),
    )
    return Statements(target)


class _Feed(io.RawIOBase):
    """Passes on what it is given, by lines where there is a filter, and knows whether it ended with its own end."""

    def __init__(
        self,
        section: Section,
        write: Callable[[bytes], object],
        chosen: Filter | None,
        failed: Callable[[str], LoadFailed],
    ) -> None:
        self._end, self._write, self._filter, self._failed = trailer(section), write, chosen, failed
        self._begun: list[bytes] = []
        """Pieces of a line that goes on."""
        self._is_within = False
        """Whether the beginning of the line has passed."""
        self._last = b""

    def writable(self) -> bool:
        """It is there to be written to."""
        return True

    def write(self, data: object) -> int:
        """All of it is on its way."""
        content = bytes(memoryview(data))  # type: ignore[arg-type] # the buffer that io promises
        self._last = (self._last + content[-len(self._end) :])[-len(self._end) :]
        if self._filter is None:
            self._write(content)
            return len(content)
        *whole, rest = content.split(b"\n")
        self._write(b"".join(self._passed(self._filter, line + b"\n") for line in whole))
        self._begun.append(rest)
        if isinstance(self._filter, Rows) and (self._is_within or sum(map(len, self._begun)) > _LONG_LINE_BYTES):
            self._write(self._passed(self._filter, b""))
            self._is_within = True
        return len(content)

    def _passed(self, chosen: Filter, last: bytes) -> bytes:
        """What becomes of a line with this end; a line of rows may be as long as a row, and passes in pieces."""
        piece = b"".join((*self._begun, last))
        self._begun.clear()
        if self._is_within and isinstance(chosen, Rows):
            self._is_within = False
            return chosen.more(piece)
        return chosen.line(piece)

    def finish(self) -> None:
        """Everything has passed. Raises LoadFailed where the end is missing."""
        if self._last != self._end:
            raise self._failed("its end is missing")
        if self._filter and not self._filter.is_between:
            raise self._failed("it ends in the middle of a statement")


def _failed(what: str, words: str) -> LoadFailed:
    return LoadFailed(what=what, reason=words)
