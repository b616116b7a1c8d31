"""``python -m benchmarks``: rounds in which all contenders take turns, and a table of what they took against ours."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.contenders import FILES, IMAGE, IMAGE_WITH_SEED, OURS, SMALL_FILES, Contender
from benchmarks.data import FULL, QUICK, Data
from benchmarks.measuring import Run, run
from benchmarks.sink import Sink, running_sink


def main() -> None:
    """Markdown on standard output, what is going on on standard error."""
    asked = _arguments()
    data = Data(asked.data, QUICK if asked.quick else FULL)
    image = IMAGE_WITH_SEED if asked.gzip_image else IMAGE
    sets: dict[str, tuple[Callable[[], Path], list[Contender]]] = {
        "small": (data.small, SMALL_FILES),
        "large": (data.large, FILES),
        "random": (data.random, FILES),
        "image": (data.image, image),
    }
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, running_sink(Path(folder)) as sink:
        for name in asked.sets or sets:
            make, contenders = sets[name]
            rounds = 1 if asked.quick or name == "image" else asked.rounds
            source = make()
            runs = _rounds(source, contenders, rounds, sink)
            sys.stdout.write(f"\n### {source.name}, medians of {rounds}\n\n{_table(runs)}\n")
            sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sets", nargs="*", help="small, large, random, image; all of them by default")
    parser.add_argument("--quick", action="store_true", help="less data, one round: a few minutes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gzip-image", action="store_true", help="dd | gzip | aws on the image too: minutes more")
    parser.add_argument("--data", type=Path, default=Path("build/benchmark-data"), help="where the data sets are kept")
    return parser.parse_args()


def _rounds(source: Path, contenders: list[Contender], rounds: int, sink: Sink) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {}
    for number in range(rounds):
        for contender in contenders:
            if (missing := contender.missing()) is not None:
                _tell(f"{contender.name} is left out: there is no {missing}")
            elif number == 0 or not contender.once:
                _tell(f"{source.name}, round {number + 1}: {contender.name}")
                runs.setdefault(contender.name, []).append(run(contender, source, sink))
    return runs


def _table(runs: dict[str, list[Run]]) -> str:
    lines = [
        "| | wall s | wall, ours = 1 | CPU s | CPU, ours = 1 | largest process MiB | sent MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, mine in runs.items():
        pairs = list(zip(mine, runs[OURS], strict=False))  # a ratio is taken within a round, where the machine is alike
        cells = [
            f"{median(each.wall_seconds for each in mine):.1f}",
            f"{median(each.wall_seconds / ours.wall_seconds for each, ours in pairs):.2f}",
            f"{median(each.cpu_seconds for each in mine):.1f}",
            f"{median(each.cpu_seconds / ours.cpu_seconds for each, ours in pairs):.2f}",
            f"{max(each.largest_process_mib for each in mine):.0f}",
            f"{median(each.sent_bytes for each in mine) / 1e6:.0f}",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _tell(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


if __name__ == "__main__":
    main()
