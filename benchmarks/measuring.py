"""One run of one contender: how long, how much processor, how much memory, how many bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import Contender
from benchmarks.sink import Sink


@dataclass(frozen=True, slots=True)
class Run:
    """What a run took. The endpoint's own processor time is not in it."""

    wall_seconds: float
    cpu_seconds: float
    memory_mib: float
    """The sum of what each of its processes took at most: never less than all of them at any one time."""
    sent_bytes: int
    server_seconds: float | None = None
    """Processor time of the database server, where one took part."""


class ContenderFailed(Exception):
    """A contender ended with an error, so that its time means nothing."""


def run(contender: Contender, source: Path, sink: Sink, server: int | None = None) -> Run:
    """``server`` is the process of a server that works for the contender. Raises ContenderFailed."""
    repository = sink.folder / "repository"
    shutil.rmtree(repository, ignore_errors=True)
    environment = {
        **os.environ,
        **sink.environment(),
        "SOURCE": str(source),
        "KEY": "s3://benchmark/key",
        "REPOSITORY": str(repository),
        "RESTIC_PASSWORD": "benchmark",
        "BORG_BASE_DIR": str(sink.folder / "borg"),
    }
    if contender.before:
        subprocess.run(["sh", "-c", contender.before], env=environment, check=True, capture_output=True)
    before_bytes = sink.received_bytes()
    server_before = _server_seconds(server) if server else 0.0
    said = sink.folder / "said"
    with said.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", contender.command], env=environment, stdout=output, stderr=output
        )
        memory = _Memory(process.pid)
        _, status, usage = os.wait4(process.pid, 0)  # with its descendants: a pipeline is measured as one
        wall_seconds = time.perf_counter() - began
        memory_mib = memory.peak_mib()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise ContenderFailed(f"{contender.name} ended with {process.returncode}: {said.read_bytes()[-2000:]!r}")
    stored_bytes = sum(path.stat().st_size for path in repository.rglob("*") if path.is_file())
    return Run(
        wall_seconds=wall_seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        memory_mib=memory_mib,
        sent_bytes=sink.received_bytes() - before_bytes + stored_bytes,
        server_seconds=_server_seconds(server) - server_before if server else None,
    )


class _Memory:
    """Looks at a process and its descendants ten times a second: Linux keeps what each took at most."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._most_kib: dict[int, int] = {}
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def peak_mib(self) -> float:
        """Of all processes together."""
        self._ended.set()
        self._watcher.join()
        return sum(self._most_kib.values()) / 1024

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            for pid in _with_descendants(self._pid):
                for line in _lines(Path(f"/proc/{pid}/status")):
                    if line.startswith("VmHWM:"):
                        self._most_kib[pid] = int(line.split()[1])


def _server_seconds(pid: int) -> float:
    """Of a process, of the children that it has and of those that have ended."""
    own, ended = _processor_seconds(pid)
    return own + ended + sum(sum(_processor_seconds(child)) for child in _with_descendants(pid)[1:])


def _processor_seconds(pid: int) -> tuple[float, float]:
    """Its own, and that of its children that have ended; none where it has ended itself. See proc_pid_stat(5)."""
    fields = " ".join(_lines(Path(f"/proc/{pid}/stat"))).rpartition(")")[2].split()
    user, system, of_children, system_of_children = map(int, fields[11:15] or ("0",) * 4)
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + system) / ticks, (of_children + system_of_children) / ticks


def _with_descendants(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for line in _lines(children) for child in line.split()]
    return found


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:  # it has ended
        return []
