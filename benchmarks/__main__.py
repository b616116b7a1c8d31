"""``python -m benchmarks``: rounds in which all contenders take turns, and a table of what they took against ours."""

from __future__ import annotations

import argparse
import compileall
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path
from statistics import median

import backup_actions
from benchmarks.contenders import FILES, IMAGE, IMAGE_WITH_SEED, OURS, SLOW_FILES, SMALL_FILES, Contender
from benchmarks.conversion import CONVERSIONS, exported_table
from benchmarks.data import FULL, QUICK, Data, read_once
from benchmarks.dumps import MARIADB, POSTGRESQL, mariadb_data, postgresql_data, served, server_process
from benchmarks.measuring import Run, run
from benchmarks.one_file import one_file
from benchmarks.sink import Sink, running_sink
from benchmarks.slow_device import slow_tree
from benchmarks.stages import Stages, stages


@dataclass(frozen=True, slots=True)
class Contest:
    """Data, who takes part, and how each of them gets to see the data."""

    make: Callable[[], Path]
    contenders: list[Contender]
    in_stages: bool = False
    """Whether it is also said what the stages cost by themselves."""
    one_file: bool = False
    """Whether one file is got back as well."""
    opened: Callable[[Path], AbstractContextManager[Path]] = nullcontext
    once: bool = False
    server: Callable[[Path], int] | None = None
    """The process of the server that has the data, where one has it."""
    processors: int = 1
    """As many must be there at least."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A run and one of ours near it in time, where the machine was alike: a ratio is taken between these."""

    mine: Run
    ours: Run


def main() -> None:
    """Markdown on standard output, what is going on on standard error."""
    asked = _arguments()
    compileall.compile_dir(Path(backup_actions.__file__).parent, quiet=1)  # as an installer does
    data = Data(asked.data, QUICK if asked.quick else FULL)
    image = IMAGE_WITH_SEED if asked.gzip_image else IMAGE
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, running_sink(Path(name)) as sink:
        contests = {
            "small": Contest(data.small, SMALL_FILES, in_stages=True, one_file=True),
            "large": Contest(data.large, FILES, in_stages=True),
            "random": Contest(data.random, FILES),
            "slow": Contest(data.slow, SLOW_FILES, opened=lambda made: slow_tree(made, sink.folder)),
            "image": Contest(data.image, image, once=True),
            **_databases(asked.data, asked.database_mib or (100 if asked.quick else 2000), sink.folder),
            "conversion": Contest(lambda: exported_table(asked.data, 100_000 if asked.quick else 600_000), CONVERSIONS),
        }
        for chosen in asked.sets or contests:
            if contests[chosen].processors > len(os.sched_getaffinity(0)):
                _tell(f"{chosen} is left out: there is one processor only")
                continue
            if chosen == "slow" and not (os.geteuid() == 0 and Path("/dev/fuse").exists()):
                _tell("the slow device is left out: it needs root and /dev/fuse")
                continue
            _hold(chosen, contests[chosen], 1 if asked.quick else asked.rounds, sink)


def _databases(folder: Path, size_mib: int, scratch: Path) -> dict[str, Contest]:
    """On processors that all share, and on some of the server's own, as it has them where it is another machine."""
    engines = {"postgresql": (postgresql_data, POSTGRESQL), "mariadb": (mariadb_data, MARIADB)}
    return {
        f"{name}{'-apart' if apart else ''}": Contest(
            partial(make, folder, size_mib),
            contenders,
            opened=partial(served, scratch=scratch, apart=apart),
            server=server_process,
            processors=2 if apart else 1,
        )
        for name, (make, contenders) in engines.items()
        for apart in (False, True)
    }


def _hold(name: str, contest: Contest, rounds: int, sink: Sink) -> None:
    source = contest.make()
    read_once(source)
    rounds = 1 if contest.once else rounds
    runs, ideal = _rounds(contest, source, rounds, sink)
    _write(f"### {name} ({source.name}), medians of {rounds}\n\n{_table(runs)}")
    if ideal:
        _write(_stages_table(ideal, [pair.mine for pair in runs[OURS]]))
    if contest.one_file:
        _write(_one_file_table(source, sink))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "sets",
        nargs="*",
        help="small, large, random, slow, image, postgresql, postgresql-apart, mariadb, mariadb-apart, conversion; "
        "all by default",
    )
    parser.add_argument("--quick", action="store_true", help="less data, one round: a few minutes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gzip-image", action="store_true", help="dd | gzip | aws on the image too: minutes more")
    parser.add_argument("--database-mib", type=int, help="how much is in the databases; 2000, with --quick 100")
    parser.add_argument("--data", type=Path, default=Path("build/benchmark-data"), help="where the data sets are kept")
    return parser.parse_args()


def _rounds(contest: Contest, source: Path, rounds: int, sink: Sink) -> tuple[dict[str, list[Pair]], list[Stages]]:
    """In each round we begin. What is run once may be minutes from that: we run again beside it."""
    ours, *others = contest.contenders
    runs: dict[str, list[Pair]] = {}
    ideal: list[Stages] = []

    def one(contender: Contender, number: int) -> Run:
        _tell(f"{source.name}, round {number + 1}: {contender.name}")
        with contest.opened(source) as opened:
            return run(contender, opened, sink, contest.server(opened) if contest.server else None)

    for number in range(rounds):
        first = one(ours, number)
        runs.setdefault(ours.name, []).append(Pair(first, first))
        for contender in others:
            if (missing := contender.missing()) is not None:
                _tell(f"{contender.name} is left out: there is no {missing}")
            elif number == 0 or not contender.once:
                mine = one(contender, number)
                beside = one(ours, number) if contender.once else first
                runs.setdefault(contender.name, []).append(Pair(mine, beside))
        if contest.in_stages:
            _tell(f"{source.name}, round {number + 1}: the stages by themselves")
            ideal.append(stages(source, sink))
    return runs, ideal


def _table(runs: dict[str, list[Pair]]) -> str:
    has_server = all(pair.mine.server_seconds is not None for pairs in runs.values() for pair in pairs)
    server = ["server CPU s"] if has_server else []
    columns = ["wall s", "wall, ours = 1", "CPU s", "CPU, ours = 1", *server, "memory MiB", "sent MB"]
    lines = [f"| | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    for name, pairs in runs.items():
        cells = [
            f"{median(pair.mine.wall_seconds for pair in pairs):.1f}",
            f"{median(pair.mine.wall_seconds / pair.ours.wall_seconds for pair in pairs):.2f}",
            f"{median(pair.mine.cpu_seconds for pair in pairs):.1f}",
            f"{median(pair.mine.cpu_seconds / pair.ours.cpu_seconds for pair in pairs):.2f}",
            *([f"{median(pair.mine.server_seconds or 0.0 for pair in pairs):.1f}"] if has_server else []),
            f"{max(pair.mine.memory_mib for pair in pairs):.0f}",
            f"{median(pair.mine.sent_bytes for pair in pairs) / 1e6:.0f}",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _stages_table(ideal: list[Stages], ours: list[Run]) -> str:
    names = [field.name for field in fields(Stages)]
    seconds = [f"{median(values):.2f}" for values in zip(*map(astuple, ideal), strict=True)]
    share = median(stage.total / mine.cpu_seconds for stage, mine in zip(ideal, ours, strict=True))
    return (
        f"| CPU s of | {' | '.join(names)} | all stages | {OURS} | stages / {OURS} |\n"
        f"| --- |{' ---: |' * (len(names) + 3)}\n"
        f"| | {' | '.join(seconds)} | {median(stage.total for stage in ideal):.2f} "
        f"| {median(mine.cpu_seconds for mine in ours):.2f} | {share:.2f} |"
    )


def _one_file_table(source: Path, sink: Sink) -> str:
    _tell(f"{source.name}: one file out of it")
    fetched, stored_bytes = one_file(source, sink.folder / "one-file")
    lines = [
        f"| one file out of {stored_bytes / 1e6:.0f} MB | s | KB of the index | KB of the archive |",
        "| --- | ---: | ---: | ---: |",
        *(
            f"| {way.name} | {way.seconds:.2f} | {way.index_bytes / 1e3:.0f} | {way.content_bytes / 1e3:.0f} |"
            for way in fetched
        ),
    ]
    return "\n".join(lines)


def _write(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


def _tell(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


if __name__ == "__main__":
    main()
