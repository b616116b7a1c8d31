"""The packages of third parties' actions: what of them has to lie beside our own, in functions and in the image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from backup_actions.plugins import GROUP

if TYPE_CHECKING:
    from backup_actions.contract import Action

OWN_DISTRIBUTION = "aws-backup-actions"
_METADATA = ("METADATA", "entry_points.txt")


@dataclass(frozen=True, slots=True)
class PluginPackage:
    """A distribution that announces actions, and the names under which its modules are imported."""

    distribution: Distribution
    modules: tuple[str, ...]

    def announce_in(self, folder: Path) -> None:
        """The folder says what the distribution says of itself: whoever has it on his path finds the actions."""
        name = self.distribution.name.replace("-", "_")
        metadata = folder / f"{name}-{self.distribution.version}.dist-info"
        metadata.mkdir()
        for file in _METADATA:
            (metadata / file).write_text(self.distribution.read_text(file) or "", encoding="utf-8")


def plugin_packages(actions: Iterable[Action]) -> tuple[PluginPackage, ...]:
    """The packages of those actions that are not ours, each once, by their names."""
    modules: dict[str, set[str]] = {}
    distributions: dict[str, Distribution] = {}
    for action in actions:
        for entry in entry_points(group=GROUP, name=action.name):
            if entry.dist is not None and entry.dist.name != OWN_DISTRIBUTION:
                distributions[entry.dist.name] = entry.dist
                found = {entry.module.partition(".")[0], *_of_code(action), *_of_files(entry.dist)}
                modules.setdefault(entry.dist.name, set()).update(found)
    return tuple(PluginPackage(distributions[name], tuple(sorted(modules[name]))) for name in sorted(modules))


def _of_code(action: Action) -> Iterator[str]:
    codes = [task.code for task in action.tasks.values()] + [job.code for job in action.jobs.values()]
    for code in codes + [function.code for function in action.functions]:
        yield code.partition(":")[0].partition(".")[0]


def _of_files(distribution: Distribution) -> Iterator[str]:
    """What the distribution has installed; nothing of one that is installed in place, which knows only a path."""
    for file in distribution.files or ():
        if file.suffix == ".py" and ".." not in file.parts:
            name = file.parts[0].removesuffix(".py")
            if name.isidentifier():
                yield name
