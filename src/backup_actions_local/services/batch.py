"""Batch's API: jobs are submitted, described, listed and terminated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Call, Handler, Refused, one_at_a_time
from backup_actions_local.services.batch_jobs import Definition, Job, Queue, Wish
from backup_actions_local.services.paging import only, page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from backup_actions_local.services.job_runs import JobRuns

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_LEAST_TIMEOUT_SECONDS, _MOST_ATTEMPTS = 60, 10


class Batch:
    """The operations. Shapes: the botocore model; every mistake of a caller is a ClientException."""

    name = "batch"

    def __init__(self, runs: JobRuns) -> None:
        self._runs = runs

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        operations: Mapping[str, Callable[[Call], Mapping[str, Any]]] = {
            "SubmitJob": self._submit,
            "DescribeJobs": self._describe,
            "ListJobs": self._list,
            "TerminateJob": self._terminate,
            "CancelJob": self._cancel,
        }
        return one_at_a_time(operations, self._runs.unchanged)

    def _submit(self, call: Call) -> Mapping[str, Any]:
        only(
            call, "jobName", "jobQueue", "jobDefinition", "containerOverrides", "retryStrategy", "timeout", "tags",
            "propagateTags",
        )  # fmt: skip
        name = call.params["jobName"]
        if not _NAME.fullmatch(name):
            raise _client("Job name should match valid pattern")
        definition = self._definition(call.params["jobDefinition"])
        job = self._runs.submit(name, self._queue(call.params["jobQueue"]), definition, _wish(call.params, definition))
        return {"jobArn": job.arn, "jobName": job.name, "jobId": job.id}

    def _describe(self, call: Call) -> Mapping[str, Any]:
        only(call, "jobs")
        cluster = self._runs.cluster_arn
        found = [self._runs.jobs[job_id] for job_id in call.params["jobs"] if job_id in self._runs.jobs]
        return {"jobs": [job.answer(cluster) for job in found]}

    def _list(self, call: Call) -> Mapping[str, Any]:
        only(call, "jobQueue", "jobStatus", "maxResults", "nextToken", "filters")
        queue = self._queue(call.params.get("jobQueue") or "")
        filters: Sequence[Mapping[str, Any]] = call.params.get("filters") or ()
        status = call.params.get("jobStatus") or "RUNNING"
        jobs = self._named(filters) if filters else [job for job in self._runs.jobs.values() if job.status == status]
        chosen = [job for job in jobs if job.queue_arn == queue.arn]
        chosen.sort(key=lambda job: job.created, reverse=True)
        part, token = page(
            chosen, call.params.get("nextToken"), call.params.get("maxResults"), refusal="ClientException"
        )
        return {"jobSummaryList": [job.summary() for job in part]} | ({"nextToken": token} if token else {})

    def _named(self, filters: Sequence[Mapping[str, Any]]) -> list[Job]:
        """The jobs of any status that bear the name; an asterisk at its end stands for any rest.

        Source: https://docs.aws.amazon.com/batch/latest/APIReference/API_ListJobs.html
        """
        if len(filters) > 1:
            raise _client("Only one filter can be used at a time.")
        if filters[0].get("name") != "JOB_NAME":
            raise Refused("NotEmbedded", f"the embedded AWS does not know the filter {filters[0].get('name')}", 501)
        found: dict[str, Job] = {}
        for wanted in filters[0].get("values") or ():
            stem = wanted.removesuffix("*")
            bearers = self._runs.whose_names_begin(stem)
            found |= {job.id: job for job in bearers if wanted != stem or job.name.lower() == stem.lower()}
        return list(found.values())

    def _terminate(self, call: Call) -> Mapping[str, Any]:
        only(call, "jobId", "reason")
        self._runs.terminate(self._job(call), call.params["reason"])
        return {}

    def _cancel(self, call: Call) -> Mapping[str, Any]:
        only(call, "jobId", "reason")
        job = self._job(call)
        if job.status in {"SUBMITTED", "PENDING", "RUNNABLE"}:
            self._runs.terminate(job, call.params["reason"])
        return {}

    def _job(self, call: Call) -> Job:
        job = self._runs.jobs.get(call.params["jobId"])
        if job is None:
            raise _client(f"Job {call.params['jobId']} does not exist.")
        return job

    def _queue(self, name: str) -> Queue:
        found = [queue for queue in self._runs.queues.values() if name in {queue.name, queue.arn}]
        if not found:
            raise _client(f"JobQueue {name} not found.")
        return found[0]

    def _definition(self, name: str) -> Definition:
        """By name or ARN, with a revision or the latest."""
        for definition in self._runs.definitions.values():
            unversioned = definition.arn.rpartition(":")[0]
            known = {definition.name, definition.arn, unversioned, definition.arn.rpartition("/")[2]}
            if name in known:
                return definition
        raise _client(f"JobDefinition {name} not found.")


def _wish(params: Mapping[str, Any], definition: Definition) -> Wish:
    overrides = params.get("containerOverrides") or {}
    _known(overrides, {"command", "environment"}, "containerOverrides")
    retry = params.get("retryStrategy") or {}
    attempts = int(retry.get("attempts") or definition.job.attempts)
    if not 1 <= attempts <= _MOST_ATTEMPTS:
        raise _client(f"Retry attempts must be between 1 and {_MOST_ATTEMPTS}")
    timeout = params.get("timeout") or {}
    seconds = int(timeout.get("attemptDurationSeconds") or definition.job.attempt_timeout_seconds)
    if seconds < _LEAST_TIMEOUT_SECONDS:
        raise _client(f"Job timeout should not be less than {_LEAST_TIMEOUT_SECONDS} seconds")
    command = overrides.get("command") or ()
    if len(command) != 3:
        raise Refused("NotEmbedded", f"the command must be an action, a job and its event, not {list(command)}", 501)
    own = {variable["name"]: variable.get("value", "") for variable in overrides.get("environment") or ()}
    return Wish(
        command=tuple(command),
        environment={**definition.environment, **own},
        attempts=attempts,
        evaluate_on_exit=tuple(retry.get("evaluateOnExit") or definition.evaluate_on_exit),
        timeout_seconds=seconds,
        tags=dict(params.get("tags") or {}),
    )


def _known(given: Mapping[str, Any], names: set[str], where: str) -> None:
    if unknown := given.keys() - names:
        raise Refused("NotEmbedded", f"the embedded AWS does not know {', '.join(sorted(unknown))} of {where}", 501)


def _client(message: str) -> Refused:
    return Refused("ClientException", message)
