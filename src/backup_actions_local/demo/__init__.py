"""``backup-actions demo``: the whole life of some backups on one machine, with no AWS account."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.cli.output import Output
from backup_actions.errors import (
    ActionBroken,
    ActionUnknown,
    DiskFull,
    EmbeddedServerFailed,
    PortInUse,
    SampleBroken,
    SampleMissing,
    ToolMissing,
)

if TYPE_CHECKING:
    from backup_actions_local.demo.live import Screen

_NEEDED_MIB = 2048


@command(
    "demo",
    examples=(
        "backup-actions demo",
        "backup-actions demo --action rds-export",
        "backup-actions demo --keep run --json > result.json",
    ),
    fails_with=(
        PortInUse,
        EmbeddedServerFailed,
        DiskFull,
        ToolMissing,
        ActionUnknown,
        ActionBroken,
        SampleMissing,
        SampleBroken,
    ),
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep all data, logs and the report there.",
)
@click.option(
    "--action", "actions", multiple=True, metavar="NAME", help="Show this installed action only; may be repeated."
)
@click.option("--port", type=click.IntRange(1024, 65535), help="Let the embedded AWS listen on this port of 127.0.0.1.")
def demo(output: Output, keep: Path | None, actions: tuple[str, ...], port: int | None) -> None:
    """Show the life of backups on the embedded AWS.

    Four disks are archived, and the backups of what is verified deleted: one with an awkward file system, a partitioned
    one with a boot loader, one that cannot be mounted, and one whose job dies on every attempt. A PostgreSQL and a
    MariaDB database and a DynamoDB table are exported to Parquet, spoilt after their backup, and a query shows what
    they held. The PostgreSQL database is dumped as well, its dump proven to restore; and it is copied to a second
    account, where nobody of the first one can touch it, and opened there. Only then its backup is deleted. The deployed
    workflows do the work. An action of another package is tried on the sample that it brings, or on one of a type that
    it handles. Exit code 0 means that everything promised was true.
    """
    from backup_actions.plugins import installed

    found = installed()
    for name in actions:
        found.action(name)
    for broken in found.broken:
        output.warn(broken)

    from backup_actions_local.demo.outcome import as_json
    from backup_actions_local.demo.run import STAGED, run_demo
    from backup_actions_local.demo.summary import summarize

    with _interrupted_once(), _folder(keep) as folder, _screen(output) as screen:
        report = (keep or Path.cwd() / "build") / "demo-report.html"
        result = run_demo(folder, report, screen, output.talk, port=port, actions=actions or STAGED)
    if output.as_json:
        extra = {"report": str(result.report), "calls": result.calls, "refused": result.refused}
        output.data(as_json(result.outcomes, result.checks, extra))
    else:
        summarize(result, output.data)
    sys.exit(0 if result.ok else 1)


@contextmanager
def _interrupted_once() -> Iterator[None]:
    """Ctrl-C is heard once; what follows is the clean-up, which an impatient second one does not cut short."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where everything lies; removed afterwards unless it is to be kept. Raises DiskFull."""
    folder = keep.resolve() if keep else Path(tempfile.mkdtemp(prefix="backup-actions-demo-"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"cannot keep anything in {folder}: {error.strerror}.") from error
    try:
        free_mib = shutil.disk_usage(folder).free >> 20
        if free_mib < _NEEDED_MIB:
            raise DiskFull(path=folder, free_mib=free_mib, needed_mib=_NEEDED_MIB)
        yield folder
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _screen(output: Output) -> Iterator[Screen]:
    """Bars and lines on a terminal, lines elsewhere; both on stderr."""
    from backup_actions_local.demo.live import Plain, Terminal

    if not sys.stderr.isatty():
        yield Plain(output.talk)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(binary_units=True))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield Terminal(bars)
