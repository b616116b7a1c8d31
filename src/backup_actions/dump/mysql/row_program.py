"""The row reader, a program that writes rows of MariaDB as SQL: how it is found, what it is told, what it answers.

Its source is in ``native/row_reader``. It asks for rows in the form in which the server sums them up (``row_sums``), so
that the server makes text of their numbers and times once, and adds up the sum of each, which the server sends along.
Where it is missing ``mariadb-dump`` writes the same rows, and the server reads them a second time for their sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from backup_actions.archive.own_program import own_program
from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Server
from backup_actions.dump.mysql.programs import Failed, reported
from backup_actions.dump.mysql.row_sums import Sum, best_way, is_summed_up_as_text, text_and_sum
from backup_actions.dump.mysql.rows import Column, TableShape
from backup_actions.dump.mysql.session import EVERYWHERE, Session
from backup_actions.dump.mysql.text import quoted
from backup_actions.dump.programs import output_of, private_file

_PROGRAM = "backup-actions-row-reader"
_DATES_AND_TIMES = frozenset({"date", "datetime", "timestamp", "time"})
_SESSION = (
    # Texts as they lie there, of whatever character set. Whoever stores what we read may be slow.
    f"SET SESSION {EVERYWHERE}, character_set_results = NULL, max_statement_time = 0, net_write_timeout = 31536000",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT",
)
# As MariaDB's program begins and ends the rows of a database; a client that loads more has its settings back.
_BEFORE_ALL = """\
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES binary */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;
"""
_AFTER_ALL = """\
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

"""


def row_program() -> Path | None:
    """The program beside our interpreter, or the first of PATH; None where there is none."""
    return own_program(_PROGRAM)


def is_readable(server: Server, shape: TableShape) -> bool:
    """Whether the program reads this table's rows: those of the past, and values that bytes do not become again, are
    left to ``mariadb-dump``; so is what older servers do not sum up in that form.
    """
    has_values = any(not column.is_generated for column in shape.columns)
    return best_way(server) == 3 and shape.is_binary_safe and not shape.is_versioned and has_values


@dataclass(frozen=True, slots=True)
class RowScript:
    """What the program is told, with the password, and of which tables it will tell in which order."""

    text: str = field(repr=False)
    tables: tuple[str, ...]


def row_script(source: Connection, asked: Session, database: str, shapes: Sequence[TableShape]) -> RowScript:
    """Texts, each with a NUL behind it: no name nor password has one in it."""
    authorities = str(source.ca_file) if source.ca_file else ""
    reached = (source.host, str(source.port), source.user, source.password, authorities, database)
    before, texts = _BEFORE_ALL, [*reached, *_SESSION, ""]
    for shape in shapes:
        texts += (before + _before(shape), _head(shape), _parts(shape), _statement(asked, shape), _after(shape))
        before = ""
    texts[-1] += _AFTER_ALL
    return RowScript("".join(f"{text}\0" for text in texts), tuple(shape.name for shape in shapes))


@contextmanager
def rows_read(
    program: Path,
    script: RowScript,
    source: Connection,
    told: Callable[[str, Sum], None],
    failed: Failed,
) -> Iterator[BinaryIO]:
    """SQL with the rows of the script's tables; at its end ``told`` hears what each of them comes to.

    Raises DatabaseUnreachable, or as ``failed`` says.
    """
    with private_file(script.text) as path:
        answer = path.with_name("sums")
        with output_of([str(program), str(path), str(answer)], reported(source, failed)) as output:
            yield output
        for name, line in zip(script.tables, answer.read_text(encoding="ascii").splitlines(), strict=True):
            rows, high, low = map(int, line.split())
            told(name, Sum(rows, (high << 64) + low))


def _before(shape: TableShape) -> str:
    name = quoted(shape.name)
    commented = name.replace("\n", "\n-- ")
    return f"\n--\n-- Dumping data for table {commented}\n--\n\n/*!40000 ALTER TABLE {name} DISABLE KEYS */;\n"


def _after(shape: TableShape) -> str:
    return f"/*!40000 ALTER TABLE {quoted(shape.name)} ENABLE KEYS */;\n"


def _head(shape: TableShape) -> str:
    names = ", ".join(quoted(column.name) for column in shape.columns if not column.is_generated)
    return f"INSERT INTO {quoted(shape.name)} ({names}) VALUES\n"


def _statement(asked: Session, shape: TableShape) -> str:
    """The text of a row that is summed up, its sum, and the columns of which that text has checksums alone."""
    apart = "".join(f", {quoted(column.name)}" for column in shape.columns if _form(column) in {"b", "t"})
    return f"SELECT {', '.join(text_and_sum(asked, shape))}{apart} FROM {quoted(shape.name)}"  # noqa: S608 - names are quoted


def _parts(shape: TableShape) -> str:
    """A letter for each column of the text, in its order."""
    return "".join(_form(column) for column in shape.columns if not column.is_virtual)


def _form(column: Column) -> str:
    """A number; a date or time; bits; what has two checksums; what is computed again, with one part or with two."""
    if column.kind == "bit":
        form = "b"
    elif column.kind in _DATES_AND_TIMES:
        form = "d"
    else:
        form = "n" if is_summed_up_as_text(column) else "t"
    return form if not column.is_generated else "2" if form == "t" else "1"
