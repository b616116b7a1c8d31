"""The S3 server of the embedded AWS starts, stays on loopback and goes."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from tempfile import gettempdir

import pytest

from backup_actions.errors import EmbeddedServerFailed
from backup_actions_local import seaweed
from backup_actions_local.loopback import loopback_only
from backup_actions_local.seaweed import ObjectServer, object_server


def test_the_server_is_gone_when_the_block_ends_by_an_exception(tmp_path: Path) -> None:
    servers: list[ObjectServer] = []

    def interrupted() -> None:
        with object_server(tmp_path) as server:
            servers.append(server)
            assert loopback_only(server.pid) == []
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    server = servers[0]
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)
    assert not list(Path(gettempdir()).glob(f"seaweedfs-*-{server.endpoint.rsplit(':', 1)[1]}.sock"))


def test_a_server_that_ends_at_once_is_reported_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "weed"
    program.write_text("#!/bin/sh\necho no room on the disk\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(seaweed, "_program", lambda: str(program))

    with pytest.raises(EmbeddedServerFailed, match=r"(?s)code 3.*no room on the disk"), object_server(tmp_path):
        pass


def test_a_socket_on_every_interface_is_found() -> None:
    with socket.socket() as everywhere, socket.socket() as here:
        everywhere.bind(("0.0.0.0", 0))  # noqa: S104 - what is to be found
        everywhere.listen()
        here.bind(("127.0.0.1", 0))
        here.listen()

        assert loopback_only(os.getpid()) == [f"0.0.0.0:{everywhere.getsockname()[1]}"]
