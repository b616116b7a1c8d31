"""Runs the import machine's own workflow: its steps in this process, its calls answered from memory, time simulated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.offsite.separated import (
    DATABASE,
    DEAD_LETTERS,
    IMPORT_KEY,
    MACHINE,
    QUEUE,
    SECURITY_TAG,
    SETTINGS,
    Separated,
    announcing,
)

from backup_actions.contract.placeholders import FUNCTION_PREFIX, placeholder_of
from backup_actions.errors import BackupActionsError
from backup_actions.model.arn import Arn
from backup_actions.model.offsite import Announcement
from backup_actions.model.report import ActionReport, Artifact
from backup_actions.offsite import ImportSettings, import_machine
from backup_actions.offsite.claims import claimed_in
from backup_actions.runtime.code import load_step
from backup_actions_local.clock import START
from backup_actions_local.states.execution import Event, Execution
from backup_actions_local.states.expressions import Expressions
from backup_actions_local.states.failures import StateFailed
from backup_actions_local.states.interpreter import Interpreter
from backup_actions_local.states.machine import Machine
from backup_actions_local.states.tasks import RunningTask
from backup_actions_local.states.tokens import Tokens

((TAG_KEY, TAG_VALUE),) = SECURITY_TAG.items()
_TEXTS = {
    "Partition": "aws",
    "Bucket": "archives",
    "LedgerTable": "ledger",
    "TopicArn": "news",
    "DeadLetterQueueUrl": DEAD_LETTERS,
    "Queue_announcements": QUEUE,
    "Key_import": IMPORT_KEY,
    "SecurityTagKey": TAG_KEY,
    "SecurityTagValue": TAG_VALUE,
}
DUMP = {
    "name": "rds-dump",
    "machineArn": "arn:aws:states:us-east-1:444455556666:stateMachine:backup-actions-rds-dump",
    "handles": ["RDS", "Aurora"],
    "restorable": True,
    "tags": {},
}


def said(separated: Separated, queue: str) -> list[str]:
    """The messages that were sent to a queue."""
    return [message for to, message, _ in separated.aws.sent if to == queue]


def again(announced: Announcement) -> str:
    """The message by which an announcement is tried again."""
    return claimed_in(announcing(announced), SETTINGS, here=Arn.parse(MACHINE), now=START).message


def fail_as_a_child(_input: Any) -> None:
    """How a child execution fails."""
    raise StateFailed("States.TaskFailed", json.dumps({"Error": "JobFailed", "Cause": "no such table"}))


def stop_at(state: str) -> Any:
    """Stop an execution when it enters the state."""

    def listener(execution: Execution, event: Event) -> None:
        if event.type.endswith("StateEntered") and event.state == state:
            execution.stop()

    return listener


class ImportRuns:
    """Executions of the import machine, one after the other.

    ``before`` is called with the name of a step before it runs, and may raise; ``acts`` is what an action does, which
    by default makes what can be proven.
    """

    def __init__(self, separated: Separated, *actions: dict[str, Any], settings: ImportSettings | None = None) -> None:
        self.separated = separated
        settings = settings or separated.settings
        self.machine = import_machine(settings)
        self.before: Callable[[str], object] = lambda _step: None
        self.acts: Callable[[Any], Any] = self.made
        self.news: list[dict[str, str]] = []
        self.awaited: set[str] = set()
        self.leases: list[Any] = []
        """What was asked for with each lease."""
        self.children: list[dict[str, Any]] = []
        self._definition = self.machine.workflow.filled(
            {"Settings": settings.to_json(), "Actions": list(actions)}.get, self._text
        )

    def made(self, told: Any) -> Any:
        """What a good action leaves in the bucket, and its report of that."""
        manifest, verification = f"{told['prefix']}/dump.json", f"{told['evidencePrefix']}/rds-dump.json"
        content = b"{}"
        digest = hashlib.sha256(content).hexdigest()
        self.separated.aws.objects[manifest] = content
        verified = {"verified": True, "manifest_sha256": digest}
        self.separated.aws.objects[verification] = json.dumps(verified).encode()
        return ActionReport(
            verified=True,
            reason="",
            manifest_key=manifest,
            manifest_sha256=digest,
            verification_key=verification,
            artifacts=(Artifact(key=manifest, size_bytes=len(content), crc64nvme="crc"),),
            source_bytes=1,
            stored_bytes=1,
        ).to_json()

    def heard(self, announced: Announcement = DATABASE, **more: Any) -> Execution:
        """The execution that hearing the announcement begins, ended."""
        name = self.separated.hear(announcing(announced))["started"]
        return self.run(name, self.separated.aws.started[name], **more)

    def run(self, name: str, value: Any, **more: Any) -> Execution:
        """An execution with that input, ended."""
        clock = self.separated.clock
        machine = Machine(
            name="offsite-import", arn=MACHINE, role_arn="role", definition=self._definition, created=clock.now()
        )
        arn = f"{MACHINE.replace('stateMachine', 'execution')}:{name}"
        execution = Execution(machine, name=name, arn=arn, value=value, clock=clock, **more)
        with clock.actor():
            Interpreter(execution, Calls(self), Expressions(clock.now), Tokens(clock)).run()
        return execution

    def cleaned_up_after(self, ended: Execution) -> Execution:
        """The execution of the same machine that the event of its end begins, ended."""
        told = {"name": ended.name, "executionArn": ended.arn, "status": ended.status, "input": json.dumps(ended.input)}
        return self.run("clean-up", {"detail-type": "Step Functions Execution Status Change", "detail": told})

    def step(self, name: str, payload: Any) -> Any:
        """A step of the machine, as Lambda would call it. Raises StateFailed for what it raises."""
        self.before(name)
        if name.endswith("-lease"):
            self.leases.append(payload)
            return {"held": True, "slot": 0}
        if name == "await":
            self.awaited.add(payload["key"])
            return {}
        try:
            return load_step(self.machine.tasks[name].code)(self.separated.world, payload)
        except BackupActionsError as error:
            raise StateFailed(type(error).__name__, json.dumps({"errorMessage": str(error)})) from error

    def _text(self, name: str) -> str:
        if name.startswith(FUNCTION_PREFIX):
            return next(task for task in self.machine.tasks if placeholder_of(FUNCTION_PREFIX, task) == name)
        return _TEXTS[name]


class Calls:
    """Answers what the workflow asks for."""

    def __init__(self, runs: ImportRuns) -> None:
        self._runs = runs

    def mistakes(self, _resource: str, _arguments: Any) -> Iterator[str]:
        return iter(())

    def run(self, resource: str, arguments: Any, _task: RunningTask) -> Any:
        match resource:
            case "lambda:invoke" | "lambda:invoke.waitForTaskToken":
                answer = self._runs.step(arguments["FunctionName"], arguments["Payload"])
                return {"Payload": json.loads(json.dumps(answer))}
            case "sns:publish":
                self._runs.before("notify")
                self._runs.news.append(arguments)
                return {"MessageId": "1"}
            case _:
                self._runs.children.append(arguments)
                return {"ExecutionArn": "arn:child", "Output": self._runs.acts(arguments["Input"])}
