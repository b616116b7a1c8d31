"""The item reader and Python say the same of every line, and the reader is only asked what it can answer."""

from __future__ import annotations

import json
import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.archive.tree_reader_builds import built
from tests.parquet.tables import Item, compared, converted, items_of, line
from tests.parquet.test_conversion import NAMES, VALUES
from tests.parquet.test_line_patterns import ALL, shapes

from backup_actions.errors import WorkerDied
from backup_actions.parquet import sharing
from backup_actions.parquet.item_program import TextReader
from backup_actions.parquet.items import Slice

ESCAPES = b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u00e9\\u20AC\\ud83d\\ude00 \x7f "'


@pytest.fixture(name="program", scope="module")
def _program() -> Path:
    """The reader as it finds faults of memory."""
    return built("address", "item_reader")


@pytest.fixture(name="reader")
def _reader(program: Path) -> Iterator[TextReader]:
    with TextReader(program) as reader:
        yield reader


def said(slices: list[Slice]) -> list[str]:
    """Every item with its values by name and type."""
    found = []
    for each in slices:
        for array in (each.items, *each.columns.values()):
            array.validate(full=True)
            assert len(array) == len(each)
        texts, columns = each.items.to_pylist(), {place: array.to_pylist() for place, array in each.columns.items()}
        for row, text in enumerate(texts):
            values = {place: column[row] for place, column in columns.items() if column[row] is not None}
            found.append(f"{text} {sorted(values.items())}")
    return sorted(found)


def by(reader: TextReader, text: bytes) -> tuple[list[str], Counter[str]] | None:
    """What is read of these lines, and how often each attribute is counted; nothing where a line is refused."""
    before = reader.counts.copy()
    try:
        found = said(reader.slices(text))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return found, reader.counts - before


def assert_same(reader: TextReader, text: bytes) -> None:
    with TextReader(None) as python:
        assert by(reader, text) == by(python, text)


def left(program: Path, text: bytes) -> bytes:
    """The lines that the program does not read."""
    asked = len(text).to_bytes(8, "little") + text
    answer = subprocess.run([program], input=asked, capture_output=True, check=True).stdout
    length = int.from_bytes(answer[16:24], "little")
    return answer[24 : 24 + length]


def value(text: bytes) -> bytes:
    return b'{"Item":{"a":' + text + b"}}\n"


@pytest.mark.parametrize(
    "text",
    [
        b'{"Item":{}}\n',
        value(b'{"S":' + ESCAPES + b"}"),
        value(b'{"M":{"t":{"S":' + ESCAPES + b'},"b":{"B":"AA=="},"n":{"NS":["1","-2E+9"]},"s":{"SS":["x","\\n"]}}}'),
        value(b'{"L":[{"L":[]},{"M":{}},{"NULL":true},{"BOOL":true},{"BOOL":false},{"BS":["AAA="]},{"N":"1.5"}]}'),
        value('{"S":"grüße € 😀"}'.encode()),
        value(b'{"BS":["","AA==","AAA=","AAAA"]}'),
        value(b'{"SS":["","\\u00e9"]}'),
        *(value(b'{"N":"%b"}' % number) for number in (b"0", b"-1", b"1.50", b"1E+125", b"9e-130")),
    ],
)
def test_what_exports_hold_is_read_by_the_program_as_python_reads_it(
    reader: TextReader, program: Path, text: bytes
) -> None:
    assert left(program, text) == b""
    assert_same(reader, text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"Item":{"a":{"S":"x"},"a":{"S":"y"}}}\n',
        b'{"Item":{"a":{"S":"x"}}}\r\n',
        b'{"Item":{"a":{"S":"x"}},"more":1}\n',
        b'{"Item": {"a":{"S":"x"}}}\n',
        b'{"Item":{"\\u0061":{"S":"x"}}}\n',
        b'{"Item":[]}\n',
        b"x\n",
        value(b'{"M":{"x":{"S":"1"},"x":{"S":"2"}}}'),
        value(b'{"M":{%b}}' % b",".join(b'"%d":{"N":"1"}' % n for n in range(65))),
        value(b'{"L":[' * 70 + b"]}" * 70),
        *(value(b'{"S":"%b"}' % bad) for bad in (b"\\ud800", b"\\udc00", b"\\ud800\\u0041", b"\\x", b"\\u12g4", b"\t")),
        *(
            value(b'{"S":"%b"}' % bad)
            for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82")
        ),
        *(value(b'{"N":"%b"}' % odd) for odd in (b"", b"NaN", b"1.", b".5", b"+1", b"1E", b"-")),
        *(value(b'{"B":"%b"}' % odd) for odd in (b"A", b"AA=", b"=", b"A===", b"AA==AA==", b"A-==")),
        *(
            value(odd)
            for odd in (b'{"SS":[]}', b'{"SS":"x"}', b'{"NULL":false}', b'{"BOOL":1}', b'{"X":"x"}', b"{}", b"1")
        ),
        *(
            value(odd)
            for odd in (b'{"S":"x","N":"1"}', b'{"M":[]}', b'{"L":[,]}', b'{"M":{"a":{"S":"x"},}}', b'{"S":"x"')
        ),
    ],
)
def test_whatever_has_another_form_is_left_to_python(reader: TextReader, program: Path, text: bytes) -> None:
    assert left(program, text) == text
    assert_same(reader, text)


@given(items=st.lists(st.dictionaries(NAMES, VALUES, max_size=5), max_size=20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_items_are_the_same_by_both(reader: TextReader, items: list[Item]) -> None:
    assert_same(reader, b"".join(map(line, items)))


def test_of_damaged_lines_only_those_are_read_that_python_reads_the_same(program: Path) -> None:
    chance, sound = random.Random(1), [value(b'{"S":' + ESCAPES + b"}"), line(ALL)]  # noqa: S311 - the same every time
    damaged = bytearray()
    for number in range(3000):
        each = bytearray(sound[number % 2])
        at = chance.randrange(len(each) - 1)
        each[at : at + chance.randrange(3)] = chance.choice([b"", b'"', b"\\", b"{", b"}", b"\xe2", b"0", b"Z"])
        damaged += each.rstrip(b"\n") + b"\n"
    unread = set(left(program, bytes(damaged)).split(b"\n"))
    sane = [each for each in bytes(damaged).split(b"\n") if each and each not in unread]

    assert 200 < len(sane) < 2500
    with TextReader(program) as reader, TextReader(None) as python:
        text = b"\n".join(sane) + b"\n"
        assert said(reader.slices(text)) == said(python.slices(text))


def test_rows_of_thousands_of_attributes_are_answered_in_several_slices(program: Path) -> None:
    text = b"".join(line({f"a{number}-{n}": {"N": "1"} for n in range(20)}) for number in range(800))
    with TextReader(program) as reader, TextReader(None) as python:
        slices = reader.slices(text)

        assert len(slices) > 1
        assert sum(map(len, slices)) == 800
        assert reader.counts == python.counts + Counter({f"a{r}-{n}": 1 for r in range(800) for n in range(20)})


def test_both_ways_give_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: Path) -> None:
    items = [shapes(number) for number in range(1000)]
    (tmp_path / "program").mkdir()
    (tmp_path / "python").mkdir()
    monkeypatch.setattr(sharing, "item_program", lambda: program)
    table, found = converted(tmp_path / "program", items)
    monkeypatch.setattr(sharing, "item_program", lambda: None)
    same, expected = converted(tmp_path / "python", items)

    def key(row: dict[str, Any]) -> str:
        return json.dumps(row, default=str, sort_keys=True)

    assert table.columns == same.columns
    assert sorted(found, key=key) == sorted(expected, key=key)
    assert items_of(found) == sorted(items, key=json.dumps)
    assert compared(tmp_path / "program", table, items) == ()


def test_a_program_that_dies_is_told(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nread -r _\necho out of memory >&2\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    with TextReader(program) as reader, pytest.raises(WorkerDied, match="out of memory"):
        reader.slices(line(ALL))


def test_a_text_cut_short_ends_the_program(program: Path) -> None:
    ended = subprocess.run([program], input=(9).to_bytes(8, "little") + b"abc", capture_output=True, check=False)

    assert (ended.returncode, ended.stdout) == (1, b"")
    assert b"standard input ends within a text" in ended.stderr
