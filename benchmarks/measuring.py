"""One run of one contender: how long, how much processor, how much memory, how many bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
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
    largest_process_mib: float
    sent_bytes: int


class ContenderFailed(Exception):
    """A contender ended with an error, so that its time means nothing."""


def run(contender: Contender, source: Path, sink: Sink) -> Run:
    """Raises ContenderFailed."""
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
    said = sink.folder / "said"
    with said.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", contender.command], env=environment, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)  # with its descendants: a pipeline is measured as one
        wall_seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise ContenderFailed(f"{contender.name} ended with {process.returncode}: {said.read_bytes()[-2000:]!r}")
    stored_bytes = sum(path.stat().st_size for path in repository.rglob("*") if path.is_file())
    return Run(
        wall_seconds=wall_seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        largest_process_mib=usage.ru_maxrss / 1024,
        sent_bytes=sink.received_bytes() - before_bytes + stored_bytes,
    )
