"""What must hold after every run, however it went: the promises that faults try to break.

Each function returns the sentences that say what is broken; an empty list is what a test wants to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.flow.flow import ACTION, MAIN, VAULT, Flow

from backup_actions.archive import S3Store, verify
from backup_actions.ledger import Status
from backup_actions.model.manifest import MANIFEST_NAME, Manifest
from backup_actions_local.services.hosting.devices import loops_over
from backup_actions_local.states.execution import HISTORY_LIMIT

Invariant = Callable[[Flow], list[str]]


def broken(flow: Flow) -> list[str]:
    """Everything that does not hold after this run."""
    return [f"{invariant.__name__}: {sentence}" for invariant in INVARIANTS for sentence in invariant(flow)]


def deleted_only_with_a_verified_archive(flow: Flow) -> list[str]:
    """A recovery point is gone only if an independent verification of its archive succeeds right now."""
    gone = [arn for arn in flow.arns if flow.cloud.vaults.point(VAULT, arn) is None]
    archived = " ".join(archive.prefix for archive in flow.archives())
    lost = [arn for arn in gone if arn.rpartition("/")[2] not in archived]
    return [f"{arn} is gone and has no archive" for arn in lost]


def complete_archives_verify(flow: Flow) -> list[str]:
    """Where there is a manifest, every object that it names is there, whole and as it says."""
    reports = [verify(archive) for archive in flow.archives()]
    return [
        f"{report.location}: {problem.object}: {problem.reason}" for report in reports for problem in report.problems
    ]


def nothing_left_behind(flow: Flow) -> list[str]:
    """Nothing that a run made is left; what could not be removed was told to people as LeftBehind."""
    left = list(_left(flow))
    told = any("LeftBehind" in notice["Message"] for notice in flow.notices)
    return [] if told and not _unremovable_everywhere(flow) else left


def nothing_left_on_this_machine(flow: Flow) -> list[str]:
    """No loop device, mount point or temporary folder of a job is left."""
    loops = [f"loop device {loop}" for loop in loops_over(flow.directory)]
    folders = [f"folder {path}" for path in flow.directory.glob("backup-actions-mount-*")]
    mounts = [
        f"mount {line.split()[4]}"
        for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
        if str(flow.directory) in line
    ]
    attached = [
        f"{volume.id} at {volume.attachment.instance_id}"
        for volume in flow.cloud.store.volumes()
        if volume.attachment is not None and volume.attachment.device is not None
    ]
    return [*(loops if not attached else []), *folders, *mounts]


def archived_once(flow: Flow) -> list[str]:
    """One execution of the main machine per recovery point, and no manifest written over another."""
    names = [execution.name for execution in flow.executions(MAIN)]
    repeated = [f"{name} ran {names.count(name)} times" for name in set(names) if names.count(name) > 1]
    written = [
        entry.resource
        for entry in flow.cloud.audit.of("s3", "PutObject")
        if entry.verdict == "allowed" and entry.resource.endswith("/manifest.json")
    ]
    return [*repeated, *(f"{key} was written twice" for key in set(written) if written.count(key) > 1)]


def executions_end(flow: Flow) -> list[str]:
    """Every execution has ended, with a history far from its limit."""
    executions = flow.cloud.stepfunctions.executions()
    running = [f"{execution.arn} is still running" for execution in executions if not execution.has_ended]
    long = [f"{e.arn} has {len(e.history)} events" for e in executions if len(e.history) > HISTORY_LIMIT // 2]
    odd = [f"{e.arn}: {e.cause}" for e in executions if e.error in {"States.Runtime", "States.QueryEvaluationError"}]
    return [*running, *long, *odd]


def failures_are_told(flow: Flow) -> list[str]:
    """A run that did not do what it should keeps the backup and says so; what never began is a dead letter."""
    sentences = []
    for arn in flow.arns:
        runs = [execution for execution in flow.executions(MAIN) if arn in str(execution.input)]
        if not runs:
            sentences += [] if any(arn in letter["Body"] for letter in flow.dead_letters) else [f"{arn} was forgotten"]
        for execution in runs:
            sentences += _untold(flow, arn, execution.status)
    return sentences


def _untold(flow: Flow, arn: str, status: str) -> Iterator[str]:
    told = [notice for notice in flow.notices if arn in notice["Message"] or flow.main.name in notice["Message"]]
    point = flow.cloud.vaults.point(VAULT, arn)
    if not told and not _is_faulty(flow, "sns", "Publish"):
        yield f"nobody was told about {arn}"
    if status == "SUCCEEDED":
        return
    good_news = [notice for notice in told if str(notice.get("Subject", "")).startswith("Archived")]
    if good_news:
        yield f"good news of a run that is {status}"
    if told and point is None and not any(_tells_of_deletion(notice["Message"]) for notice in told):
        yield f"{arn} is gone after a run that is {status}, and nobody was told"
    if point is not None and point.status not in {"COMPLETED", "EXPIRED"}:
        yield f"{arn} is {point.status} after a run that is {status}"
    entries = [entry for entry in flow.ledger(arn) if entry.item == "point"]
    recorded = entries and entries[0].status in {Status.FAILED, Status.DELETED}
    unrecorded_and_told = any("could not be recorded" in notice["Message"] for notice in told)
    if status == "FAILED" and not recorded and not unrecorded_and_told:
        yield f"the ledger says {entries[0].status if entries else 'nothing'} of a run that is {status}"


def _tells_of_deletion(message: str) -> bool:
    return "was verified and deleted" in message or "deletion of the verified backup was asked for" in message


def no_secrets_shown(flow: Flow) -> list[str]:
    """No secret key or session token is in a history, the audit, a log, a message or a stored document."""
    shown = [str(event) for execution in flow.cloud.stepfunctions.executions() for event in execution.history]
    shown += [str(entry) for entry in flow.cloud.audit.entries]
    shown += [str(event) for event in flow.cloud.events.seen]
    shown += [str(notice) for notice in flow.notices] + [str(letter) for letter in flow.dead_letters]
    shown += [path.read_text(errors="replace") for path in (flow.directory / "logs").glob("*")]
    everything = "\n".join(shown)
    issued = flow.cloud.roles._issued.values()
    secrets = {secret: c.caller for c in issued for secret in (c.secret_access_key, c.session_token)}
    return [f"a secret of {caller.role} is shown" for secret, caller in secrets.items() if secret in everything]


def _left(flow: Flow) -> Iterator[str]:
    cloud = flow.cloud
    for volume in cloud.store.volumes():
        if "backup-actions:run" in volume.tags and volume.gone_at is None:
            yield f"volume {volume.id}"
    yield from (f"job {job.name} is {job.status}" for job in cloud.jobs.jobs.values() if not job.has_ended)
    yield from (f"open upload of {key}" for key in flow.open_uploads())
    named = {key for archive in flow.archives() for key in _named(archive)}
    for key in flow.stored():
        if key.startswith("ebs-archive/") and key not in named:
            yield f"object {key} that no manifest names"


def _named(archive: S3Store) -> Iterator[str]:
    """The keys of a manifest and of what it names."""
    yield f"{archive.prefix}/{MANIFEST_NAME}"
    for member in Manifest.from_bytes(archive.read(MANIFEST_NAME)).members:
        yield from (f"{archive.prefix}/{stored.name}" for stored in (member.object, member.index) if stored)


def _unremovable_everywhere(flow: Flow) -> bool:
    """Whether the archiving machine claims success while something is left."""
    return any(execution.status == "SUCCEEDED" for execution in flow.executions(ACTION))


def _is_faulty(flow: Flow, service: str, operation: str) -> bool:
    return any(entry.injected or entry.verdict == "refused" for entry in flow.cloud.audit.of(service, operation))


INVARIANTS: tuple[Invariant, ...] = (
    deleted_only_with_a_verified_archive,
    complete_archives_verify,
    nothing_left_behind,
    nothing_left_on_this_machine,
    archived_once,
    executions_end,
    failures_are_told,
    no_secrets_shown,
)
