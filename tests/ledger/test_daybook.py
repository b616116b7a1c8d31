"""The day book has a line for each run, once, under the day on which the run ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from tests.moto_clients import moto_clients

from backup_actions.ledger.daybook import ActionLine, Daybook, Line
from backup_actions_local.resources import make_ledger

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def line(run: str, finished_at: datetime, **more: object) -> Line:
    return Line(
        **{  # type: ignore[arg-type]
            "run": run,
            "finished_at": finished_at,
            "point": f"arn:aws:ec2:us-east-1::snapshot/{run}",
            "resource": "arn:aws:ec2:us-east-1:111122223333:volume/vol-0c2d",
            "resource_type": "EBS",
            "outcome": "kept",
            "failed": False,
            "actions": (
                ActionLine(
                    action="ebs-archive", succeeded=True, source_bytes=10, stored_bytes=5, usage={"put_requests": 3}
                ),
            ),
            **more,
        }
    )


@pytest.fixture(name="book")
def _book() -> Iterator[Daybook]:
    with moto_clients() as clients:
        make_ledger(clients.dynamodb, "ledger")
        yield Daybook(clients.dynamodb, "ledger")


def test_a_line_comes_back_as_it_was_written(book: Daybook) -> None:
    written = line("a", NOON)
    book.write(written)

    assert list(book.lines(NOON - timedelta(hours=1), NOON)) == [written]


def test_a_line_that_is_written_again_stands_there_once(book: Daybook) -> None:
    book.write(line("a", NOON))
    book.write(line("a", NOON + timedelta(seconds=2)))

    assert [each.run for each in book.lines(NOON - timedelta(hours=1), NOON + timedelta(hours=1))] == ["a"]


def test_the_first_moment_is_left_out_and_the_last_is_not_so_that_spans_meet_without_a_gap(book: Daybook) -> None:
    moments = [NOON + timedelta(hours=12 * number) for number in range(5)]
    for number, moment in enumerate(moments):
        book.write(line(str(number), moment))

    first = [each.run for each in book.lines(moments[0], moments[2])]
    second = [each.run for each in book.lines(moments[2], moments[4])]
    assert (first, second) == (["1", "2"], ["3", "4"])


def test_a_day_is_one_of_utc_wherever_the_clock_stands(book: Daybook) -> None:
    elsewhere = datetime(2026, 5, 5, 1, tzinfo=timezone(timedelta(hours=2)))
    book.write(line("late", elsewhere))

    assert [each.run for each in book.lines(NOON, NOON + timedelta(hours=11))] == ["late"]


def test_a_long_day_is_read_page_by_page(book: Daybook) -> None:
    for number in range(20):  # a page is 1 MB
        book.write(line(f"{number:03}", NOON, point="x" * 60_000))

    assert len(list(book.lines(NOON - timedelta(days=1), NOON))) == 20
