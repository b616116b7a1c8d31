"""The packages of third parties' actions: what of them has to lie beside our own, in functions and in the image."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from backup_actions.errors import ActionUndeployable
from backup_actions.plugins import GROUP
from backup_actions.plugins.function_imports import complaints_about_imports

if TYPE_CHECKING:
    from backup_actions.contract import Action

OWN_DISTRIBUTION = "aws-backup-actions"
_METADATA = ("METADATA", "entry_points.txt")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OF_AN_EXTRA = re.compile(r"\bextra\s*==")


@dataclass(frozen=True, slots=True)
class PluginPackage:
    """A distribution that announces actions, and the names under which its modules are imported."""

    distribution: Distribution
    modules: tuple[str, ...]
    requirements: tuple[str, ...] = ()
    """What it needs to run, besides us and besides other packages of actions."""

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
    beside = {_normalized(name) for name in (OWN_DISTRIBUTION, *distributions)}
    return tuple(
        PluginPackage(distributions[name], tuple(sorted(modules[name])), tuple(_required(distributions[name], beside)))
        for name in sorted(modules)
    )


def refuse_missing_imports(actions: Iterable[Action], packages: Iterable[PluginPackage]) -> None:
    """Functions of these actions find what they import, where these packages are. Raises ActionUndeployable."""
    modules = {module for package in packages for module in package.modules}
    for action in actions:
        if modules.isdisjoint(_of_code(action)):
            continue
        if missing := list(complaints_about_imports(action, modules)):
            raise ActionUndeployable(name=action.name, reason="; ".join(missing))


def _required(distribution: Distribution, beside: Collection[str]) -> Iterator[str]:
    """Its requirements as pip reads them; nothing of its extras, and nothing that is there."""
    for requirement in distribution.requires or ():
        name = _NAME.match(requirement)
        of_an_extra = _OF_AN_EXTRA.search(requirement.partition(";")[2])
        if name and not of_an_extra and _normalized(name[0]) not in beside:
            yield requirement


def _normalized(name: str) -> str:
    """https://packaging.python.org/en/latest/specifications/name-normalization/"""
    return re.sub(r"[-_.]+", "-", name).lower()


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
