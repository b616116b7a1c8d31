"""Starts and ends servers. They refuse to be root: as root, they are run as nobody."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backup_actions.errors import EmbeddedServerFailed
from backup_actions.model.clock import SystemClock
from backup_actions_local.databases.engine import PASSWORD, USER, Certificate, DatabaseServer
from backup_actions_local.loopback import loopback_only

if TYPE_CHECKING:
    from backup_actions_local.databases.engine import Engine

_NOBODY = 65534
_STARTS_WITHIN_SECONDS, _ENDS_WITHIN_SECONDS, _PAUSE_SECONDS = 60.0, 30.0, 0.05


_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starts servers")
"""A server dies with the thread that has started it: this one lives as long as this process."""


def unprivileged(command: list[str], *, dies_with_us: bool = False) -> list[str]:
    """The command as nobody, who may still walk through folders that only root may enter (pytest's, for instance).

    Without the bit access(2) would know nothing of that capability, and MariaDB, which asks so whether it has a control
    file, would begin a new one at every start and find its own tables damaged.
    """
    fate = ["--pdeathsig=KILL"] if dies_with_us else []
    if os.geteuid() != 0:
        return ["setpriv", *fate, *command] if fate and shutil.which("setpriv") else command
    capability = "-all,+dac_override"
    return [
        "setpriv", *fate, f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", f"--inh-caps={capability}",
        f"--ambient-caps={capability}", "--securebits=+no_setuid_fixup", *command,
    ]  # fmt: skip


def give_to_server(directory: Path) -> None:
    """The directory belongs to whom the servers run as."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(directory, _NOBODY, _NOBODY)


def run(command: list[str], *, server: str, told: str = "") -> None:
    """The command, told this on its standard input, has ended well. Neither it nor what it has started outlives this.

    Raises EmbeddedServerFailed.
    """
    process = subprocess.Popen(
        unprivileged(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment(),
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(told.encode())
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()  # ends when the last one that could write into the pipe is gone
        raise
    if process.returncode:
        reason = f"{command[0]} ended with {process.returncode}: {said.decode(errors='replace')[-2000:]}"
        raise EmbeddedServerFailed(server=server, reason=reason)


@contextmanager
def running(
    engine: Engine,
    directory: Path,
    *,
    user: str = USER,
    password: str = PASSWORD,
    certificate: Certificate | None = None,
) -> Iterator[DatabaseServer]:
    """A server over the directory, as this user sees it; it has stopped in good order when the block ends.

    Should this process be killed, the server is. With a certificate it speaks TLS alone, if it can.
    Raises EmbeddedServerFailed.
    """
    port = _free_port()
    log = directory.with_name(f"{directory.name}.log")
    with log.open("wb") as output:
        process = _spawner.submit(
            subprocess.Popen[bytes],
            unprivileged(engine.command(directory, port, certificate), dies_with_us=True),
            cwd=directory,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us first, and we stop it last
        ).result()
    try:
        authority = certificate.authority if certificate and engine.speaks_tls else None
        server = DatabaseServer(port, directory, process.pid, user=user, password=password, authority=authority)
        _wait_until_it_answers(engine, server, process, log)
        if offending := loopback_only(process.pid):
            raise EmbeddedServerFailed(server=engine.name, reason=f"it listens on {', '.join(offending)}")
        yield server
    finally:
        process.send_signal(engine.stops_on)
        try:
            process.wait(_ENDS_WITHIN_SECONDS)
        finally:
            process.kill()
            process.wait()


def _wait_until_it_answers(engine: Engine, server: DatabaseServer, process: subprocess.Popen[bytes], log: Path) -> None:
    clock = SystemClock()
    for _ in range(int(_STARTS_WITHIN_SECONDS / _PAUSE_SECONDS)):
        if process.poll() is not None:
            break
        if engine.answers(server):
            return
        clock.sleep(_PAUSE_SECONDS)
    end = log.read_text(errors="replace")[-2000:]
    raise EmbeddedServerFailed(server=engine.name, reason=f"it does not answer; its log ends:\n{end}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _environment() -> dict[str, str]:
    """No configuration of whoever runs this."""
    return {"PATH": f"{os.defpath}:/usr/sbin:/sbin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
