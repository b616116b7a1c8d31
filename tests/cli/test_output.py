"""Words for people: progress, sizes, tables."""

from __future__ import annotations

import pytest

from backup_actions.cli.output import Output
from backup_actions.cli.progress import PlainProgress, TerminalProgress
from backup_actions.model.quantities import bytes_in_words


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (102_400, "100 KiB"),
        (1_048_575, "1.0 MiB"),
        (5 << 40, "5.0 TiB"),
        (2000 << 50, "2000 PiB"),
    ],
)
def test_sizes_have_three_digits(size_bytes: int, words: str) -> None:
    assert bytes_in_words(size_bytes) == words


def test_plain_progress_writes_a_line_for_each_tenth() -> None:
    lines: list[str] = []
    progress = PlainProgress(lines.append)

    progress.start("disk", 1000)
    for _ in range(100):
        progress.add(10)

    assert lines[:3] == ["disk: 1000 B", "disk: 100 B (10 %)", "disk: 200 B (20 %)"]
    assert lines[-1] == "disk: 1000 B (100 %)"
    assert len(lines) == 11


def test_plain_progress_of_unknown_size_writes_a_line_for_each_gib() -> None:
    lines: list[str] = []
    progress = PlainProgress(lines.append)

    progress.start("stream", None)
    progress.add(1 << 29)
    progress.add(1 << 29)
    progress.add(5 << 30)

    assert lines == ["stream", "stream: 1.0 GiB", "stream: 6.0 GiB"]


def test_plain_progress_takes_a_retry_back_without_a_word() -> None:
    lines: list[str] = []
    progress = PlainProgress(lines.append)

    progress.start("disk", 100)
    progress.add(50)
    progress.add(-50)
    progress.add(50)

    assert lines == ["disk: 100 B", "disk: 50 B (50 %)"]


def test_plain_progress_of_nothing_does_not_divide_by_it() -> None:
    lines: list[str] = []
    progress = PlainProgress(lines.append)

    progress.start("nothing", 0)
    progress.add(0)

    assert lines == ["nothing: 0 B"]


def test_terminal_progress_draws_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalProgress() as progress:
        progress.start("disk [x]", 100)
        progress.add(100)
        progress.note("one [file] was skipped")

    out, err = capsys.readouterr()
    assert out == ""
    assert "disk [x]" in err
    assert "one [file] was skipped" in err


def test_progress_elsewhere_than_on_a_terminal_is_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Output(as_json=False).progress() as progress:
        progress.note("a word")

    assert capsys.readouterr() == ("", "a word\n")


def test_columns_stand_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).table([("a", "EBS", "x"), ("long", "E", "")])

    assert capsys.readouterr().out == "a     EBS  x\nlong  E\n"


def test_an_empty_table_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).table([])

    assert capsys.readouterr().out == ""
