"""What all commands share: examples and exit status in the help, ``--json``, one way to answer."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from backup_actions.cli.errors import EXIT_CODES, described, first_sentence
from backup_actions.cli.output import Output
from backup_actions.errors import BackupActionsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Command(click.Command):
    """A command whose help ends with examples to copy and with what its exit status tells."""

    def __init__(
        self,
        *arguments: Any,
        examples: Sequence[str] = (),
        fails_with: Sequence[type[BackupActionsError]] = (),
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self.examples = tuple(examples)
        self.fails_with = tuple(fails_with)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples and the exit status."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"  {example}\n")
        with formatter.section("Exit status"):
            formatter.write_dl(self._exit_status())

    def _exit_status(self) -> list[tuple[str, str]]:
        failures = sorted(self.fails_with, key=lambda failure: (failure.exit_code, failure.code))
        return [
            ("0", EXIT_CODES[0]),
            *((str(failure.exit_code), f"{failure.code}: {first_sentence(failure)}") for failure in failures),
        ]


def command(
    name: str, *, examples: Sequence[str], fails_with: Sequence[type[BackupActionsError]] = ()
) -> Callable[[Callable[..., None]], Command]:
    """Make a command of a function that takes an Output before its own arguments."""

    def make(function: Callable[..., None]) -> Command:
        @functools.wraps(function)
        def invoke(*, as_json: bool, **arguments: object) -> None:
            output = Output(as_json=as_json)
            try:
                function(output, **arguments)
            except BackupActionsError as error:
                if as_json and not output.answered:
                    output.answer({"error": described(error)})
                raise

        option = click.option("--json", "as_json", is_flag=True, help="Answer with JSON on stdout.")
        return click.command(name, cls=Command, examples=examples, fails_with=fails_with)(option(invoke))

    return make
