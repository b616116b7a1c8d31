"""EBS archive: the files of a volume made from the snapshot, or the snapshot's own bytes, go to S3 and are verified."""

from __future__ import annotations

from pathlib import Path

from backup_actions.actions.ebs_archive.permissions import PERMISSIONS
from backup_actions.actions.ebs_archive.settings import EbsArchiveSettings
from backup_actions.contract import Action, Job, Task

ACTION = Action(
    name="ebs-archive",
    title="Archive the files of an EBS snapshot to S3",
    handles=("EBS",),
    restorable=True,
    folder=Path(__file__).parent,
    settings=EbsArchiveSettings,
    permissions=PERMISSIONS,
    tasks={
        "record": Task(
            code="backup_actions.ledger.record_tasks:record",
            doc="Writes into the ledger that the run waits, and for what, or that it goes on.",
        ),
        "report": Task(
            code="backup_actions.actions.ebs_archive.tasks:report",
            doc="Reads manifest and verification back and says what was archived and whether it is verified.",
        ),
        "discard": Task(
            code="backup_actions.actions.ebs_archive.tasks:discard",
            doc="Aborts the run's open uploads and removes its objects, unless a manifest names them.",
            timeout_seconds=300,
        ),
    },
    jobs={
        "archive": Job(
            code="backup_actions.actions.ebs_archive.job:archive_volume",
            doc="Attaches the volume, mounts its file systems read-only, streams them to S3, detaches.",
            vcpus=2,
            memory_mib=2048,
            mounts_devices=True,
        ),
        "image": Job(
            code="backup_actions.actions.ebs_archive.job:archive_snapshot",
            doc="Reads the snapshot through the EBS direct APIs, without a volume, and streams its images to S3.",
            vcpus=2,
            memory_mib=2048,
        ),
        "verify": Job(
            code="backup_actions.actions.ebs_archive.job:verify_archive",
            doc="Reads the archive back from S3 with rights to read it and to write evidence, nothing else.",
            vcpus=2,
            memory_mib=2048,
        ),
    },
)
