"""SQL as the programs of PostgreSQL write it, taken apart into statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LITERAL = r"'(?:[^']|'')*'"
_QUOTED = r'"(?:[^"]|"")*"'
# Whatever may hold a semicolon that ends nothing; a comment and a command of psql reach to the end of their line.
_TOKEN = re.compile(
    rf"(?P<skipped>--[^\n]*|^\\[^\n]*)|(?P<kept>{_LITERAL}|{_QUOTED}|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)|(?P<end>;)"
    r"|(?P<open>['\"]|\$\w*\$)",
    re.DOTALL | re.MULTILINE,
)
# What makes a database, or sets up a session in it, says nothing about it that is not told elsewhere.
_ABOUT_DATABASES = ("ALTER", "GRANT", "REVOKE", "COMMENT", "SECURITY")
_HEADER = re.compile(
    r"^--\n-- Name: (?P<name>.*); Type: (?P<kind>[A-Z ]+); Schema: (?P<schema>.*?); Owner: (?P<owner>.*)\n--\n",
    re.MULTILINE,
)
_END = "--\n-- PostgreSQL database dump complete\n--\n"
_DATABASE = re.compile(rf"{_LITERAL}|\bDATABASE (?P<name>{_QUOTED}|\w+)|{_QUOTED}")


@dataclass(frozen=True, slots=True)
class Part:
    """What pg_dump and pg_restore write of one object."""

    kind: str
    schema: str
    """``-`` for what is in none."""
    name: str
    owner: str
    body: str
    """Its statements, and after them perhaps some that set up the session for what follows."""


def parts(script: str) -> Iterator[Part]:
    """Each object of what pg_dump, or pg_restore, has written as SQL."""
    text = script.rpartition(_END)[0]
    headers = list(_HEADER.finditer(text))
    ends = [*(header.start() for header in headers[1:]), len(text)]
    for header, end in zip(headers, ends, strict=True):
        yield Part(body=text[header.end() : end], **header.groupdict())


def statements(script: str) -> Iterator[str]:
    """Each statement without its semicolon. Comments and what only psql understands are left out: nothing runs a shell.

    Raises ValueError where the script ends in the middle of something.
    """
    begun: list[str] = []
    position = 0
    for token in _TOKEN.finditer(script):
        if token["open"]:
            break
        begun.append(script[position : token.start()])
        position = token.end()
        if token["kept"]:
            begun.append(token["kept"])
        elif token["end"]:
            yield "".join(begun).strip()
            begun.clear()
    rest = "".join([*begun, script[position:]]).strip()
    if rest:
        raise ValueError(f"it ends in the middle of {rest[:80]!r}")


def about_database(script: str) -> Iterator[str]:
    """The statements about a database itself, of a part of a script that makes one."""
    return (each for each in statements(script) if each.startswith(_ABOUT_DATABASES))


def of_database(statement: str, name: str) -> str:
    """A statement about a database, as one about the database of that (quoted) name."""
    for found in _DATABASE.finditer(statement):
        if found["name"]:
            return f"{statement[: found.start('name')]}{name}{statement[found.end('name') :]}"
    return statement
