"""Programs of databases: what they are given, what becomes of them, what is told of them."""

from __future__ import annotations

import os
import stat
import threading
from contextlib import nullcontext
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from backup_actions.dump.programs import Crew, input_of, output_of, private_file, program
from backup_actions.errors import BackupActionsError, LoadFailed, ToolMissing

if TYPE_CHECKING:
    from io import BufferedReader


def failed(said: str) -> BackupActionsError:
    """The error of these programs."""
    return LoadFailed(what="it", reason=said)


def test_a_program_sees_nothing_of_our_environment_but_where_programs_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGPASSWORD", "MYSQL_PWD", "PGSERVICE", "HOME", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "secret")

    with output_of(["env"], failed, environment={"PGPASSFILE": "/x"}) as output:
        names = {line.partition(b"=")[0] for line in output.read().splitlines()}

    assert names <= {b"PATH", b"TMPDIR", b"LD_LIBRARY_PATH", b"LC_ALL", b"PGPASSFILE"}


def test_a_private_file_is_nobody_elses_and_does_not_stay() -> None:
    with private_file("*:pass word\n") as file:
        assert file.read_text() == "*:pass word\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert not file.parent.exists()


def test_the_first_program_that_is_there_is_taken() -> None:
    assert Path(program("not-there-at-all", "cat", purpose="read", package="x")).name == "cat"
    with pytest.raises(ToolMissing, match="the program not-there-at-all is needed to read") as missing:
        program("not-there-at-all", "nor-this", purpose="read", package="x-client")
    assert "x-client" in missing.value.hint


def test_a_program_that_fails_is_told_by_its_first_and_last_words() -> None:
    script = 'for n in 1 2 3 4 5 6 7 8 9; do echo "line $n" >&2; done; exit 7'

    told = pytest.raises(LoadFailed, match="line 1; line 2; line 3; line 4; …; line 8; line 9")
    with told, output_of(["sh", "-c", script], failed) as output:
        output.read()


def test_the_cause_is_told_where_a_statement_of_many_pages_follows_it() -> None:
    script = "echo cause >&2; head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1"

    with pytest.raises(LoadFailed, match=r"cause; x+$") as told, output_of(["sh", "-c", script], failed) as output:
        output.read()
    assert len(str(told.value)) < 1000


def test_a_program_that_says_more_than_anybody_reads_does_not_hang() -> None:
    with output_of(["sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo done"], failed) as output:
        assert output.read() == b"done\n"


def test_what_a_program_writes_little_by_little_is_read_in_large_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[int] = []
    read = os.readv

    def noted(descriptor: int, into: list[bytearray]) -> int:
        pieces.append(read(descriptor, into))
        return pieces[-1]

    with output_of(["dd", "if=/dev/zero", "bs=4096", "count=2000", "status=none"], failed) as output:
        monkeypatch.setattr(os, "readv", noted)
        length = cast("BufferedReader", output).readinto(bytearray(9 << 20))

    assert length == 2000 * 4096
    assert len(pieces) < 1000


def test_a_program_that_stops_reading_has_failed() -> None:
    ending = ["sh", "-c", "echo 'no more' >&2; exit 1"]
    with pytest.raises(LoadFailed, match="no more"), input_of(ending, failed) as pipe:
        pipe.writelines([bytes(1 << 20)] * 100)


def test_a_program_that_ends_well_without_reading_everything_has_failed() -> None:
    with pytest.raises(LoadFailed), input_of(["true"], failed) as pipe:
        pipe.writelines([bytes(1 << 20)] * 100)


def test_output_that_is_left_early_ends_the_program_and_keeps_the_error(tmp_path: Path) -> None:
    hanging = ["sh", "-c", f"echo $$ > {tmp_path}/pid; echo; exec sleep 1000"]
    with pytest.raises(ValueError, match="int"), output_of(hanging, failed) as output:
        int(output.readline() + b"x")

    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_a_crew_ends_what_runs_and_what_starts_later() -> None:
    crew, begun, told = Crew(), threading.Event(), []

    def wait_for_ever() -> None:
        try:
            with output_of(["sh", "-c", "echo; exec sleep 1000"], failed) as output:
                output.readline()
                begun.set()
                output.read()
        except LoadFailed as error:
            told.append(error)

    with crew.work():
        thread = threading.Thread(target=copy_context().run, args=(wait_for_ever,))
        thread.start()
        assert begun.wait(60)
        crew.end()
        thread.join(60)
        with pytest.raises(LoadFailed), output_of(["sleep", "1000"], failed) as output:
            output.read()

    assert len(told) == 1
    with output_of(["echo", "alive"], failed) as output:
        assert output.read() == b"alive\n"


def test_no_descriptor_stays_open() -> None:
    def open_descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the folder's own descriptor is counted both times

    before = open_descriptors()
    for command in (["true"], ["false"]):
        with pytest.raises(LoadFailed) if command == ["false"] else nullcontext(), output_of(command, failed) as output:
            output.read()

    assert open_descriptors() == before
