"""The running of Batch jobs: queues in zones, hosts that come and go, attempts, logs."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from backup_actions_local.services.batch_jobs import RETRY_LOST_HOSTS, Attempt, Definition, Job, Queue, Rule, Wish
from backup_actions_local.services.hosting.doom import CONTAINER_EXITED, Doom, Point
from backup_actions_local.services.hosting.orders import Hosting, JobOrder, Outcome, Report
from backup_actions_local.services.identifiers import Identifiers

if TYPE_CHECKING:
    from pathlib import Path

    from backup_actions.contract.action import Job as Description
    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.block_store import BlockStore
    from backup_actions_local.services.instances import Instance
    from backup_actions_local.services.mishaps import Mishaps

RUNTIME = "backup_actions.runtime.job:run"
TIMED_OUT, NOT_STARTED = "Job attempt duration exceeded timeout", "Task failed to start"
_DOCKER_TOO_SLOW = "DockerTimeoutError: Could not transition to created; timed out after waiting 4m0s"
_ENDS_WITHIN_SECONDS = 10.0

Listener = Callable[[Job, Report], None]


class JobRuns:
    """Every attempt is an actor on the clock, on a fresh host in the queue's zone; a waiting job is none.

    ``image_environment`` are the variables that the image of the jobs brings along.
    """

    def __init__(
        self,
        *,
        clock: SimulatedClock,
        store: BlockStore,
        hosting: Hosting,
        logs: Path,
        mishaps: Mishaps,
        image_environment: Mapping[str, str] | None = None,
        listener: Listener | None = None,
    ) -> None:
        self._clock, self._store, self._hosting, self._logs = clock, store, hosting, logs
        self._mishaps, self._listener = mishaps, listener
        self._image_environment = image_environment or {}
        self._place, self._durations = store.place, store.durations
        self._identifiers = Identifiers("batch")
        self._lock = threading.RLock()
        self._threads: list[threading.Thread] = []
        self.queues: dict[str, Queue] = {}
        self.definitions: dict[str, Definition] = {}
        self.jobs: dict[str, Job] = {}
        self._names: list[tuple[str, str]] = []
        """Names in small letters and ids of all jobs, sorted."""
        logs.mkdir(parents=True, exist_ok=True)

    @property
    def cluster_arn(self) -> str:
        """The ECS cluster that the hosts belong to."""
        return self._place.arn("ecs", "container-instance/embedded")

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Nobody else changes anything meanwhile."""
        with self._lock:
            yield

    def queue(
        self, name: str, zone: str, *, max_concurrent_jobs: int = 4, host_tags: Mapping[str, str] | None = None
    ) -> str:
        """Make a queue whose hosts are in the zone and carry the tags; return its ARN."""
        arn = self._place.arn("batch", f"job-queue/{name}")
        self.queues[name] = Queue(name, arn, zone, max_concurrent_jobs, host_tags or {})
        return arn

    def define(
        self,
        name: str,
        job: Description,
        role: str,
        environment: Mapping[str, str] | None = None,
        *,
        evaluate_on_exit: Sequence[Rule] = RETRY_LOST_HOSTS,
        entry: str = RUNTIME,
    ) -> str:
        """Register a job definition; return its ARN with the revision."""
        arn = self._place.arn("batch", f"job-definition/{name}:1")
        self.definitions[name] = Definition(
            name, arn, job, role, self._place.role_arn(role), dict(environment or {}), evaluate_on_exit, entry
        )
        return arn

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of a job; none of what does not exist."""
        job = self.jobs.get(arn.rpartition("/")[2])
        return dict(job.wish.tags) if job else {}

    def log_of(self, job_id: str) -> str:
        """What all attempts of a job wrote."""
        paths = [self._log_path(self.jobs[job_id], number) for number in range(1, len(self.jobs[job_id].attempts) + 2)]
        return "".join(path.read_text(encoding="utf-8") for path in paths if path.exists())

    def submit(self, name: str, queue: Queue, definition: Definition, wish: Wish) -> Job:
        """Accept a job; it becomes RUNNABLE after a moment."""
        job_id = self._identifiers.uuid()
        job = Job(
            id=job_id, arn=self._place.arn("batch", f"job/{job_id}"), name=name, queue_arn=queue.arn,
            definition=definition, wish=wish, created=self._clock.now(), doom=Doom(self._clock),
        )  # fmt: skip
        with self._lock:
            self.jobs[job_id] = job
            insort(self._names, (name.lower(), job_id))
        self._spawn(job, lambda: self._accept(job, queue))
        return job

    def whose_names_begin(self, stem: str) -> Iterator[Job]:
        """The jobs whose names begin like that, in any case. Thousands of runs each ask for their own."""
        stem = stem.lower()
        for position in range(bisect_left(self._names, (stem,)), len(self._names)):
            name, job_id = self._names[position]
            if not name.startswith(stem):
                return
            yield self.jobs[job_id]

    def terminate(self, job: Job, reason: str, *, with_its_host: bool = False) -> None:
        """End a job for good, whatever its state; one that has ended stays as it is."""
        with self._lock:
            if job.has_ended or job.terminated:
                return
            job.terminated = reason
            queue = self._queue_of(job)
            if job in queue.waiting:
                queue.waiting.remove(job)
                self._end(job, "FAILED", reason)
        job.doom.seal(reason, host_is_lost=with_its_host)

    def close(self) -> None:
        """No job runs any more."""
        for job in list(self.jobs.values()):
            self.terminate(job, "the embedded AWS stops", with_its_host=True)
        for thread in self._threads:
            thread.join(_ENDS_WITHIN_SECONDS)

    # ------------------------------------------------------------------------------------------- from queue to its end

    def _accept(self, job: Job, queue: Queue) -> None:
        self._clock.wait(lambda: bool(job.terminated), self._durations.job_accepted_seconds)
        with self._lock:
            if job.terminated:
                self._end(job, "FAILED", job.terminated)
            else:
                self._set(job, "RUNNABLE")
                queue.waiting.append(job)
                self._place_jobs(queue)

    def _place_jobs(self, queue: Queue) -> None:
        """Give waiting jobs a host as far as there is room; the lock is held."""
        while queue.waiting and len(queue.running) < queue.max_concurrent_jobs:
            if self._mishaps.strike("job capacity", queue.zone):
                return
            job = queue.waiting.pop(0)
            queue.running.append(job)
            self._spawn(job, lambda job=job: self._run(job, queue))  # type: ignore[misc]

    def _run(self, job: Job, queue: Queue) -> None:
        try:
            again = self._attempt(job, queue)
        finally:
            with self._lock:
                queue.running.remove(job)
        with self._lock:
            if again and job.terminated:
                self._end(job, "FAILED", job.terminated)
            elif again:
                job.doom = Doom(self._clock)
                self._set(job, "RUNNABLE")
                queue.waiting.append(job)
            self._place_jobs(queue)

    def _attempt(self, job: Job, queue: Queue) -> bool:
        """Bring the job to a host, run it once, and say whether it shall run again."""
        for wait_seconds, status in (
            (self._durations.job_placed_seconds, "STARTING"),
            (self._durations.job_started_seconds, "RUNNING"),
        ):
            self._clock.wait(lambda: bool(job.terminated), wait_seconds)
            if job.terminated:
                self._end(job, "FAILED", job.terminated)
                return False
            if status == "RUNNING" and self._mishaps.strike("job start"):
                return self._goes_on(job, self._not_started(job, queue))
            self._set(job, status)
        job.started = self._clock.now()
        instance = self._store.launch(queue.zone, queue.host_tags)
        outcome = self._run_once(job, instance)
        attempt = self._recorded(job, instance, outcome)
        if outcome.exit_code == 0 and job.doom.reason in {"", CONTAINER_EXITED}:
            self._end(job, "SUCCEEDED", attempt.status_reason)
            return False
        return self._goes_on(job, attempt)

    def _goes_on(self, job: Job, attempt: Attempt) -> bool:
        """Whether there is another attempt after this one has failed; else the job has ended."""
        is_left = len(job.attempts) < job.wish.attempts and not job.terminated
        if is_left and attempt.is_worth_another(job.wish.evaluate_on_exit):
            return True
        self._end(job, "FAILED", attempt.status_reason)
        return False

    def _run_once(self, job: Job, instance: Instance) -> Outcome:
        number = len(job.attempts) + 1
        kill = self._mishaps.kill_of(job.name, number)
        action, name, event = job.wish.command
        order = JobOrder(
            entry=job.definition.entry, action=action, job=name, event=event, role=job.definition.role,
            session=f"{job.id}-{number}", environment={**self._image_environment, **job.wish.environment},
            instance=instance, attempt=number,
            report=lambda report: self._report(job, report, number),
            dies_at=Point(kill.after_bytes, kill.at) if kill else None,
        )  # fmt: skip
        job.doom.watch(job.wish.timeout_seconds, TIMED_OUT)
        try:
            outcome = self._hosting.run_job(order, job.doom)
        finally:
            job.doom.finish()
            if job.doom.host_is_lost:
                self._store.lose(instance.id)
            else:
                self._store.retire(instance.id)
        if kill and job.doom.host_is_lost:
            kill.struck += 1
        return outcome

    def _not_started(self, job: Job, queue: Queue) -> Attempt:
        """An attempt whose container could not be started, and what DescribeJobs says of it."""
        instance = self._store.launch(queue.zone, queue.host_tags)
        self._store.retire(instance.id)
        attempt = Attempt(
            instance_id=instance.id, started=None, stopped=self._clock.now(), status_reason=NOT_STARTED,
            exit_code=None, log_stream=self._log_path(job, len(job.attempts) + 1).name, reason=_DOCKER_TOO_SLOW,
        )  # fmt: skip
        job.attempts.append(attempt)
        return attempt

    def _recorded(self, job: Job, instance: Instance, outcome: Outcome) -> Attempt:
        number = len(job.attempts) + 1
        started = job.started
        assert started is not None  # noqa: S101 - it has just run
        attempt = Attempt(
            instance_id=instance.id, started=started, stopped=self._clock.now(),
            status_reason=job.doom.reason or CONTAINER_EXITED,
            exit_code=None if job.doom.host_is_lost else outcome.exit_code,
            log_stream=self._log_path(job, number).name,
        )  # fmt: skip
        job.attempts.append(attempt)
        return attempt

    def _end(self, job: Job, status: str, reason: str) -> None:
        job.status_reason, job.stopped = reason, self._clock.now()
        self._set(job, status)
        self._clock.changed()

    def _set(self, job: Job, status: str) -> None:
        job.status = status
        if self._listener:
            self._listener(job, Report(kind="status", text=status))

    def _report(self, job: Job, report: Report, attempt: int) -> None:
        if report.kind != "progress":
            with self._log_path(job, attempt).open("a", encoding="utf-8") as log:
                log.write(report.text + "\n")
        if self._listener:
            self._listener(job, report)

    def _log_path(self, job: Job, attempt: int) -> Path:
        return self._logs / f"{job.id}-{attempt}.log"

    def _queue_of(self, job: Job) -> Queue:
        return next(queue for queue in self.queues.values() if queue.arn == job.queue_arn)

    def _spawn(self, job: Job, work: Callable[[], None]) -> None:
        self._threads.append(self._clock.spawn(f"job {job.name}", work))
