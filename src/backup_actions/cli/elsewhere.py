"""Commands that other packages bring: found by their entry points, so that nothing here imports those packages."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from backup_actions.errors import BackupActionsError


class Elsewhere(click.Command):
    """Stands for such a command until it is really asked for: loading its package takes a while."""

    def __init__(self, name: str, *, group: str, missing: type[BackupActionsError], doc: str) -> None:
        super().__init__(name, help=doc)
        self.group, self._missing = group, missing

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Hand the command line to the command itself. Raises what says that its package is not installed."""
        return self.loaded().make_context(info_name, args, parent, **extra)

    def loaded(self) -> click.Command:
        """The command itself. Raises what says that its package is not installed."""
        for entry in entry_points(group=self.group, name=str(self.name)):
            try:
                own = entry.load()
            except ModuleNotFoundError as absent:
                raise self._missing from absent
            assert isinstance(own, click.Command)  # noqa: S101 - held by a test
            return own
        raise self._missing
