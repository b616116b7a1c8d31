"""Functions and jobs in the thread that asks for them: quick, with the same permissions, faults and audit."""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import boto3

from backup_actions.aws import Clients, Host, World
from backup_actions.errors import BackupActionsError
from backup_actions_local.services.hosting.doom import Doom, DoomedProgress, HostLost
from backup_actions_local.services.hosting.orders import FunctionError, FunctionOrder, JobOrder, Outcome, Report

if TYPE_CHECKING:
    from datetime import datetime

    from backup_actions_local.clock import SimulatedClock

SessionFor = Callable[[str, str], boto3.Session]
"""A boto3 session with fresh credentials of a role, under a session name."""


class Inline:
    """Runs everything here. ``url`` is asked for when a job begins: the front starts after the services are made."""

    def __init__(self, *, clock: SimulatedClock, session_for: SessionFor, url: Callable[[], str]) -> None:
        self._clock, self._session_for, self._url = clock, session_for, url
        self._clients = _ClientsOfJobs()

    def run_job(self, order: JobOrder, doom: Doom) -> Outcome:
        """Run one attempt to its end; nothing of it goes on after its doom."""

        def lose() -> None:
            doom.lose_host(order.instance.id)
            doom.check()

        lent = self._clients.lent(self._session_for(order.role, order.session), doom)
        outcome = self._worked(order, doom, lent.clients, lose)
        if outcome.exit_code == 0:  # nothing of it is at work any more that might use them
            self._clients.take_back(lent)
        return outcome

    def _worked(self, order: JobOrder, doom: Doom, clients: Clients, lose: Callable[[], None]) -> Outcome:
        world = World(
            clients=clients,
            clock=_WatchedClock(self._clock, doom),
            progress=_WatchedProgress(DoomedProgress(_Reports(order.report), order.dies_at, lose), doom),
            host=Host(order.instance.dev, order.instance.sys, f"{self._url()}/_imds/{order.instance.id}"),
            attempt=order.attempt,
            environment=order.environment,
        )
        try:
            return Outcome(int(load(order.entry)(world, order.action, order.job, json.loads(order.event)) or 0))
        except (HostLost, KeyboardInterrupt):
            if not doom.reason:
                raise
            return Outcome(137 if doom.host_is_lost else 143)
        except BackupActionsError as error:
            order.report(Report(kind="line", text=str(error)))
            return Outcome(error.exit_code)
        except Exception:  # noqa: BLE001 - whatever the code raises, it is the job that failed
            order.report(Report(kind="line", text=traceback.format_exc()))
            return Outcome(1)

    def sandbox(self, order: FunctionOrder) -> InlineSandbox:
        """A place for a function."""
        return InlineSandbox(order, self._clock, self._session_for)


@dataclass
class _Lent:
    """Clients of whoever works with them now: whose keys they sign with, and what ends their work."""

    clients: Clients
    keys: Any
    doom: Doom

    def check(self) -> None:
        """Raises what the doom raises."""
        self.doom.check()


class _ClientsOfJobs:
    """Clients that one job has after the other: to make them takes longer than most of what it asks them."""

    def __init__(self) -> None:
        self._idle: list[_Lent] = []
        self._lock = threading.Lock()

    def lent(self, session: boto3.Session, doom: Doom) -> _Lent:
        """Clients that sign as this session would."""
        with self._lock:
            lent = self._idle.pop() if self._idle else None
        keys: Any = session.get_credentials()
        if lent is None:
            lent = _Lent(Clients(session), keys, doom)
            _watched(session, lent.check)
            return lent
        lent.keys.access_key, lent.keys.secret_key, lent.keys.token = keys.access_key, keys.secret_key, keys.token
        lent.doom = doom
        lent.clients.requests.begin_anew()
        return lent

    def take_back(self, lent: _Lent) -> None:
        """The next job may have them."""
        with self._lock:
            self._idle.append(lent)


class InlineSandbox:
    """Calls the function here. Its clients are made once, as a warm function's are."""

    is_alive = True

    def __init__(self, order: FunctionOrder, clock: SimulatedClock, session_for: SessionFor) -> None:
        self._order, self._clock, self._session_for = order, clock, session_for
        self._clients: Clients | None = None
        self._doom = Doom(clock)

    def invoke(self, event: str, doom: Doom) -> Any:
        """Return what the function returned, as JSON carries it. Raises FunctionError."""
        self._doom = doom
        if self._clients is None:
            session = self._session_for(self._order.role, self._order.name)
            self._clients = Clients(_watched(session, self._check))
        world = World(
            clients=self._clients, clock=_WatchedClock(self._clock, doom), environment=self._order.environment
        )
        try:
            return json.loads(json.dumps(load(self._order.code)(world, json.loads(event))))
        except KeyboardInterrupt as interrupt:
            if not doom.reason:
                raise
            raise FunctionError("Sandbox.Timedout", doom.reason) from interrupt
        except Exception as error:
            raise error_of(error) from error

    def close(self) -> None:
        """Nothing stays."""

    def _check(self) -> None:
        self._doom.check()


def error_of(error: Exception) -> FunctionError:
    """An exception as Lambda passes it on: the class's own name, the message, the trace."""
    return FunctionError(type(error).__name__, str(error), tuple(traceback.format_tb(error.__traceback__)))


def load(code: str) -> Callable[..., Any]:
    """The function that ``module:function`` names. Raises ImportError or AttributeError."""
    module, _, name = code.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def _watched(session: boto3.Session, check: Callable[[], None]) -> boto3.Session:
    """No call leaves a host that is gone."""
    session.events.register("before-call", lambda **_: check())
    return session


@dataclass(frozen=True, slots=True)
class _WatchedClock:
    clock: SimulatedClock
    doom: Doom

    def now(self) -> datetime:
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        reason = self.doom.reason
        self.doom.check()
        self.clock.wait(lambda: self.doom.reason != reason, seconds, about=(self.doom,))
        self.doom.check()


@dataclass(frozen=True, slots=True)
class _WatchedProgress:
    inner: DoomedProgress
    doom: Doom

    def start(self, what: str, total_bytes: int | None) -> None:
        self.doom.check()
        self.inner.start(what, total_bytes)

    def add(self, source_bytes: int) -> None:
        self.doom.check()
        self.inner.add(source_bytes)

    def note(self, sentence: str) -> None:
        self.doom.check()
        self.inner.note(sentence)


class _Reports:
    def __init__(self, report: Callable[[Report], None]) -> None:
        self._report = report
        self._what, self._done = "", 0
        self._total: int | None = None

    def start(self, what: str, total_bytes: int | None) -> None:
        self._what, self._done, self._total = what, 0, total_bytes
        self._report(Report(kind="start", text=what, total_bytes=total_bytes))

    def add(self, source_bytes: int) -> None:
        self._done += source_bytes
        self._report(Report(kind="progress", text=self._what, done_bytes=self._done, total_bytes=self._total))

    def note(self, sentence: str) -> None:
        self._report(Report(kind="note", text=sentence))
