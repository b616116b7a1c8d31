"""What a stopped database holds, frozen: the bytes of a snapshot."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from backup_actions_local.databases.processes import give_to_server, running

if TYPE_CHECKING:
    from backup_actions_local.databases.engine import DatabaseServer, Engine, Table

Fill = Callable[["Engine", "DatabaseServer"], None]


class DatabaseImage:
    """The data directory of a server that was stopped in good order, as a tar that never changes."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self.engine, self.path = engine, path
        self._tables: tuple[Table, ...] | None = None
        self._reading = threading.Lock()

    @classmethod
    def made(cls, engine: Engine, path: Path, fill: Fill) -> Self:
        """A new database, filled. Raises EmbeddedServerFailed or ToolMissing."""
        with _folder_beside(path) as folder:
            give_to_server(folder / "data")
            engine.initialize(folder / "data")
            return cls._filled(engine, folder / "data", path, fill)

    @classmethod
    def empty(cls, engine: Engine, path: Path) -> Self:
        """A new database with nothing in it. Raises EmbeddedServerFailed or ToolMissing."""
        with _folder_beside(path) as folder:
            give_to_server(folder / "data")
            engine.initialize(folder / "data")
            return cls._packed(engine, folder / "data", path)

    def changed(self, path: Path, fill: Fill) -> Self:
        """Another image: this one, with more done to it."""
        with _folder_beside(path) as folder:
            return self._filled(self.engine, self.unpack(folder), path, fill)

    @contextmanager
    def restored(self) -> Iterator[DatabaseServer]:
        """A server over a copy of the data; nothing of either is left when the block ends."""
        with _folder_beside(self.path) as folder, running(self.engine, self.unpack(folder)) as server:
            yield server

    def unpack(self, folder: Path) -> Path:
        """The data directory of a server that is to run below this folder."""
        give_to_server(folder / "data")
        subprocess.run(["tar", "-C", str(folder / "data"), "-xpf", str(self.path)], check=True)
        return folder / "data"

    @property
    def size_bytes(self) -> int:
        """What the image occupies."""
        return self.path.stat().st_size

    def tables(self) -> tuple[Table, ...]:
        """Everything in it, read from a restored server, once: an image does not change."""
        with self._reading:
            if self._tables is None:
                with self.restored() as server:
                    self._tables = tuple(self.engine.tables(server))
            return self._tables

    @classmethod
    def _filled(cls, engine: Engine, data: Path, path: Path, fill: Fill) -> Self:
        with running(engine, data) as server:
            fill(engine, server)
        return cls._packed(engine, data, path)

    @classmethod
    def _packed(cls, engine: Engine, data: Path, path: Path) -> Self:
        subprocess.run(["tar", "-C", str(data), "--sparse", "-cf", str(path), "."], check=True)
        return cls(engine, path)


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="database-", dir=path.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
