"""Calls at a pace: never faster than the rate, slower after complaints, tried again while it can help."""

from __future__ import annotations

from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from backup_actions.aws.patience import Pace, PatientCalls
from backup_actions.errors import AwsBusy, AwsCallFailed
from backup_actions_local.clock import SimulatedClock


def _error(code: str, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Op")  # type: ignore[arg-type]


def _most_in_a_second(times: list[float]) -> int:
    return max(bisect_left(times, time + 1) - number for number, time in enumerate(times))


class Service:
    """Counts on the clock, and complains of more than so many calls in any second."""

    def __init__(self, clock: SimulatedClock, most_per_second: int) -> None:
        self._clock, self._most = clock, most_per_second
        self.served: list[float] = []
        self.complaints = 0

    def __call__(self) -> int:
        now = self._clock.now().timestamp()
        if len(self.served) - bisect_left(self.served, now - 1) >= self._most:
            self.complaints += 1
            raise _error("RequestThrottledException")
        self.served.append(now)
        return len(self.served)


def test_no_second_has_more_turns_than_the_rate_and_one_burst() -> None:
    clock = SimulatedClock()
    pace = Pace(clock, 100)
    times = []
    for _ in range(500):
        pace.take_turn()
        times.append(clock.now().timestamp())

    assert _most_in_a_second(times) <= 100 + 10 + 1
    assert times[-1] - times[0] == pytest.approx(490 / 100, abs=0.1)


def test_many_threads_share_one_pace() -> None:
    clock = SimulatedClock()
    calls, service = PatientCalls(clock, calls_per_second=200), Service(clock, 10_000)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: calls.call("x", service), range(600)))

    assert _most_in_a_second(sorted(service.served)) <= 200 + 20 + 8


def test_a_service_that_allows_less_is_asked_at_about_its_own_rate() -> None:
    clock = SimulatedClock()
    calls = PatientCalls(clock, calls_per_second=900, random=Random(1))  # noqa: S311
    service = Service(clock, 300)
    for _ in range(6000):
        calls.call("x", service)

    assert service.complaints < len(service.served) / 20
    assert service.served[-1] - service.served[0] < 2 * 6000 / 300


def test_a_clock_that_is_set_back_stops_nobody() -> None:
    clock = SimulatedClock()
    pace = Pace(clock, 10)
    clock._skipped_seconds -= 3600
    for _ in range(20):
        pace.take_turn()

    assert clock._skipped_seconds + 3600 < 3


@pytest.mark.parametrize("busy", [_error("InternalServerException", 500), ReadTimeoutError(endpoint_url="x")])
def test_what_a_busy_service_did_not_do_is_asked_again(busy: Exception) -> None:
    clock = SimulatedClock()
    answers: list[Exception | str] = [busy, busy, "done"]

    def request() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert PatientCalls(clock, calls_per_second=10).call("x", request) == "done"


def test_patience_ends_after_a_minute_and_a_half_at_most() -> None:
    clock = SimulatedClock()
    begin, tries = clock.now(), 0

    def request() -> None:
        nonlocal tries
        tries += 1
        raise _error("InternalServerException", 500)

    with pytest.raises(AwsBusy):
        PatientCalls(clock, calls_per_second=1000).call("x", request)

    assert (tries, (clock.now() - begin).total_seconds() < 90) == (12, True)


def test_what_no_waiting_cures_is_not_tried_again() -> None:
    tries = 0

    def request() -> None:
        nonlocal tries
        tries += 1
        raise _error("AccessDeniedException", 403)

    with pytest.raises(AwsCallFailed):
        PatientCalls(SimulatedClock(), calls_per_second=10).call("x", request)

    assert tries == 1


def test_nothing_is_tried_again_after_the_end() -> None:
    clock = SimulatedClock()
    calls, begin = PatientCalls(clock, calls_per_second=10), clock.now()

    def request() -> None:
        calls.end()
        raise _error("InternalServerException", 500)

    with pytest.raises(AwsBusy):
        calls.call("x", request)

    assert clock.now() == begin


def test_what_has_ended_waits_no_longer_for_the_next_try() -> None:
    class Ending(SimulatedClock):
        """Somebody ends the calls while the clock is slept on, after ten seconds."""

        slept_seconds = 0.0

        def sleep(self, seconds: float) -> None:
            self.slept_seconds += seconds
            if self.slept_seconds > 10:
                calls.end()

    clock = Ending()
    calls = PatientCalls(clock, calls_per_second=100, random=Random(1))  # noqa: S311

    def throttled() -> None:
        raise _error("ThrottlingException")

    with pytest.raises(AwsBusy):
        calls.call("x", throttled)

    assert 10 < clock.slept_seconds <= 11
