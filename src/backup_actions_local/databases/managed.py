"""A server as RDS runs one: over a copy of an image, administered by RDS itself, its master user no superuser."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import threading
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from backup_actions_local.databases.engine import ADMINISTRATOR, USER
from backup_actions_local.databases.processes import running
from backup_actions_local.databases.tls_relay import TlsRelay

if TYPE_CHECKING:
    from backup_actions_local.databases.certificates import Authority
    from backup_actions_local.databases.engine import Certificate, DatabaseServer, Engine
    from backup_actions_local.databases.image import DatabaseImage

_SEGMENT_LINE = 6


class ManagedServer:
    """Its data stay when it stops, until they are removed. Nobody knows the master's password before one is set."""

    def __init__(
        self, image: DatabaseImage, folder: Path, authority: Authority, *, engine: Engine | None = None
    ) -> None:
        self._image, self._folder, self._authority = image, folder, authority
        self._engine = engine or image.engine
        self._data = folder / "data"
        self._secret = secrets.token_urlsafe(24)
        self._password = ""
        self._running: DatabaseServer | None = None
        self._is_dead = False
        self._port = 0
        self._stack = ExitStack()
        self._lock = threading.RLock()

    @property
    def port(self) -> int:
        """Where it listens, for TLS; 0 when it does not run."""
        return self._port

    def start(self) -> None:
        """It answers. Raises EmbeddedServerFailed."""
        with self._lock:
            if self._running is not None:
                return
            certificate = self._authority.certificate()
            server = self._handed_over(certificate) if not self._folder.exists() else self._started(certificate)
            if self._engine.speaks_tls:
                self._port = server.port
            else:
                self._port = self._stack.enter_context(TlsRelay(server.port, certificate)).port
            self._running, self._is_dead = server, False
            if self._password:
                self.set_password(self._password)

    def set_password(self, password: str) -> None:
        """The master's password is this one, at the latest when the server starts."""
        with self._lock:
            self._password = password
            if self._running is not None and not self._is_dead:
                self._engine.set_password(self._running, USER, password)

    def kill(self) -> None:
        """It dies, as a host does: nothing is written any more, and no connection is closed in good order."""
        if self._running:
            self._is_dead = True
            children = Path(f"/proc/{self._running.pid}/task/{self._running.pid}/children")
            for pid in (self._running.pid, *map(int, children.read_text(encoding="ascii").split())):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """It does not run."""
        with self._lock:
            self._running, self._port = None, 0
            self._stack.close()
            if self._is_dead:
                self._bury()

    def remove(self) -> None:
        """Neither it nor its data are there."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _handed_over(self, certificate: Certificate) -> DatabaseServer:
        """A server over the image's data, which RDS administers from now on."""
        self._image.unpack(self._folder)
        server = self._stack.enter_context(running(self._engine, self._data, certificate=certificate))
        self._engine.hand_over(server, ADMINISTRATOR, self._secret)
        return replace(server, user=ADMINISTRATOR, password=self._secret)

    def _started(self, certificate: Certificate) -> DatabaseServer:
        server = running(self._engine, self._data, user=ADMINISTRATOR, password=self._secret, certificate=certificate)
        return self._stack.enter_context(server)

    def _bury(self) -> None:
        """What the kernel keeps of a PostgreSQL that was killed, one segment of shared memory, is gone.

        https://www.postgresql.org/docs/current/storage-file-layout.html: postmaster.pid names it
        """
        record = self._data / "postmaster.pid"
        lines = record.read_text(encoding="ascii").splitlines() if record.exists() else []
        if len(lines) > _SEGMENT_LINE:
            segment = lines[_SEGMENT_LINE].split()[-1]
            subprocess.run(["ipcrm", "--shmem-id", segment], check=False, capture_output=True)
