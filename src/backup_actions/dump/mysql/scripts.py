"""What dump programs of MySQL and MariaDB write, line by line: whose rows follow, and where a statement ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from backup_actions.dump.mysql.accounts import MARK
from backup_actions.dump.mysql.stored import BEGINS, ENDS
from backup_actions.dump.mysql.text import (
    as_bytes,
    as_text,
    asleep,
    is_closed,
    moved,
    moved_trigger,
    unquoted,
    without_definer,
)

_ROWS_OF, _END_OF_A_NAME = b"-- Dumping data for table ", b"--\n"
_END_OF_A_RUN = b"/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE"
_SANDBOX = b"/*M!999999"  # the first line of MariaDB's dumps, a command to its client, which has no semicolon
_TABLE = re.compile(r"\A\s*CREATE TABLE (`(?:[^`]|``)*`)")


class Rows:
    """A filter that lets the rows of these tables through, or of all, and knows whose it has seen.

    In what the programs write a line break in a value is no line break: only names of tables have any.
    """

    def __init__(self, wanted: frozenset[str] | None) -> None:
        self._wanted = wanted
        self._passes = True
        self._name: bytes | None = None
        """What has been read of a name that goes on."""
        self.seen: set[str] = set()

    @property
    def is_between(self) -> bool:
        """Whether no name goes on."""
        return self._name is None

    def line(self, line: bytes) -> bytes:
        """The line, unless it belongs to another table."""
        if self._name is not None:
            if line == _END_OF_A_NAME:
                name = unquoted(as_text(self._name[:-1]))
                self.seen.add(name)
                self._passes = self._wanted is None or name in self._wanted
                self._name = None
            else:
                self._name += line.removeprefix(b"-- ")
        elif line.startswith(_ROWS_OF):
            self._name = line.removeprefix(_ROWS_OF)
        elif line.startswith(_END_OF_A_RUN):
            self._passes = True
        return line if self._passes else b""

    def more(self, piece: bytes) -> bytes:
        """What goes on of the line whose beginning came last, unless that belongs to another table."""
        return piece if self._passes else b""


@dataclass(frozen=True, slots=True)
class Target:
    """Where definitions go to."""

    moved: tuple[str, str] | None
    """From which database to which other, if they do not stay in one of the same name."""
    keeps_definers: bool
    """Whether they may be made in the name of others."""
    tables: frozenset[str] | None
    """The only ones that are made, and nothing that belongs to no table; or everything."""
    takes_account: Callable[[str], bool]
    """Whether what follows such a comment is for an account that is concerned."""


class Statements:
    """A filter that changes definitions so that they fit where they go to."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lines: list[bytes] = []
        """Of a statement that goes on."""
        self._is_program = False
        """Whether it is the body of something: other signs end it, and nothing but its head was written by a server."""
        self._takes_account = True

    @property
    def is_between(self) -> bool:
        """Whether no statement goes on."""
        return not self._lines and not self._is_program

    def line(self, line: bytes) -> bytes:
        """What has become of the statements that end with this line."""
        if line.startswith(BEGINS) and (line == ENDS if self._is_program else not self._lines):
            before, self._lines = b"".join(self._lines), []
            changed = self._program(before) if self._is_program else before
            self._is_program = line != ENDS
            return changed + line
        self._lines.append(line)
        if self._is_program or not self._ends(line):
            return b""
        statement, self._lines = b"".join(self._lines), []
        return self._statement(statement)

    def _ends(self, line: bytes) -> bool:
        if len(self._lines) == 1 and (line.startswith((b"--", _SANDBOX)) or not line.strip()):
            return True
        return line.rstrip().endswith(b";") and is_closed(b"".join(self._lines))

    def _statement(self, statement: bytes) -> bytes:
        if statement.startswith(MARK.encode()):
            self._takes_account = self._target.takes_account(statement.decode())
        elif statement.startswith(b"--"):
            self._takes_account = True
        if not self._takes_account:
            return b""
        text = as_text(statement)
        table = _TABLE.match(text)
        if self._target.tables is not None and not self._is_wanted(text, table):
            return b""
        if self._target.moved:
            text = moved(text, *self._target.moved)
        return as_bytes(self._without_definer(text))

    def _is_wanted(self, text: str, table: re.Match[str] | None) -> bool:
        """Of tables those that are wanted, no views; settings and sequences, which tables may need."""
        if table:
            return unquoted(table.group(1)) in (self._target.tables or ())
        return re.match(r"\s*(?:/\*!\d+ )?(?:CREATE (?:ALGORITHM|VIEW)|DROP VIEW)\b", text) is None

    def _program(self, program: bytes) -> bytes:
        """A routine, trigger or event: what a person has written in it stays as it is."""
        if self._target.tables is not None:
            return b""
        text = as_text(program)
        if self._target.moved:
            text = asleep(moved_trigger(text, *self._target.moved))
        return as_bytes(self._without_definer(text))

    def _without_definer(self, text: str) -> str:
        return text if self._target.keeps_definers else without_definer(text)
