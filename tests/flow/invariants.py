"""What must hold after every run, however it went: the promises that faults try to break.

Each function returns the sentences that say what is broken; an empty list is what a test wants to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.flow.flow import ACTION, VAULT, Flow

from backup_actions.archive import S3Store, verify
from backup_actions.model.manifest import MANIFEST_NAME, Manifest
from backup_actions_local.services.hosting.devices import loops_over
from backup_actions_testing.invariants import archived_once, executions_end, failures_are_told, no_secrets_shown

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
