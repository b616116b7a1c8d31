"""SQL of MySQL and MariaDB as text: names quoted, and what a server tells of an object freed of where it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

_STRING = r"'(?:[^'\\]++|\\.)*+'|\"(?:[^\"\\]++|\\.)*+\""
_NAME = r"`(?:[^`]|``)*+`"
_CHAIN = re.compile(rf"({_STRING})|({_NAME}(?:\.{_NAME})*+)", re.DOTALL)
_BEFORE_A_TABLE = re.compile(r"\b(?:from|join)\s*\(*\Z")
_WORD = re.compile(rf"({_STRING}|{_NAME}(?:@{_NAME})?|[\w.*$%-]+|[(),;@])", re.DOTALL)
_CLOSED = re.compile(rf"(?:[^'\"`]++|{_STRING}|{_NAME})*+".encode(), re.DOTALL)

# A routine or trigger that was made under ANSI_QUOTES has its names in double quotes.
_ANY_NAME = rf"(?:{_NAME}|\"(?:[^\"]|\"\")*+\"|[\w$\x80-\U0010ffff]+)"
_COMMENT = r"(?:/\*!\d+\s*)?"
_DEFINER = re.compile(
    rf"(^\s*{_COMMENT}CREATE(?:\s+OR REPLACE)?(?:\s+ALGORITHM=\w+)?\s*(?:\*/)?\s*{_COMMENT})"
    rf"DEFINER\s*=\s*{_ANY_NAME}(?:@{_ANY_NAME})?\s?",
    re.MULTILINE,
)
_TRIGGER = re.compile(
    rf"(?P<verb>\bTRIGGER\s+(?:IF\s+NOT\s+EXISTS\s+)?)(?P<first>{_ANY_NAME}\s*\.\s*)?"
    rf"(?P<middle>{_ANY_NAME}\s+(?:BEFORE|AFTER)\s+(?:INSERT|UPDATE|DELETE)\s+ON\s+)(?P<second>{_ANY_NAME}\s*\.\s*)?",
    re.IGNORECASE,
)
_EVENT = re.compile(
    rf"(\bEVENT\s+{_ANY_NAME}\s+ON SCHEDULE\s+(?:AT|EVERY)\s.*?\sON COMPLETION (?:NOT )?PRESERVE\s+)"
    r"(ENABLE|DISABLE ON (?:SLAVE|REPLICA))\b",
    re.DOTALL,
)


def quoted(name: str) -> str:
    """A name as an identifier, whatever is in it."""
    return f"`{name.replace('`', '``')}`"


def as_text(content: bytes) -> str:
    """SQL in any character set that begins with ASCII, to be looked at; ``as_bytes`` gives back what it was."""
    return content.decode("utf-8", "surrogateescape")


def as_bytes(text: str) -> bytes:
    """What ``as_text`` was made of."""
    return text.encode("utf-8", "surrogateescape")


def unquoted(name: str) -> str:
    """The name that an identifier stands for."""
    mark = name[:1]
    return name[1:-1].replace(mark * 2, mark) if mark in {"`", '"'} else name


def is_closed(text: bytes) -> bool:
    """Whether no string and no quoted name goes on behind its end."""
    return _CLOSED.fullmatch(text) is not None


def words(text: str) -> Iterator[str]:
    """Names, strings, words and signs of a statement that a server has written."""
    return (match.group() for match in _WORD.finditer(text))


def moved(definition: str, database: str, to: str) -> str:
    """A table's or view's definition as it would be in another database; in none, if ``to`` is empty.

    Servers name the database of a view where its definer is gone or where it looks into others, and that of a sequence.
    """
    here, there = quoted(database), f"{quoted(to)}." if to else ""
    chains = [match.group(2) for match in _CHAIN.finditer(definition) if match.group(2)]
    alike = any(_names(chain)[-1] == here for chain in chains)

    def replaced(match: re.Match[str]) -> str:
        names = _names(match.group(2) or "")
        if len(names) < 2 or names[0] != here:
            return match.group()
        # Where a table is called like its database, two names are a table and its column, unless they cannot be.
        is_path = _BEFORE_A_TABLE.search(definition, max(0, match.start() - 50), match.start())
        if len(names) == 2 and alike and not is_path and definition[match.end() : match.end() + 1] != "(":
            return match.group()
        return there + ".".join(names[1:])

    return _CHAIN.sub(replaced, definition)


def mentioned(definition: str) -> frozenset[str]:
    """The names that are quoted in a definition, of whatever they are."""
    chains = (match.group(2) for match in _CHAIN.finditer(definition) if match.group(2))
    return frozenset(unquoted(name) for chain in chains for name in _names(chain))


def moved_trigger(definition: str, database: str, to: str) -> str:
    """The statement that makes a trigger, with the database that its author has named in front of trigger and table."""

    def replaced(match: re.Match[str]) -> str:
        parts = match.groupdict()
        return "".join(
            (f"{quoted(to)}." if to else "")
            if which in {"first", "second"} and part and unquoted(part.rstrip(". \t\r\n")) == database
            else part or ""
            for which, part in parts.items()
        )

    return _TRIGGER.sub(replaced, definition, count=1)


def asleep(definition: str) -> str:
    """An event that was enabled does not fire, as on a replica, and yet is known from one that was disabled."""
    return _EVENT.sub(r"\1DISABLE ON SLAVE", definition, count=1)


def awake(definition: str) -> str:
    """What ``asleep`` has done, undone."""
    return _EVENT.sub(r"\1ENABLE", definition, count=1)


def without_definer(definition: str) -> str:
    """Whoever carries it out becomes the definer."""
    return _DEFINER.sub(r"\1", definition, count=1)


def _names(chain: str) -> list[str]:
    return re.findall(_NAME, chain)
