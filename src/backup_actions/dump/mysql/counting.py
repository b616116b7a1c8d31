"""Tables of MySQL or MariaDB, counted and summed up in several sessions at the same time, large ones in pieces.

A piece is what lies between two values of a table's key. Whatever these are, every row is in one piece and in no other:
the first has no lower end and the last no upper one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from queue import SimpleQueue

from backup_actions.dump.connection import Connection
from backup_actions.dump.description import RowChecksums, Table
from backup_actions.dump.mysql.row_sums import Sum, summed_up
from backup_actions.dump.mysql.rows import TableShape
from backup_actions.dump.mysql.session import Failed, Session, session
from backup_actions.dump.mysql.text import quoted

_SESSIONS = 2  # a session keeps one processor of the server busy, and the smallest that RDS has got two
_PIECE_BYTES = 128 << 20
_MOST_PIECES = 64
_LOOK_SECONDS = 0.2
"""Whoever is told the progress hears something that often, and may raise."""


def counted(
    to: Connection,
    failed: Failed,
    database: str,
    shapes: Sequence[TableShape],
    way: RowChecksums,
    progress: Callable[[int], None],
    known: frozenset[str] = frozenset(),
) -> tuple[Table, ...]:
    """The tables in the order of their shapes; of those whose sums are known the rows are counted only.

    ``progress`` is told the bytes of each piece that is done.

    Raises what ``progress`` raises, DatabaseUnreachable, and what ``failed`` makes of the rest.
    """
    with ExitStack() as opened:
        asked = [opened.enter_context(session(to, failed, database)) for _ in range(_SESSIONS)]
        pieces = [piece for shape in shapes for piece in _pieces(asked[0], shape)]
        rows: Counter[str] = Counter()
        totals: Counter[str] = Counter()
        for piece, found in _summed_up(asked, sorted(pieces, key=lambda each: -each.size_bytes), way, progress, known):
            rows[piece.shape.name] += found.rows
            totals[piece.shape.name] += found.total
    return tuple(
        Table(
            schema="",
            name=shape.name,
            rows=rows[shape.name],
            checksum=str(totals[shape.name]) if shape.name not in known else "",
            size_bytes=shape.size_bytes,
        )
        for shape in shapes
    )


@dataclass(frozen=True, slots=True)
class _Piece:
    """Rows of a table: those of which the condition holds, or all."""

    shape: TableShape
    condition: str
    size_bytes: int


def _pieces(asked: Session, shape: TableShape) -> Iterator[_Piece]:
    """The whole table, or as many pieces of like ranges of its key as it has megabytes for."""
    count = min(shape.size_bytes // _PIECE_BYTES, _MOST_PIECES) if shape.divided_by else 0
    conditions = list(_conditions(asked, shape, count)) if count > 1 else [""]
    for number, condition in enumerate(conditions):
        rest = shape.size_bytes % len(conditions) if number == 0 else 0
        yield _Piece(shape, condition, shape.size_bytes // len(conditions) + rest)


def _conditions(asked: Session, shape: TableShape, count: int) -> Iterator[str]:
    key = quoted(shape.divided_by)
    least, greatest = asked.first(f"SELECT MIN({key}), MAX({key}) FROM {quoted(shape.name)}")  # noqa: S608 - names are quoted
    if least is None:
        yield ""
        return
    ends = sorted({least + (greatest - least) * number // count for number in range(1, count)})
    yield f"{key} <= {ends[0]}"
    for start, end in pairwise(ends):
        yield f"{key} > {start} AND {key} <= {end}"
    yield f"{key} > {ends[-1]}"


def _summed_up(
    sessions: Sequence[Session],
    pieces: Sequence[_Piece],
    way: RowChecksums,
    progress: Callable[[int], None],
    known: frozenset[str],
) -> list[tuple[_Piece, Sum]]:
    """Each piece and what it comes to. An exception cuts the sessions, so that nobody waits for their answers."""
    idle: SimpleQueue[Session] = SimpleQueue()
    for each in sessions:
        idle.put(each)

    def work(piece: _Piece) -> Sum:
        asked = idle.get()
        try:
            return summed_up(asked, piece.shape, way if piece.shape.name not in known else None, piece.condition)
        finally:
            idle.put(asked)

    found: list[tuple[_Piece, Sum]] = []
    with ThreadPoolExecutor(len(sessions), thread_name_prefix="sums") as pool:
        running = {pool.submit(work, piece): piece for piece in pieces}
        try:
            while running:
                for future in _done(running, progress):
                    piece = running.pop(future)
                    found.append((piece, future.result()))
                    progress(piece.size_bytes)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for each in sessions:
                each.cut()
            raise
    return found


def _done(running: dict[Future[Sum], _Piece], progress: Callable[[int], None]) -> set[Future[Sum]]:
    """Those that are done; at least one."""
    while True:
        done, _ = wait(running, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
        if done:
            return done
        progress(0)
