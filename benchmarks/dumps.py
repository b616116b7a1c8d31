"""Databases to S3: our dump, which is counted and checked, against what people put together from stock programs."""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders import OURS, Contender

if TYPE_CHECKING:
    from backup_actions_local.databases import DatabaseServer, Engine

DATABASE = "bench"

_OURS = Contender(OURS, 'python -m benchmarks.dumps "$SOURCE" "$KEY"')
# What the programs write before it is uploaded lies beside the endpoint, and is gone when the run has ended.
_UPLOAD = 's5cmd --log error cp "$FOLDER/" "$KEY/" && rm -r "$FOLDER"'
_PG_FOLDER = 'pg_dump -Fd -j2 {} -f "${{FOLDER:=$REPOSITORY-dump}}" "$(cat "$SOURCE/postgresql")" && '
_MYDUMPER = (
    'mydumper --defaults-file="$SOURCE/my.cnf" --threads 2 --no-locks --compress '
    f'--database {DATABASE} --outputdir "${{FOLDER:=$REPOSITORY-dump}}" && '
)
_SEED = '| gzip | aws s3 cp - "$KEY"'

POSTGRESQL = [
    _OURS,
    Contender("pg_dump -Fd -j2, s5cmd", _PG_FOLDER.format("") + _UPLOAD),
    Contender("pg_dump -Fd -j2 -Z 1, s5cmd", _PG_FOLDER.format("-Z 1") + _UPLOAD),
    Contender("pg_dump, gzip, aws s3 cp", f'pg_dump "$(cat "$SOURCE/postgresql")" {_SEED}'),
]
MARIADB = [
    _OURS,
    Contender("mydumper --threads 2 --compress, s5cmd", _MYDUMPER + _UPLOAD),
    Contender(
        "mariadb-dump, gzip, aws s3 cp",
        f'mariadb-dump --defaults-file="$SOURCE/my.cnf" --single-transaction {DATABASE} {_SEED}',
    ),
]

_WORDS = " one two three four five six sev "
# Tables of very different size: name, share of the whole, bytes of a row.
_TABLES = (
    ("orders", 0.40, 130),
    ("events", 0.25, 330),
    ("documents", 0.20, 4200),
    *((f"small_{number}", 0.15 / 20, 130) for number in range(20)),
)
_COLUMNS = "id bigint PRIMARY KEY, customer int, amount decimal(12, 2), placed timestamp, note text"


def postgresql_data(folder: Path, size_mib: int) -> Path:
    """The data directory of a stopped server with about that much in it, made once."""
    from backup_actions_local.databases import PostgreSql

    return _made(folder / f"postgresql-{size_mib}", PostgreSql(), _postgresql_rows, size_mib)


def mariadb_data(folder: Path, size_mib: int) -> Path:
    """The same for MariaDB."""
    from backup_actions_local.databases import MariaDb

    return _made(folder / f"mariadb-{size_mib}", MariaDb(), _mariadb_rows, size_mib)


def _postgresql_rows(table: str, rows: int, pieces: int) -> str:
    note = " || ".join(f"md5((n + {number})::text) || '{_WORDS}'" for number in range(pieces))
    return (
        f"INSERT INTO {table} SELECT n, n % 9973, n * 0.25, timestamp '2026-01-01' + n * interval '1 second', {note} "  # noqa: S608 - our own words
        f"FROM generate_series(1, {rows}) n"
    )


def _mariadb_rows(table: str, rows: int, pieces: int) -> str:
    note = ", ".join(f"MD5(seq + {number}), '{_WORDS}'" for number in range(pieces))
    return (
        f"INSERT INTO {table} SELECT seq, seq % 9973, seq * 0.25, '2026-01-01' + INTERVAL seq SECOND, CONCAT({note}) "  # noqa: S608 - our own words
        f"FROM seq_1_to_{rows}"
    )


def _made(place: Path, engine: Engine, filled: Callable[[str, int, int], str], size_mib: int) -> Path:
    if place.exists():
        return place
    from backup_actions_local.databases.processes import give_to_server, running

    unfinished = place.with_name(f"{place.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    data = unfinished.resolve() / "data"
    give_to_server(data)
    engine.initialize(data)
    with running(engine, data) as server:
        with engine.connect(server) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {DATABASE}")
        with engine.connect(server, DATABASE) as connection, connection.cursor() as cursor:
            for table, share, row_bytes in _TABLES:
                rows = max(1, int(size_mib * 2**20 * share / row_bytes))
                cursor.execute(f"CREATE TABLE {table} ({_COLUMNS})")
                cursor.execute(filled(table, rows, (row_bytes - 64) // 65 or 1))
    return unfinished.rename(place)


@contextmanager
def served(data: Path, scratch: Path, *, apart: bool) -> Iterator[Path]:
    """A folder in which is written how the server over that data is reached; it runs until the block ends.

    ``apart``, it has half of the processors, and whatever is started meanwhile has the others.
    """
    from backup_actions_local.databases import MariaDb, PostgreSql, programs
    from backup_actions_local.databases.processes import running

    # As much as RDS gives both by default on 4 GiB: a quarter, three quarters.
    is_postgresql = data.name.startswith("postgresql")
    engine = PostgreSql(shared_buffers_mib=1024) if is_postgresql else MariaDb(buffer_pool_mib=3072)
    folder = scratch / "server"
    folder.mkdir(exist_ok=True)
    with programs.on_path(scratch / "programs"), running(engine, (data / "data").resolve()) as server:
        _write_addresses(server, folder, "postgresql" if is_postgresql else "mysql")
        with _divided(server.pid) if apart else nullcontext():
            yield folder


def server_process(folder: Path) -> int:
    """The process of the server of which a folder tells."""
    return int((folder / "process").read_text(encoding="ascii"))


@contextmanager
def _divided(server_pid: int) -> Iterator[None]:
    """The server has the first half of our processors; we, and whoever we start, have the second one."""
    processors = sorted(os.sched_getaffinity(0))
    half = len(processors) // 2
    for process in [server_pid, *_children(server_pid)]:
        for thread in Path(f"/proc/{process}/task").iterdir():  # what they start has what they have
            os.sched_setaffinity(int(thread.name), processors[:half])
    os.sched_setaffinity(0, processors[half:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, processors)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def _write_addresses(server: DatabaseServer, folder: Path, family: str) -> None:
    options = {"host": server.host, "port": server.port, "user": server.user, "password": server.password}
    words = " ".join(f"{name}={value}" for name, value in options.items())
    (folder / "postgresql").write_text(f"{words} dbname={DATABASE}", encoding="utf-8")
    lines = "".join(f"{name}={value}\n" for name, value in options.items())
    (folder / "my.cnf").write_text(f"[client]\n{lines}", encoding="utf-8")
    (folder / "process").write_text(str(server.pid), encoding="ascii")
    (folder / "connection.json").write_text(json.dumps({**options, "family": family}), encoding="utf-8")


def _main() -> None:
    """What ours is, as the job of the action does it."""
    from backup_actions.cli.locations import store_at
    from backup_actions.dump import Connection, dump

    parser = argparse.ArgumentParser(prog="python -m benchmarks.dumps")
    parser.add_argument("source", type=Path)
    parser.add_argument("location")
    asked = parser.parse_args()
    connection = Connection(**json.loads((asked.source / "connection.json").read_text(encoding="utf-8")))
    dump(connection, store_at(asked.location, soon=True), databases=[DATABASE])


if __name__ == "__main__":
    _main()
