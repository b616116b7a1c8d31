"""The world that a task or a job works in, passed to it whole: clients, clock, progress, host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backup_actions.aws.clients import Clients
from backup_actions.model.clock import Clock, SystemClock
from backup_actions.model.progress import Progress, Silence


@dataclass(frozen=True, slots=True)
class Host:
    """The machine under a job: where its devices are, and who it is."""

    dev: Path = Path("/dev")
    sys: Path = Path("/sys")
    metadata_endpoint: str = "http://169.254.169.254"


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside the code of a task or job."""

    clients: Clients
    clock: Clock = field(default_factory=SystemClock)
    progress: Progress = field(default_factory=Silence)
    host: Host = field(default_factory=Host)
    attempt: int = 1
    """Which attempt of a Batch job this is, from 1 (``AWS_BATCH_JOB_ATTEMPT``)."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The variables that a function or a job was given. Read here and nowhere else."""
