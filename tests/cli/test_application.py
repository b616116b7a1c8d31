"""The command line as a whole: quick help, exit status, where words go."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from backup_actions.cli.application import COMMANDS, application
from backup_actions.cli.command import Command
from backup_actions.cli.elsewhere import Elsewhere
from backup_actions.cli.errors import BUG, EXIT_CODES, INTERRUPTED, TERMINATED, run
from backup_actions.errors import PortInUse

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

HEAVY = {"boto3", "botocore", "aws_cdk", "pyarrow", "zstandard", "pydantic", "rich", "yaml", "awscrt", "blake3"}
PROJECT = Path(__file__).parents[2]


def _command(name: str) -> click.Command:
    """The command of that name; of one in a group, the group's name comes first."""
    command: click.Command | None = application
    for word in name.split():
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    assert command is not None
    return command.loaded() if isinstance(command, Elsewhere) and name != "demo" else command


def _leaves() -> Iterator[str]:
    for name in COMMANDS:
        command = _command(name)
        yield from (f"{name} {inner}" for inner in command.commands) if isinstance(command, click.Group) else (name,)


LEAVES = [name for name in _leaves() if name != "demo"]


def _failing_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(application, "main", fail)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["imports", "--help"], *([*name.split(), "--help"] for name in LEAVES)]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = f"""
import sys
from backup_actions.cli.errors import run
assert run({arguments!r}) == 0
loaded = {HEAVY!r} & set(sys.modules)
assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.stderr == ""
    assert done.stdout != ""


def test_the_script_is_the_main_function() -> None:
    scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]

    assert scripts == {"backup-actions": "backup_actions.cli:main"}


@pytest.mark.parametrize("name", LEAVES)
def test_a_command_has_examples_that_name_it(name: str) -> None:
    command = _command(name)

    assert isinstance(command, Command)
    assert command.examples
    assert all(example.startswith(f"backup-actions {name}") for example in command.examples)


@pytest.mark.parametrize("name", LEAVES)
def test_a_command_answers_scripts_in_json(name: str) -> None:
    assert "--json" in [option for parameter in _command(name).params for option in parameter.opts]


@pytest.mark.parametrize("name", [*COMMANDS, *LEAVES])
def test_a_commands_summary_fits_its_line(name: str) -> None:
    assert not _command(name).get_short_help_str(62).endswith("...")


@pytest.mark.parametrize("name", LEAVES)
def test_a_commands_help_tells_its_exit_status(name: str) -> None:
    command = _command(name)
    assert isinstance(command, Command)

    text = click.Context(command, parent=click.Context(application, **application.context_settings)).get_help()

    for failure in command.fails_with:
        assert re.search(rf"^  {failure.exit_code} +{failure.code}: ", text, re.MULTILINE)


def test_the_help_tells_every_exit_status(cli: Cli) -> None:
    text = cli("--help").out

    for status, meaning in EXIT_CODES.items():
        assert f"  {status:<3}  {meaning}" in text


def test_an_unknown_command_is_a_usage_error_on_stderr(cli: Cli) -> None:
    answer = cli("arhive")

    assert answer.status == 2
    assert answer.out == ""
    assert "No such command 'arhive'" in answer.err


def test_no_command_at_all_shows_the_help(cli: Cli) -> None:
    answer = cli()

    assert answer.status == 2
    assert "Usage: backup-actions" in answer.err


def test_an_error_of_ours_is_a_code_a_sentence_and_a_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _failing_with(PortInUse(port=80), monkeypatch)

    assert run([]) == 5
    assert capsys.readouterr().err == (
        "BA0601: port 80 of 127.0.0.1 is in use\n"
        "HINT: Leave out --port to have a free one chosen, or stop the program that uses it.\n"
    )


def test_a_bug_shows_its_trace_and_asks_for_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _failing_with(ZeroDivisionError("no luck"), monkeypatch)

    assert run([]) == BUG
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert "ZeroDivisionError: no luck" in err
    assert err.endswith("This is a bug. Please report it with the lines above and the command.\n")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_has_its_own_status(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    _failing_with(error, monkeypatch)

    assert run([]) == INTERRUPTED


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)])
def test_a_signal_ends_the_program_after_cleaning_up(number: signal.Signals, status: int) -> None:
    program = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits that it is ignored
import backup_actions.cli.application as application
def wait(*arguments, **options):
    try:
        print("at work", flush=True)
        time.sleep(60)
    finally:
        print("cleaned up", flush=True)
application.application.main = wait
from backup_actions.cli import main
main()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"at work\n"
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=30)

    assert process.returncode == status
    assert out == b"cleaned up\n"
    assert b"Traceback" not in err


def test_ctrl_c_while_the_program_is_loading_is_no_fault_of_it(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    command = [sys.executable, "-m", "backup_actions.cli", "actions"]

    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )

    assert done.returncode == INTERRUPTED
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="nothing here is always full")
@pytest.mark.parametrize("arguments", [["check", "--example"], ["actions", "--json"]])
def test_an_answer_that_finds_no_room_is_told(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "backup_actions.cli", *arguments]

    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 5
    assert done.stderr.startswith("BA0111: cannot write the answer to stdout: No space left on device\nHINT: ")


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = [sys.executable, "-m", "backup_actions.cli", "check", "--schema"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
