"""What an action says about itself: plain data, which two readers interpret (CDK and the embedded AWS)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backup_actions.contract.exchange import Inbox, Key, Topic
from backup_actions.contract.permissions import Permissions
from backup_actions.contract.settings import Settings
from backup_actions.contract.workflow import Workflow

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A short step, run as a Lambda function under a role of its own.

    ``code`` is ``module:function``; the function takes ``(world: World, event: dict)`` and returns JSON.
    It is named and not imported, so that reading a description stays light.
    """

    code: str
    doc: str
    timeout_seconds: int = 60
    memory_mib: int = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A long step, run as a Batch job on EC2 Spot under a role of its own.

    ``code`` is ``module:function``; the function takes ``(world: World, event: dict)``. Its result is what it stores:
    a Batch job hands nothing back but its exit code.
    """

    code: str
    doc: str
    vcpus: int = 2
    memory_mib: int = 2048
    attempts: int = 3
    """Batch allows 1 to 10; what is tried again says the job definition's ``evaluateOnExit``."""
    attempt_timeout_seconds: int = 24 * 3600
    image: str = ""
    """An image of its own (placeholders in it are filled), with this program, the action's package and what that needs.

    Empty: the deployment's, in which the packages of installed actions are, without what those need in turn.
    """
    mounts_devices: bool = False
    """Whether the container sees the host's /dev and /sys and may mount: for volumes that are attached later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRole:
    """A role that an AWS service takes on to work for a run: an export service that writes to the bucket, for instance.

    ``on_behalf_of`` are ARN patterns (with placeholders) of the resources for which the service may take it on; without
    them anybody who knows the role's name could have the service use it. Empty only for a service that states no source
    and to which a role must be passed (iam:PassRole).
    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """

    service: str
    doc: str
    on_behalf_of: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """An event that ends a wait of the workflow early; without it the wait ends when its time is over."""

    state: str
    """A Task with a token, whose function puts the token and the key that it waits for into the ledger."""
    pattern: Mapping[str, Any]
    """EventBridge's, with a source, a detail-type and a detail."""
    key: str
    """Where the event names what is waited for: ``$.detail.SourceArn``, for instance."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A state machine with everything that its steps need. ``folder`` holds its ``workflow.asl.yaml``."""

    name: str
    title: str
    folder: Path
    permissions: Permissions
    settings: type[Settings] = Settings
    tasks: Mapping[str, Task] = field(default_factory=dict)
    jobs: Mapping[str, Job] = field(default_factory=dict)
    service_roles: Mapping[str, ServiceRole] = field(default_factory=dict)
    keys: Mapping[str, Key] = field(default_factory=dict)
    topics: Mapping[str, Topic] = field(default_factory=dict)
    inboxes: Mapping[str, Inbox] = field(default_factory=dict)
    scheduled: tuple[Function, ...] = ()
    """Functions that a schedule calls."""
    awaits: tuple[Awaited, ...] = ()
    """The events that its waits need not last beyond."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r}: a name is lower-case words joined by single hyphens")
        permitted = self.permissions
        self._refuse_others("tasks", self.tasks, permitted.tasks)
        self._refuse_others("jobs", self.jobs, permitted.jobs)
        self._refuse_others("service_roles", self.service_roles, permitted.services)
        steps = permitted.roles().keys()
        for name, key in self.keys.items():
            if missing := set(key.users) - steps:
                raise ValueError(
                    f"{self.name}: the key {name} is used by {', '.join(sorted(missing))}, which is no step"
                )

    def _refuse_others(self, kind: str, described: Collection[str], permitted: Collection[str]) -> None:
        """Each has permissions of its own, and nothing else has. Raises ValueError."""
        section = "services" if kind == "service_roles" else kind
        if lacking := sorted(set(described) - set(permitted)):
            raise ValueError(f"{self.name}: {kind} has {', '.join(lacking)}, permissions.{section} has not")
        if unknown := sorted(set(permitted) - set(described)):
            raise ValueError(f"{self.name}: permissions.{section} has {', '.join(unknown)}, {kind} has not")

    @property
    def functions(self) -> tuple[Function, ...]:
        """The functions of its own that no workflow calls."""
        return (*(inbox.function for inbox in self.inboxes.values()), *self.scheduled)

    @property
    def workflow(self) -> Workflow:
        """The machine's text."""
        return Workflow(self.folder / "workflow.asl.yaml")


@dataclass(frozen=True, kw_only=True)
class Action(Machine):
    """One thing that can be done to a recovery point.

    ``handles`` are AWS Backup's resource types. ``restorable`` says whether what it produces can bring the resource
    back: only then may the backup be deleted after it (a Parquet export, for instance, cannot). ``queryable`` says
    whether an ``export.json`` tells of tables there, which Athena can then be asked about. ``opt_in`` says that it does
    nothing unless the settings name it: for what has no sensible defaults. ``missing_in`` are the regions that lack
    what it needs, each with the reason: settings that use it there are refused.

    ``restore_test`` says that the machine can also restore, into something temporary of its own, what it made long ago:
    when its input has ``restoreTest``, beside ``recoveryPoint``, ``prefix`` and ``evidencePrefix`` of the run that made
    it. It then restores, compares, removes on every path what it made for that, stores a document at
    ``restoreTest.documentKey`` (below ``proofs/``, ending in ``-restored.json``) with ``manifest_sha256``, ``problems``
    of the archive as sentences and ``restored`` in figures, and answers with ``documentKey`` and ``usage``; or with
    ``notRestored``, the reason, where this one cannot be tested so. It fails where nothing was found out.
    """

    handles: tuple[str, ...]
    restorable: bool
    queryable: bool = False
    opt_in: bool = False
    restore_test: bool = False
    missing_in: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function that no state machine calls but an event or a schedule: the intake, for instance."""

    name: str
    title: str
    code: str
    permissions: Permissions
    """Only ``tasks["function"]`` is used: the one role."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variable → text with placeholders. No workflow passes these values in, because none calls the function.

    ``${SettingsJson}`` are the settings of the machine that the function belongs to.
    """
    schedule: str = ""
    """``rate(1 day)`` or ``cron(…)``, as EventBridge has it; empty: no schedule calls it."""
    timeout_seconds: int = 60
    memory_mib: int = 256
