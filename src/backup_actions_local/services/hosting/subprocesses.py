"""Functions and jobs in processes of their own, with nothing but their role's credentials."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from backup_actions_local.services.hosting import world as variables
from backup_actions_local.services.hosting.orders import FunctionError, FunctionOrder, JobOrder, Outcome, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backup_actions_local.services.hosting.doom import Doom
    from backup_actions_local.services.metadata import Metadata, Tenancy

_PASSED_ON = "PATH", "PYTHONPATH", "LANG", "HOME", "TMPDIR"
# ECS gives a container 30 seconds between SIGTERM and SIGKILL.
# https://docs.aws.amazon.com/batch/latest/userguide/job_states.html
_STOP_SECONDS = 30.0
_PACKAGE = "backup_actions_local.services.hosting"


class Subprocesses:
    """Starts a process for every attempt of a job, and keeps one warm for a function."""

    def __init__(self, *, metadata: Metadata, url: Callable[[], str], region: str) -> None:
        self._metadata, self._url, self._region = metadata, url, region

    def run_job(self, order: JobOrder, doom: Doom) -> Outcome:
        """Run one attempt to its end; nothing that it started lives on."""
        tenancy = self._metadata.move_in(order.role, order.session)
        try:
            process = self._start_job(order, tenancy)
            reader = threading.Thread(target=_read, args=(process.stdout, order.report), daemon=True)
            reader.start()
            killer = threading.Timer(_STOP_SECONDS, _signal_group, args=(process, signal.SIGKILL))

            def stop() -> None:
                _signal_group(process, signal.SIGKILL if doom.host_is_lost else signal.SIGTERM)
                self._metadata.interrupt(tenancy)
                killer.start()

            doom.when_sealed(stop)
            code = process.wait()
            killer.cancel()
            _signal_group(process, signal.SIGKILL)
            reader.join()
        finally:
            self._metadata.move_out(tenancy)
        if code == -signal.SIGKILL and order.dies_at and not doom.reason:
            doom.lose_host(order.instance.id)
        return Outcome(code if code >= 0 else 128 - code)

    def sandbox(self, order: FunctionOrder) -> ProcessSandbox:
        """A warm process for a function."""
        tenancy = self._metadata.move_in(order.role, order.name)
        process = subprocess.Popen(
            [sys.executable, "-m", f"{_PACKAGE}.function", order.code],
            env=self._environment(tenancy, order.environment) | {"BACKUP_ACTIONS_CODE": order.code},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return ProcessSandbox(order, process, lambda: self._metadata.move_out(tenancy))

    def _start_job(self, order: JobOrder, tenancy: Tenancy) -> subprocess.Popen[str]:
        host = {
            "dev": str(order.instance.dev),
            "sys": str(order.instance.sys),
            "metadata_endpoint": f"{self._url()}/_imds/{order.instance.id}",
        }
        environment = self._environment(tenancy, order.environment) | {
            variables.HOST: json.dumps(host),
            "AWS_BATCH_JOB_ATTEMPT": str(order.attempt),
        }
        if order.dies_at:
            environment[variables.DIES_AT] = json.dumps(dataclasses.asdict(order.dies_at))
        return subprocess.Popen(
            [sys.executable, "-m", f"{_PACKAGE}.job", order.entry, order.action, order.job, order.event],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def _environment(self, tenancy: Tenancy, own: Mapping[str, str]) -> dict[str, str]:
        url = self._url()
        return {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            **own,
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/_credentials/{tenancy.id}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": tenancy.authorization,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            variables.CLOCK_URL: f"{url}/_clock/{tenancy.id}",
        }


class ProcessSandbox:
    """A function's process."""

    def __init__(self, order: FunctionOrder, process: subprocess.Popen[str], closed: Callable[[], None]) -> None:
        self._order, self._process, self._closed = order, process, closed
        self._errors: list[str] = []
        self._reader = threading.Thread(target=lambda: self._errors.extend(process.stderr or ()), daemon=True)
        self._reader.start()

    @property
    def is_alive(self) -> bool:
        """Whether it can take another event."""
        return self._process.poll() is None

    def invoke(self, event: str, doom: Doom) -> Any:
        """Return what the function returned. Raises FunctionError; after a timeout or a crash the process is gone."""
        doom.when_sealed(self._kill)
        line = ""
        if self._sent(event) and self._answers_in_time():
            line = _pipe(self._process.stdout).readline()
        if not line:
            self.close()
            if doom.reason:
                raise FunctionError("Sandbox.Timedout", doom.reason)
            last = "".join(self._errors[-20:]).strip()
            raise FunctionError("Runtime.ExitError", f"Runtime exited with code {self._process.returncode}: {last}")
        answer = json.loads(line)
        if "error" in answer:
            error = answer["error"]
            raise FunctionError(error["errorType"], error["errorMessage"], tuple(error["stackTrace"]))
        return answer["result"]

    def close(self) -> None:
        """End the process."""
        self._kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(BrokenPipeError):
                _pipe(pipe).close()

    def _sent(self, event: str) -> bool:
        try:
            _pipe(self._process.stdin).write(event + "\n")
            _pipe(self._process.stdin).flush()
        except BrokenPipeError:
            return False
        return True

    def _answers_in_time(self) -> bool:
        """Whether it answers within its timeout in the time that people live in, should the code hang."""
        asked = select.poll()  # ``select`` has no room for the 1025th file
        asked.register(_pipe(self._process.stdout), select.POLLIN)
        return bool(asked.poll(1000 * self._order.timeout_seconds))

    def _kill(self) -> None:
        """Kill the process; its waits on the clock end with it, so that time does not run on their account."""
        _signal_group(self._process, signal.SIGKILL)
        self._closed()


def _read(lines: IO[str] | None, report: Callable[[Report], None]) -> None:
    with _pipe(lines) as output:
        for line in output:
            report(report_of(line.rstrip("\n")))


def report_of(line: str) -> Report:
    """A line of a job's log, in the words of ``runtime.progress`` where it is one of theirs."""
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return Report(kind="line", text=line)
    if "start" in said:
        return Report(kind="start", text=str(said["start"]), total_bytes=said.get("total_bytes"))
    if "progress" in said:
        done, total = int(said.get("done_bytes", 0)), said.get("total_bytes")
        return Report(kind="progress", text=str(said["progress"]), done_bytes=done, total_bytes=total)
    return Report(kind="note", text=str(said["note"])) if "note" in said else Report(kind="line", text=line)


def _signal_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise ValueError("the process was started without this pipe")
    return pipe
