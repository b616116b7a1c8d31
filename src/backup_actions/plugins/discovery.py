"""Installed packages announce their actions as entry points; a broken one never hides the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from backup_actions.contract import Action
from backup_actions.errors import ActionBroken, ActionUnknown
from backup_actions.plugins.consistency import complaints_about

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GROUP = "backup_actions.actions"
"""The entry-point group; the entry's name is the action's name, its object an ``Action``."""


@dataclass(frozen=True, slots=True)
class Installed:
    """The actions that can be used, by name, and those that cannot, each with its reason."""

    actions: tuple[Action, ...]
    broken: tuple[ActionBroken, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)
    """Action → the package that announces it, with its version."""

    def action(self, name: str) -> Action:
        """The action of this name. Raises ActionBroken with its reason, or ActionUnknown."""
        for action in self.actions:
            if action.name == name:
                return action
        for broken in self.broken:
            if broken.facts["name"] == name:
                raise broken
        raise ActionUnknown(name=name, installed=", ".join(action.name for action in self.actions) or "none")


def installed(announced: Iterable[EntryPoint] | None = None) -> Installed:
    """Every action that an installed package announces; nothing is raised for a broken one."""
    entries = sorted(entry_points(group=GROUP) if announced is None else announced, key=lambda e: (e.name, e.value))
    times = Counter(entry.name for entry in entries)
    actions: list[Action] = []
    broken: list[ActionBroken] = []
    for entry in entries:
        try:
            if times[entry.name] > 1:
                raise _refusal(entry, f"the name is taken twice: {_providers(entries, entry.name)}")
            actions.append(_loaded(entry))
        except ActionBroken as refusal:
            broken.append(refusal)
    versions = {entry.name: f" {entry.dist.version}" if entry.dist else "" for entry in entries}
    packages = {entry.name: f"{_package_of(entry)}{versions[entry.name]}" for entry in entries}
    return Installed(tuple(actions), tuple(broken), packages)


def installed_action(name: str) -> Action:
    """The one action of this name; the others are not loaded. Raises ActionBroken with its reason, or ActionUnknown."""
    announced = entry_points(group=GROUP, name=name)
    return installed(announced or None).action(name)


def _loaded(entry: EntryPoint) -> Action:
    """The entry's action, consistent with itself. Raises ActionBroken."""
    try:
        action = entry.load()
    except (Exception, SystemExit) as error:
        raise _refusal(entry, f"loading {entry.value} raises {type(error).__name__}: {error}") from error
    if not isinstance(action, Action):
        raise _refusal(entry, f"{entry.value} is of type {type(action).__name__}, not an Action")
    if action.name != entry.name:
        raise _refusal(entry, f"its entry point has this name, the action itself is called {action.name!r}")
    if complaints := complaints_about(action):
        raise _refusal(entry, "; ".join(complaints))
    return action


def _providers(entries: Iterable[EntryPoint], name: str) -> str:
    return " and ".join(f"{_package_of(entry)} ({entry.value})" for entry in entries if entry.name == name)


def _refusal(entry: EntryPoint, reason: str) -> ActionBroken:
    return ActionBroken(name=entry.name, package=_package_of(entry), reason=reason)


def _package_of(entry: EntryPoint) -> str:
    """The distribution that announces the entry, or the module where none does."""
    return entry.dist.name if entry.dist else entry.module
