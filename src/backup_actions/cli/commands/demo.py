"""``demo``: found in the package of the embedded AWS, which nothing here imports."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import click

from backup_actions.errors import EmbeddedAwsMissing

GROUP = "backup_actions.embedded_aws"


class _Demo(click.Command):
    """Stands for the demo until it is really asked for: loading the embedded AWS takes a while."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Hand the command line to the demo's own command. Raises EmbeddedAwsMissing."""
        return loaded().make_context(info_name, args, parent, **extra)


def loaded() -> click.Command:
    """The demo's own command. Raises EmbeddedAwsMissing where the package is not installed."""
    for entry in entry_points(group=GROUP, name="demo"):
        try:
            own = entry.load()
        except ModuleNotFoundError as missing:
            raise EmbeddedAwsMissing from missing
        assert isinstance(own, click.Command)  # noqa: S101 - held by a test
        return own
    raise EmbeddedAwsMissing


demo = _Demo("demo", help="Show the life of a backup without an AWS account.")
