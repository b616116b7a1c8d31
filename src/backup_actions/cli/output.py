"""Where a command's words go: data to stdout, talk and progress to stderr, as a terminal or a log can show them."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from backup_actions.cli.cells import aligned
from backup_actions.cli.errors import told
from backup_actions.cli.progress import PlainProgress, TerminalProgress
from backup_actions.errors import AnswerUnwritable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from backup_actions.errors import BackupActionsError
    from backup_actions.model.json_types import JsonValue
    from backup_actions.model.progress import Progress


@contextmanager
def _written() -> Iterator[None]:
    """Raise AnswerUnwritable for what fails; a reader that has seen enough is the business of the last door."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as failure:
        raise AnswerUnwritable(reason=failure.strerror or failure) from failure


class Output:
    """One command's way to speak; ``as_json`` turns its answer into JSON for scripts."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.answered = False

    def answer(self, value: JsonValue) -> None:
        """Write one JSON document to stdout; the command has answered with it."""
        self.answered = True
        self.data(json.dumps(value, indent=1))

    def record(self, value: JsonValue) -> None:
        """Write one of many JSON documents to stdout, on a line of its own."""
        self.answered = True
        self.data(json.dumps(value))

    def data(self, text: str) -> None:
        """Write a line to stdout. Raises AnswerUnwritable."""
        with _written():
            click.echo(text)

    def pour(self, pieces: Iterable[bytes]) -> None:
        """Write bytes to stdout as they are. Raises AnswerUnwritable."""
        self.answered = True
        for piece in pieces:
            with _written():
                sys.stdout.buffer.write(piece)
        with _written():
            sys.stdout.buffer.flush()

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Write rows to stdout, their columns below each other."""
        for line in aligned(rows):
            self.data(line)

    def talk(self, sentence: str) -> None:
        """Write a line to stderr."""
        click.echo(sentence, err=True)

    def warn(self, error: BackupActionsError) -> None:
        """Tell of an error that does not end the command."""
        self.talk(told(error))

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """A bar while the block runs on a terminal, plain lines elsewhere."""
        if not sys.stderr.isatty():
            yield PlainProgress(self.talk)
            return
        with TerminalProgress() as bars:
            yield bars
