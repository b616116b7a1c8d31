"""Work that is begun before its outcome is wanted."""

from __future__ import annotations

from threading import Event

import pytest

from backup_actions.aws.soon import ClientSoon, soon


def test_the_work_is_done_while_nobody_waits() -> None:
    begun, may_end = Event(), Event()

    def work() -> str:
        begun.set()
        may_end.wait()
        return "done"

    outcome = soon(work)
    assert begun.wait(10)
    may_end.set()

    assert (outcome(), outcome()) == ("done", "done")


def test_what_the_work_raises_is_raised_where_its_outcome_is_wanted() -> None:
    def fail() -> None:
        raise KeyError("lost")

    outcome = soon(fail)

    with pytest.raises(KeyError, match="lost"):
        outcome()


def test_a_client_that_is_being_made_is_waited_for_by_who_calls_it() -> None:
    may_end = Event()

    def make() -> str:
        may_end.wait()
        return "client"

    client = ClientSoon(make)
    may_end.set()

    assert client.upper() == "CLIENT"
