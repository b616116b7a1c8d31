"""Every command on a page is one that there is; what needs nothing but this machine is run."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from tests.docs.pages import (
    NEEDS,
    PAGES,
    PROJECT,
    Block,
    blocks_of,
    calls,
    calls_of,
    command_lines,
    speaks_with_aws,
    unfenced,
)

from backup_actions.cli.application import COMMANDS, application
from backup_actions.cli.command import Command
from backup_actions.cli.elsewhere import Elsewhere

MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^(?:READY := )?([a-z./]+)(?::|$)", MAKEFILE, re.MULTILINE))
LANGUAGES = {"", "diff", "json", "mermaid", "python", "sql", "text", "toml", "yaml"}
COMMAND = re.compile(
    r"^[ $>]*(?:sudo |time |[A-Z_]+=\S+ )*(?:\S*/)?(?:backup-actions|make|npx|aws|python3?|pip|cdk) ", re.MULTILINE
)
RUN_HERE = {
    page: blocks
    for page in PAGES
    if (blocks := [block for block in blocks_of(page) if block.language == "sh" and not (block.needs or block.run_by)])
}


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words call, and what is left for it."""
    context = click.Context(application, info_name="backup-actions", **application.context_settings)
    command: click.Command = application
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        found = command.get_command(context, name)
        assert found is not None, f"there is no command {name}"
        command = found.loaded() if isinstance(found, Elsewhere) else found
    return command, words


def parse(words: list[str]) -> None:
    """Raises UsageError for an option that there is not, and for arguments that nothing takes."""
    command, words = command_of(words)
    # Commands keep the option of --help that they are first asked for: it has to be the one of the command line.
    context = click.Context(command, **application.context_settings)
    _, left, _ = command.make_parser(context).parse_args(args=list(words))
    assert not left, f"nothing takes {left}"


def test_what_is_not_there_is_noticed() -> None:
    for words in (["chekc"], ["check", "--acount"], ["check", "one.yaml", "two.yaml"], ["imports", "lits"]):
        with pytest.raises((click.UsageError, AssertionError)):
            parse(words)
    assert list(calls("a 'b c' | jq '.[]' > d # e")) == [["a", "b c"], ["jq", ".[]"]]
    assert list(calls("AWS_PROFILE=x sudo .venv/bin/a b; echo $(time a c)")) == [
        ["a", "b"],
        ["echo", "$"],
        ["a", "c"],
        [],
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_on_a_page_is_one_that_there_is(page: str) -> None:
    for line in command_lines(page):
        for program, *words in filter(None, calls(line)):
            try:
                if program == "backup-actions":
                    parse(words)
            except (click.UsageError, AssertionError) as wrong:
                pytest.fail(f"{page}: {line}: {wrong}")
            assert program != "make" or words[0] in TARGETS, f"{page}: {line}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_of_the_help_is_right(name: str) -> None:
    command, _ = command_of([name])
    commands = command.commands.values() if isinstance(command, click.Group) else [command]
    for each in commands:
        assert isinstance(each, Command)
        for example in each.examples:
            for program, *words in filter(None, calls(example)):
                if program == "backup-actions":
                    parse(words)


@pytest.mark.parametrize("page", PAGES)
def test_commands_stand_in_blocks_that_say_so(page: str) -> None:
    others = [block for block in blocks_of(page) if block.language != "sh"]

    assert {block.language for block in others} <= LANGUAGES
    assert [block.line for block in others if _has_commands(block)] == []
    assert re.findall(r"^(?: {4,}|\t+)(?:backup-actions|make|npx|aws) .*$", unfenced(page), re.MULTILINE) == []
    assert re.findall(r"^ *~~~|<(?:pre|code)\b", unfenced(page), re.MULTILINE) == []


def _has_commands(block: Block) -> bool:
    """Apart from the help of commands, which has examples of its own."""
    return COMMAND.search(block.text) is not None and "Usage: " not in block.text


@pytest.mark.parametrize(
    "text", ["$ backup-actions list x\n", "# first\nmake demo\n", "sudo .venv/bin/backup-actions x\n"]
)
def test_commands_in_other_blocks_are_noticed(text: str) -> None:
    assert _has_commands(Block(1, "text", text))


@pytest.mark.parametrize("page", PAGES)
def test_what_is_not_run_says_why_and_is_right_about_it(page: str) -> None:
    for block in blocks_of(page):
        assert not block.needs or block.needs in NEEDS, f"{page}, line {block.line}: {block.needs}"
        if block.needs == "AWS":
            assert any(map(speaks_with_aws, calls_of(block))), f"{page}, line {block.line}: what of it needs AWS?"


def test_every_reason_not_to_run_something_is_one_that_somebody_gives() -> None:
    assert {block.needs for page in PAGES for block in blocks_of(page)} == {"", *NEEDS}


@pytest.mark.parametrize("page", PAGES)
def test_no_command_hides_in_the_argument_of_another(page: str) -> None:
    hidden = [
        line for line in command_lines(page) for call in calls(line) for word in call if "backup-actions " in word
    ]

    assert hidden == []


@pytest.mark.parametrize("page", RUN_HERE)
def test_what_needs_nothing_is_run_and_works(page: str, tmp_path: Path) -> None:
    script = "\n".join(block.text for block in RUN_HERE[page])
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={name: value for name, value in environment.items() if not name.startswith("AWS_")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", PAGES)
def test_what_another_test_runs_is_run_by_one_that_there_is(page: str) -> None:
    for block in blocks_of(page):
        if block.run_by:
            file, _, name = block.run_by.partition("::")
            functions = ast.parse((PROJECT / file).read_text(encoding="utf-8")).body
            assert name in {each.name for each in functions if isinstance(each, ast.FunctionDef)}, block.run_by
            assert _knows(PROJECT / file, page, block), f"{block.run_by} has nothing to do with {page}"


def _knows(test: Path, page: str, block: Block) -> bool:
    """Whether a test reads the page, or has to do with what its lines call; what `make` can make stands in its file."""
    source = test.read_text(encoding="utf-8")
    first, *others = [call for call in calls_of(block) if len(call) > 1]
    words = {first[1], *(call[1] for call in others if call[0] != "make")}
    return Path(page).name in source or all(re.search(rf"\b{re.escape(each)}\b", source) for each in words)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_a_page_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", unfenced(page)):
        path, _, anchor = target.partition("#")
        there = (PROJECT / page).parent / path if path else PROJECT / page
        assert there.exists(), f"{page}: {target}"
        assert not anchor or anchor in _anchors(there), f"{page}: {target}"


def _anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
