"""The commands that stand on pages: in blocks marked ``sh``, and in the text between backticks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(PROJECT).as_posix()
    for pattern in ("*.md", "*/**/*.md")
    for path in PROJECT.glob(pattern)
    if path.relative_to(PROJECT).parts[0] not in {".venv", "build", "node_modules", "tests"}
    and not any(part.startswith(".") or part == "site-packages" for part in path.relative_to(PROJECT).parts)
)

NEEDS = {
    "AWS": "an account, and credentials for it",
    "the network": "a package registry",
    "an environment of its own": "what is installed there would be found by every other test",
    "a database server": "of the engine that the page is about",
    "a file of more than 1 GiB": "what it shows begins there",
    "a quarter of an hour": "a benchmark",
    ".venv": "tests have the programs of their own environment",
}
"""All that may keep a test from running a block, and why; a new one is a decision."""

_AWS_PROGRAMS = frozenset({"aws", "npx", "cdk"})
_AWS_COMMANDS = frozenset({"backup", "imports", "prove", "replay", "report", "runs", "status", "sweep"})
_AWS_WORDS = re.compile(r"s3://|arn:|ebs:|--account|--stack|--ledger")
_BEFORE_PROGRAMS = frozenset({"!", "do", "else", "env", "exec", "nice", "nohup", "sudo", "then", "time", "xargs"})
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- (needs|run by) (.+?) -->\s*\Z")
_INLINE = re.compile(r"`(backup-actions [^`]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block. ``needs`` says what keeps a test from running it, ``run_by`` which test does all the same."""

    line: int
    language: str
    text: str
    needs: str = ""
    run_by: str = ""


def text_of(page: str) -> str:
    """What stands on the page."""
    return (PROJECT / page).read_text(encoding="utf-8")


def blocks_of(page: str) -> Iterator[Block]:
    """Its fenced blocks, in order."""
    text = text_of(page)
    for found in _FENCE.finditer(text):
        mark = _MARK.search(text[: found.start()])
        kind, what = (mark[1], mark[2]) if mark else ("", "")
        line = text.count("\n", 0, found.start()) + 1
        needs, run_by = what if kind == "needs" else "", what if kind == "run by" else ""
        yield Block(line, found["language"], found["text"], needs, run_by)


def unfenced(page: str) -> str:
    """The page without its blocks."""
    return _FENCE.sub("", text_of(page))


def command_lines(page: str) -> Iterator[str]:
    """Each line of its blocks of commands, and each command in its text."""
    for block in blocks_of(page):
        if block.language == "sh":
            yield from block.text.replace("\\\n", " ").splitlines()
    yield from (" ".join(inline.split()) for inline in _INLINE.findall(unfenced(page)))


def calls(line: str) -> Iterator[list[str]]:
    """The programs that a line of the shell calls, each with its arguments; where output goes is left out."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    call: list[str] = []
    skip = False
    for token in lexer:
        if skip:
            skip = False
        elif token in {"|", "||", "&&", ";", "&", "(", ")"}:
            yield call
            call = []
        elif set(token) <= set("<>&") and token:
            skip = True
        elif call or not (token in _BEFORE_PROGRAMS or re.fullmatch(r"[A-Z_]+=.*", token)):
            call.append(token if call else token.rpartition("/")[2] or token)
    yield call


def calls_of(block: Block) -> Iterator[list[str]]:
    """What all lines of a block call."""
    for line in block.text.replace("\\\n", " ").splitlines():
        yield from filter(None, calls(line))


def speaks_with_aws(call: list[str]) -> bool:
    """Whether it cannot work without an account."""
    return (
        call[0] in _AWS_PROGRAMS
        or any(_AWS_WORDS.search(word) for word in call)
        or (call[0] == "backup-actions" and not _AWS_COMMANDS.isdisjoint(call[1:3]))
    )
