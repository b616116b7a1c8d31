"""What must hold after every run of any action, however it went: the promises that faults try to break.

Each function returns the sentences that say what is broken; an empty list is what a test wants to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from backup_actions.aws.documents import describe_object
from backup_actions.aws.proof import prove
from backup_actions.errors import ManifestUnreadable
from backup_actions.ledger import Status
from backup_actions.ledger.table import EXPIRES, POINT_KEY
from backup_actions.model.export_manifest import EXPORT_MANIFEST_NAME, ExportManifest
from backup_actions.model.manifest import MANIFEST_NAME, Manifest, StoredObject
from backup_actions_local.services.hosting.devices import loops_over
from backup_actions_local.states.execution import HISTORY_LIMIT
from backup_actions_testing.runs import Run

RUN_TAG = "backup-actions:run"
_MANIFESTS = (f"/{MANIFEST_NAME}", f"/{EXPORT_MANIFEST_NAME}")
_FORMATS: Mapping[str, type[Manifest | ExportManifest]] = {
    MANIFEST_NAME: Manifest,
    EXPORT_MANIFEST_NAME: ExportManifest,
}


def deleted_only_when_proven(run: Run) -> list[str]:
    """A recovery point is gone only if everything that its evidence speaks of can be proven right now."""
    gone = [arn for arn in run.arns if run.point_of(arn) is None]
    if not gone:
        return []
    results = [action["result"] for action in run.evidence()["actions"]]
    objections = [outcome.reason for outcome in (prove(run.s3, run.bucket, each) for each in results) if outcome.reason]
    return [f"{arn} is gone, but {objection}" for arn in gone for objection in objections or []]


def nothing_left_behind(run: Run) -> list[str]:
    """Nothing that a run made is left; what could not be removed was told to people as LeftBehind."""
    left = list(_left(run))
    told = any("LeftBehind" in notice["Message"] for notice in run.notices)
    children = [each for each in run.cloud.stepfunctions.executions() if each.machine.name != run.main_name]
    silently = any(execution.status == "SUCCEEDED" for execution in children)
    return left if not told or silently else []


def _left(run: Run) -> Iterator[str]:
    cloud = run.cloud
    yield from (f"job {job.name} is {job.status}" for job in cloud.jobs.jobs.values() if not job.has_ended)
    yield from (f"export {t.id} is {t.status}" for t in cloud.database_exports.tasks.values() if t.is_active)
    yield from (f"open upload of {key}" for key in run.open_uploads())
    kept = run.kept()
    yield from (arn for arn, tags in cloud.tagged() if RUN_TAG in tags and arn not in kept)
    yield from (f"a lease of {owner}" for owner in _lease_holders(run))
    yield from run.left_behind()
    stored = run.stored()
    complete = tuple(f"{key.rpartition('/')[0]}/" for key in stored if key.endswith(_MANIFESTS))
    for action in run.deployment.settings.enabled(run.deployment.actions):
        for key in stored:
            if key.startswith(f"{action.name}/") and key not in kept and not key.startswith(complete or "no manifest"):
                yield f"object {key}, of which no manifest tells"


def _lease_holders(run: Run) -> list[str]:
    """Who has a place in whatever quota."""
    table, now = run.deployment.resources["LedgerTable"], run.cloud.clock.now().timestamp()
    items = run.cloud.administrator.client("dynamodb").scan(TableName=table)["Items"]
    leases = [item for item in items if item[POINT_KEY]["S"].startswith("lease#")]
    return [item["owner"]["S"] for item in leases if int(item[EXPIRES]["N"]) >= now]


def nothing_left_on_this_machine(run: Run) -> list[str]:
    """No loop device, mount point or folder of a job is left; what a volume's host still holds goes with it."""
    if any(volume.attachment and volume.attachment.device for volume in run.cloud.store.volumes()):
        return []
    loops = [f"loop device {loop}" for loop in loops_over(run.directory)]
    folders = [f"folder {path}" for path in run.directory.glob("backup-actions-mount-*")]
    mounts = Path("/proc/self/mountinfo")
    lines = mounts.read_text(encoding="utf-8").splitlines() if mounts.exists() else ()
    return [*loops, *folders, *(f"mount {line.split()[4]}" for line in lines if str(run.directory) in line)]


def manifests_name_what_is_there(run: Run) -> list[str]:
    """Each object that a manifest of this project's formats names is there, with its size and its checksum."""
    sentences = []
    for key in run.stored():
        folder, _, name = key.rpartition("/")
        for told in _objects_of(name, run.read(key)) if name in _FORMATS else ():
            found = describe_object(run.s3, run.bucket, f"{folder}/{told.name}")
            if found is None:
                sentences.append(f"{key} names {told.name}, which is not there")
            elif (found.size_bytes, found.crc64nvme) != (told.size_bytes, told.crc64nvme):
                sentences.append(f"{key} names {told.name} with other bytes")
    return sentences


def _objects_of(name: str, document: bytes) -> Iterator[StoredObject]:
    """None of a manifest in a format of somebody's own."""
    with suppress(ManifestUnreadable):
        manifest = _FORMATS[name].from_bytes(document)
        if isinstance(manifest, ExportManifest):
            yield from (file for table in manifest.tables for file in table.files)
        else:
            yield from (each for member in manifest.members for each in (member.object, member.index) if each)


def archived_once(run: Run) -> list[str]:
    """One execution of the main machine per recovery point, and no manifest written over another."""
    names = [execution.name for execution in run.executions(run.main_name)]
    repeated = [f"{name} ran {names.count(name)} times" for name in set(names) if names.count(name) > 1]
    written = [
        entry.resource
        for entry in run.cloud.audit.of("s3", "PutObject")
        if entry.verdict == "allowed" and entry.resource.endswith(f"/{MANIFEST_NAME}")
    ]
    return [*repeated, *(f"{key} was written twice" for key in set(written) if written.count(key) > 1)]


def executions_end(run: Run) -> list[str]:
    """Every execution has ended, with a history far from its limit."""
    executions = run.cloud.stepfunctions.executions()
    running = [f"{execution.arn} is still running" for execution in executions if not execution.has_ended]
    long = [f"{e.arn} has {len(e.history)} events" for e in executions if len(e.history) > HISTORY_LIMIT // 2]
    odd = [f"{e.arn}: {e.cause}" for e in executions if e.error in {"States.Runtime", "States.QueryEvaluationError"}]
    return [*running, *long, *odd]


def failures_are_told(run: Run) -> list[str]:
    """A run that did not do what it should keeps the backup and says so; what never began is a dead letter."""
    sentences: list[str] = []
    for arn in run.arns:
        runs = [execution for execution in run.executions(run.main_name) if arn in str(execution.input)]
        if not runs:
            sentences += [] if any(arn in letter["Body"] for letter in run.dead_letters) else [f"{arn} was forgotten"]
        for execution in runs:
            sentences += _untold(run, arn, execution.status)
    return sentences


def _untold(run: Run, arn: str, status: str) -> Iterator[str]:
    told = [notice for notice in run.notices if arn in notice["Message"] or run.main.name in notice["Message"]]
    point = run.point_of(arn)
    if not told and not _is_faulty(run, "sns", "Publish"):
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
    entries = [entry for entry in run.ledger(arn) if entry.item == "point"]
    recorded = entries and entries[0].status in {Status.FAILED, Status.DELETED, Status.GONE}
    unrecorded_and_told = any("could not be recorded" in notice["Message"] for notice in told)
    if status == "FAILED" and not recorded and not unrecorded_and_told:
        yield f"the ledger says {entries[0].status if entries else 'nothing'} of a run that is {status}"


def _tells_of_deletion(message: str) -> bool:
    told = ("was verified and deleted", "deletion of the verified backup was asked for", "The backup is gone")
    return any(words in message for words in told)


def no_secrets_shown(run: Run) -> list[str]:
    """No secret key or session token is in a history, the audit, a log, a message or a stored document."""
    shown = [str(event) for execution in run.cloud.stepfunctions.executions() for event in execution.history]
    shown += [str(entry) for entry in run.cloud.audit.entries]
    shown += [str(event) for event in run.cloud.events.seen]
    shown += [str(notice) for notice in run.notices] + [str(letter) for letter in run.dead_letters]
    shown += [path.read_text(errors="replace") for path in (run.directory / "logs").glob("*")]
    everything = "\n".join(shown)
    secrets = dict(run.cloud.roles.secrets())
    return [f"a secret of {caller.role} is shown" for secret, caller in secrets.items() if secret in everything]


def _is_faulty(run: Run, service: str, operation: str) -> bool:
    return any(entry.injected or entry.verdict == "refused" for entry in run.cloud.audit.of(service, operation))


Invariant = Callable[[Run], list[str]]

INVARIANTS: tuple[Invariant, ...] = (
    deleted_only_when_proven,
    manifests_name_what_is_there,
    nothing_left_behind,
    nothing_left_on_this_machine,
    archived_once,
    executions_end,
    failures_are_told,
    no_secrets_shown,
)


def broken(run: Run) -> list[str]:
    """Everything that does not hold after this run."""
    return [f"{invariant.__name__}: {sentence}" for invariant in INVARIANTS for sentence in invariant(run)]
