"""One deployment on an embedded AWS of its own, and what a test wants to know of a run."""

from __future__ import annotations

import hashlib
import itertools
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol, Self

from backup_actions.archive import S3Store
from backup_actions.contract import Action
from backup_actions.plugins import installed_action
from backup_actions.settings import from_mapping
from backup_actions_local.calls import Call
from backup_actions_local.cloud import Cloud, Mode
from backup_actions_local.seaweed import ObjectServer
from backup_actions_local.services.durations import Durations
from backup_actions_local.services.hosting.orders import Report
from backup_actions_local.states.execution import Event, Execution
from backup_actions_testing.runs import Run

NAME, VAULT, ZONES = "backup-actions", "backups", ("us-east-1a", "us-east-1b")
MAIN, ACTION = f"{NAME}-recovery-point", f"{NAME}-ebs-archive"
_LOOKS_AT_PARTS = 1_000
_numbers = itertools.count(1)


@cache
def _installed(action: str) -> Action:
    return installed_action(action)


OnReport = Callable[[str, Report], None]


@dataclass(frozen=True)
class Plan:
    """Something that happens once, when an execution enters a state."""

    machine: str
    state: str
    happens: Callable[[], object]

    def is_due(self, execution: Execution, event: Event) -> bool:
        """Whether this is the moment."""
        entered = event.type.endswith("StateEntered") and event.state == self.state
        return entered and execution.machine.name == self.machine


@dataclass
class LostHost:
    """Asked at every matching call, whether it is to fail: it never is, but the host may be lost under it."""

    cloud: Cloud
    job: str
    number: int
    attempts: int | None
    warned: bool = False
    times: int = 0
    _seen: Counter[str] = field(default_factory=Counter)

    def __call__(self, call: Call) -> bool:
        """Count the calls of each attempt; the session's name is the job's id and the attempt's number."""
        job_id, _, attempt = call.caller.session.rpartition("-")
        self._seen[call.caller.session] += 1
        doom = self.cloud.jobs.jobs[job_id].doom
        is_its_turn = self._seen[call.caller.session] >= self.number and int(attempt) <= (self.attempts or 99)
        must_wait = self.warned and "PartNumber" in call.params
        if is_its_turn and not doom.reason and (not must_wait or self._comes_behind_the_first(call)):
            self.times += 1
            (doom.warn_host if self.warned else doom.lose_host)(f"i-of-attempt-{attempt}")
        return False

    def _comes_behind_the_first(self, call: Call) -> bool:
        """Whether S3 has the first part, without which there is nothing to go on from: the others wait for it here."""
        upload = {name: call.params[name] for name in ("Bucket", "Key", "UploadId")}
        s3 = self.cloud.administrator.client("s3")
        for _ in range(_LOOKS_AT_PARTS if call.params["PartNumber"] > 1 else 0):
            if any(part["PartNumber"] == 1 for part in s3.list_parts(**upload).get("Parts", [])):
                return True
        return False


class NewFlow(Protocol):
    """See ``Flow.begun`` for the choices."""

    def __call__(self, **choices: Any) -> Flow:
        """The world before which there was none; an earlier one of the same test has ended."""
        ...


@dataclass
class Flow(Run):
    """A world with one deployment. Ask it after ``back_up`` or ``wait``: then nothing moves any more."""

    disk: Path
    plans: list[Plan]

    @classmethod
    @contextmanager
    def begun(
        cls,
        directory: Path,
        disk: Path,
        objects: ObjectServer,
        *,
        policy: str = "delete",
        mode: Mode = "inline",
        deletion: Mapping[str, object] | None = None,
        archive: Mapping[str, object] | None = None,
        action: str = "ebs-archive",
        athena: bool = False,
        success: str = "each",
        proving: Mapping[str, object] | None = None,
        durations: Durations | None = None,
        on_report: OnReport = lambda _name, _report: None,
    ) -> Iterator[Self]:
        """A deployment of one action under this deletion policy; ``archive`` are the action's settings.

        ``athena`` makes exports tables of Glue; ``success`` is how successes are told; ``proving`` is how
        archives are proven again.
        """
        actions = [_installed(action)]
        settings = from_mapping(
            {
                "account": "111122223333",
                "region": "us-east-1",
                "zones": list(ZONES),
                "vaults": [VAULT],
                "deletion": {"policy": policy, **(deletion or {})},
                "notifications": {"success": success},
                "athena": {"enabled": athena},
                "proving": dict(proving or {}),
                "actions": {action: dict(archive or {})},
            },
            actions,
        )
        number = next(_numbers)
        folder = directory / f"world-{number}"
        plans: list[Plan] = []

        def heard(execution: Execution, event: Event) -> None:
            for plan in [plan for plan in plans if plan.is_due(execution, event)]:
                plans.remove(plan)
                plan.happens()

        with Cloud(folder, objects, mode=mode, durations=durations, on_event=heard, on_report=on_report) as cloud:
            deployment = cloud.deploy(settings, actions, bucket=f"archive-{number}")
            flow = cls(cloud, deployment, folder, objects, disk, plans)
            elsewhere, tempfile.tempdir = tempfile.tempdir, str(folder)  # where mount points would be left behind
            try:
                yield flow
            finally:
                tempfile.tempdir = elsewhere
                flow.remove_bucket()

    # ------------------------------------------------------------------------------------------------------- happening

    def volume(
        self, *, tags: Mapping[str, str] | None = None, kms_key_id: str = "", product_codes: tuple[str, ...] = ()
    ) -> str:
        """A volume of a customer's, with the tiny disk in it."""
        return self.cloud.store.make_volume(
            self.disk, zone=ZONES[0], tags=tags or {}, kms_key_id=kms_key_id, product_codes=product_codes
        )

    def back_up(
        self, volume: str | None = None, *, tags: Mapping[str, str] | None = None, kms_key_id: str = ""
    ) -> None:
        """AWS Backup makes a backup of the volume, and everything that follows has come to an end."""
        self.back_up_together(volume or self.volume(tags=tags, kms_key_id=kms_key_id))

    def back_up_together(self, *volumes: str) -> None:
        """The same of several volumes, whose backups are begun at one moment."""
        backup, role = self.cloud.administrator.client("backup"), self.cloud.place.role_arn("backup")
        with self.cloud.clock.actor():
            for volume in volumes:
                arn = self.cloud.place.arn("ec2", f"volume/{volume}")
                backup.start_backup_job(BackupVaultName=VAULT, ResourceArn=arn, IamRoleArn=role)
        self.wait()

    def when(self, machine: str, state: str, happens: Callable[[], object]) -> None:
        """Let something happen once, at the moment when an execution of the machine enters the state."""
        self.plans.append(Plan(machine, state, happens))

    def stop_when(self, machine: str, state: str, *, stopped: str = "") -> None:
        """Let somebody stop the execution (of another machine, if one is named) when it enters the state."""
        self.when(machine, state, lambda: self.executions(stopped or machine)[0].stop("Tester", "stopped by hand"))

    def where_it_begins(self, machine: str, happens: Callable[[str], object]) -> None:
        """Let something happen to the zone that the machine's first run will try first."""
        self.when(machine, "OrderZones", lambda: happens(self.zones(machine)[0]))

    def lose_when(self, machine: str, state: str, name: str) -> None:
        """Let the stored objects whose keys end like this be gone when an execution of the machine enters the state."""

        def vanish() -> None:
            for key in self.stored():
                if key.endswith(name):
                    self.s3.delete_object(Bucket=self.bucket, Key=key)

        self.when(machine, state, vanish)

    def lose_host(
        self,
        service: str,
        operation: str,
        *,
        job: str = "archive",
        number: int = 1,
        attempts: int | None = 1,
        warned: bool = False,
    ) -> LostHost:
        """Lose the job's host during that call of its: the call is carried out, and nothing after it.

        It happens to the first so many attempts; None is all of them. A job that is warned gets SIGTERM before.
        """
        lost = LostHost(self.cloud, job, number, attempts, warned)
        self.cloud.faults.on(service, operation, role=f"{ACTION}-job-{job}", when=lost).always()
        return lost

    def change_machine(self, machine: str, **changes: object) -> None:
        """Register the machine anew with other top-level fields, such as a timeout."""
        for deployed in self.deployment.machines:
            if self.deployment.name_of(deployed.machine) == machine:
                definition = {**self.deployment.definition_of(deployed), **changes}
                role = self.deployment.role_of(deployed.machine, "workflow")
                self.cloud.stepfunctions.register(machine, definition, role)

    def take_away(self, role: str, action: str, statement: int) -> None:
        """Remove one action from one of the role's statements."""
        statements = list(dict(self.deployment.roles())[role])
        left = tuple(name for name in statements[statement].actions if name != action)
        if left:
            statements[statement] = replace(statements[statement], actions=left)
        else:
            del statements[statement]
        self.cloud.roles.add(role, statements)

    # ------------------------------------------------------------------------------------------------------ what became

    @property
    def child(self) -> Execution:
        """The first execution of the archiving machine; later ones clean up after it."""
        return self.executions(ACTION)[0]

    def zones(self, machine: str = ACTION) -> list[str]:
        """The zones in the order in which the machine's first run goes through them."""
        run = self.executions(machine)[0].name
        return sorted(ZONES, key=lambda zone: hashlib.sha256(f"{run}{zone}".encode()).hexdigest())

    def states(self, machine: str) -> list[str]:
        """The states that the machine's first execution entered."""
        history = self.executions(machine)[0].history
        return [str(event.state) for event in history if event.type.endswith("StateEntered")]

    def archives(self) -> list[S3Store]:
        """Every archive that looks complete."""
        prefixes = [key.removesuffix("/manifest.json") for key in self.stored() if key.endswith("/manifest.json")]
        return [S3Store(client=self.s3, bucket=self.bucket, prefix=prefix) for prefix in prefixes]
