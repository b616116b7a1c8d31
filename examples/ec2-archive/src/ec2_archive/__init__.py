"""A backup of an EC2 instance is an AMI: its disks and its description go to S3 and are verified."""

from __future__ import annotations

from pathlib import Path

from backup_actions.contract import Action, Job, Task

from ec2_archive.permissions import PERMISSIONS
from ec2_archive.settings import Ec2ArchiveSettings

ACTION = Action(
    name="ec2-archive",
    title="Archive the disks and the description of an AMI to S3",
    handles=("EC2",),
    restorable=False,  # the image can be registered again; the type, network and profile of its instance are not kept
    folder=Path(__file__).parent,
    settings=Ec2ArchiveSettings,
    permissions=PERMISSIONS,
    tasks={
        "report": Task(
            code="ec2_archive.tasks:report",
            doc="Reads manifest and verification back and says what was archived and whether it is verified.",
        ),
        "discard": Task(
            code="ec2_archive.tasks:discard",
            doc="Aborts the run's open uploads and removes its objects, all but those that the manifest names.",
            timeout_seconds=300,
        ),
    },
    jobs={
        "archive": Job(
            code="ec2_archive.job:archive_image",
            doc="Reads each snapshot of the AMI through the EBS direct APIs and streams its image to S3.",
        ),
        "verify": Job(
            code="ec2_archive.job:verify_image",
            doc="Reads everything back from S3 with rights to read it and to write evidence, nothing else.",
        ),
    },
)
