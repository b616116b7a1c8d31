"""Errors keep their promises, and whoever raises one gives the facts that its sentences need."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from backup_actions import errors
from backup_actions.cli.errors import EXIT_CODES
from backup_actions.errors import BackupActionsError

SOURCE = Path(__file__).parents[1] / "src"
ERRORS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, BackupActionsError) and kind is not BackupActionsError
}

every_error = pytest.mark.parametrize("kind", ERRORS.values(), ids=ERRORS)


def _facts(kind: type[BackupActionsError]) -> set[str]:
    """The facts that the error's sentence and remedy speak of."""
    texts = (kind.sentence, kind.remedy)
    return {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}


def _raised() -> Iterator[tuple[str, str, set[str]]]:
    """Every place that makes an error: where, which, with what facts."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or any(keyword.arg is None for keyword in node.keywords):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in ERRORS:
                assert not node.args, f"{path}:{node.lineno}: {name} takes its facts by name"
                yield f"{path.relative_to(SOURCE)}:{node.lineno}", name, {str(k.arg) for k in node.keywords}


def test_every_raise_gives_exactly_the_facts_of_its_error() -> None:
    wrong = [
        f"{where}: {name} needs {sorted(_facts(ERRORS[name]))}, got {sorted(given)}"
        for where, name, given in _raised()
        if given != _facts(ERRORS[name])
    ]

    assert wrong == []


def test_an_error_with_facts_is_never_raised_bare() -> None:
    bare = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and _facts(ERRORS.get(node.exc.id, _Plain))
    ]

    assert bare == []


def test_codes_are_never_shared() -> None:
    codes = [kind.code for kind in ERRORS.values()]

    assert len(codes) == len(set(codes))


def test_errors_stand_in_the_order_of_their_codes() -> None:
    codes = [kind.code for kind in ERRORS.values()]

    assert codes == sorted(codes)


@every_error
def test_a_code_is_of_its_own_class_and_well_formed(kind: type[BackupActionsError]) -> None:
    assert re.fullmatch(r"BA\d{4}", vars(kind)["code"])


@every_error
def test_a_sentence_begins_lower_case_and_has_no_full_stop(kind: type[BackupActionsError]) -> None:
    assert kind.sentence[0] == "{" or kind.sentence[0].islower()
    assert not kind.sentence.endswith(".")


@every_error
def test_a_remedy_is_a_full_sentence(kind: type[BackupActionsError]) -> None:
    assert kind.remedy[0].isupper()
    assert kind.remedy.endswith(".")


@every_error
def test_the_exit_status_has_a_documented_meaning(kind: type[BackupActionsError]) -> None:
    assert kind.exit_code in EXIT_CODES
    assert kind.exit_code != 0


@every_error
def test_an_error_says_when_it_happens(kind: type[BackupActionsError]) -> None:
    assert kind.__doc__
    assert kind.__doc__.rstrip().endswith(".")


def test_an_error_reads_code_and_sentence_and_keeps_its_facts() -> None:
    error = errors.PortInUse(port=80)

    assert str(error) == "BA0601: port 80 of 127.0.0.1 is in use"
    assert error.facts == {"port": 80}
    assert error.hint.startswith("Leave out --port")


class _Plain(BackupActionsError):
    """Stands for every exception that is not ours."""

    sentence = remedy = "nothing."
