"""Queues, definitions and jobs: what is known of them, and when a job is tried again."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backup_actions.errors import ArchiveInterrupted

if TYPE_CHECKING:
    from datetime import datetime

    from backup_actions.contract.action import Job as Description
    from backup_actions_local.services.hosting.doom import Doom

Answer = dict[str, Any]
Rule = Mapping[str, str]
LAST_STATES = "SUCCEEDED", "FAILED"
# Only a lost host, what never started, and what was interrupted and can go on, is worth another attempt.
# https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html
RETRY_LOST_HOSTS: tuple[Rule, ...] = (
    {"onStatusReason": "Host EC2*", "action": "RETRY"},
    {"onStatusReason": "Task failed to start*", "action": "RETRY"},
    {"onStatusReason": "Job attempt duration exceeded timeout", "action": "EXIT"},
    {"onExitCode": str(ArchiveInterrupted.exit_code), "action": "RETRY"},
    {"onReason": "*", "action": "EXIT"},
)


@dataclass(frozen=True, slots=True)
class Definition:
    """A job definition: what the description says, under a role."""

    name: str
    arn: str
    job: Description
    role: str
    role_arn: str
    environment: Mapping[str, str]
    evaluate_on_exit: Sequence[Rule]
    entry: str
    """``module:function`` that is called with world, action, job and event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a job was submitted with."""

    command: Sequence[str]
    environment: Mapping[str, str]
    attempts: int
    evaluate_on_exit: Sequence[Rule]
    timeout_seconds: int
    tags: Mapping[str, str]


@dataclass(eq=False, slots=True, kw_only=True)
class Attempt:
    """One attempt that has ended."""

    instance_id: str
    started: datetime | None
    """None of one whose container was never started."""
    stopped: datetime
    status_reason: str
    exit_code: int | None
    log_stream: str
    reason: str = ""
    """What ECS says of the container."""

    def answer(self, cluster_arn: str) -> Answer:
        """The attempt as DescribeJobs has it; a lost host leaves no exit code."""
        container: Answer = {
            "containerInstanceArn": f"{cluster_arn}/{self.instance_id}",
            "logStreamName": self.log_stream,
        }
        if self.exit_code is not None:
            container["exitCode"] = self.exit_code
        if self.reason:
            container["reason"] = self.reason
        began = {"startedAt": milliseconds(self.started)} if self.started else {}
        return {
            "container": container,
            **began,
            "stoppedAt": milliseconds(self.stopped),
            "statusReason": self.status_reason,
        }

    def is_worth_another(self, rules: Sequence[Rule]) -> bool:
        """Whether the first rule that applies says RETRY; where none does, Batch retries."""
        facts = {
            "onStatusReason": self.status_reason,
            "onReason": self.reason,
            "onExitCode": "" if self.exit_code is None else str(self.exit_code),
        }
        for rule in rules:
            conditions = {name: pattern for name, pattern in rule.items() if name in facts}
            if all(fnmatch.fnmatch(facts[name].lower(), pattern.lower()) for name, pattern in conditions.items()):
                return rule["action"].upper() == "RETRY"
        return True


@dataclass(eq=False, slots=True, kw_only=True)
class Job:
    """A submitted job."""

    id: str
    arn: str
    name: str
    queue_arn: str
    definition: Definition
    wish: Wish
    created: datetime
    doom: Doom
    status: str = "SUBMITTED"
    status_reason: str = ""
    started: datetime | None = None
    stopped: datetime | None = None
    terminated: str = ""
    """The reason of whoever terminated it."""
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def has_ended(self) -> bool:
        """Whether nothing will become of it any more."""
        return self.status in LAST_STATES

    def answer(self, cluster_arn: str) -> Answer:
        """The job as DescribeJobs has it."""
        container: Answer = {
            "image": "backup-actions-worker",
            "command": list(self.wish.command),
            "environment": [{"name": name, "value": value} for name, value in self.wish.environment.items()],
            "jobRoleArn": self.definition.role_arn,
            "resourceRequirements": [
                {"type": "VCPU", "value": str(self.definition.job.vcpus)},
                {"type": "MEMORY", "value": str(self.definition.job.memory_mib)},
            ],
        }
        if self.attempts:
            container |= self.attempts[-1].answer(cluster_arn)["container"]
        # The model requires startedAt also of a job that has not started.
        answer = (
            {"startedAt": 0}
            | self.summary()
            | {
                "jobQueue": self.queue_arn,
                "jobDefinition": self.definition.arn,
                "attempts": [attempt.answer(cluster_arn) for attempt in self.attempts],
                "retryStrategy": {"attempts": self.wish.attempts, "evaluateOnExit": list(self.wish.evaluate_on_exit)},
                "timeout": {"attemptDurationSeconds": self.wish.timeout_seconds},
                "container": container,
                "tags": dict(self.wish.tags),
            }
        )
        return answer | {"isTerminated": bool(self.terminated), "isCancelled": False}

    def summary(self) -> Answer:
        """The job as ListJobs has it."""
        answer: Answer = {
            "jobArn": self.arn,
            "jobId": self.id,
            "jobName": self.name,
            "jobDefinition": self.definition.arn,
            "createdAt": milliseconds(self.created),
            "status": self.status,
        }
        if self.status_reason:
            answer["statusReason"] = self.status_reason
        if self.started:
            answer["startedAt"] = milliseconds(self.started)
        if self.stopped:
            answer["stoppedAt"] = milliseconds(self.stopped)
        return answer


@dataclass(eq=False, slots=True)
class Queue:
    """A queue with a compute environment in one zone."""

    name: str
    arn: str
    zone: str
    max_concurrent_jobs: int
    host_tags: Mapping[str, str]
    waiting: list[Job] = field(default_factory=list)
    running: list[Job] = field(default_factory=list)


def milliseconds(when: datetime) -> int:
    """A time as Batch has it."""
    return int(when.timestamp() * 1000)
