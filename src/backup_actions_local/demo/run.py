"""The demo's run: disks are made, backed up, and from then on the deployed workflows do what they do."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions.plugins import installed
from backup_actions.settings import from_mapping
from backup_actions_local.clock import SimulatedClock
from backup_actions_local.cloud import Cloud
from backup_actions_local.demo.live import Screen, Watch
from backup_actions_local.demo.outcome import Check, DiskOutcome, outcome_of, promises
from backup_actions_local.demo.report import write_report
from backup_actions_local.demo.restoring import restore_checks
from backup_actions_local.demo.volumes import MIB, DemoDisk, make_disks
from backup_actions_local.deployment import Deployment
from backup_actions_local.seaweed import object_server
from backup_actions_local.services.hosting.devices import loops_over
from backup_actions_local.services.place import Place

BUCKET = "backup-actions-archive"
_SMALL_FILES = 3000
_UNLUCKY_AFTER_BYTES = 24 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """Everything that is shown at the end."""

    outcomes: Mapping[str, DiskOutcome]
    checks: list[Check]
    report: Path
    calls: int
    refused: int
    notifications: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything was true."""
        return all(check.holds for check in self.checks)


def can_mount() -> bool:
    """Whether file systems can be mounted here; otherwise they are archived raw."""
    return os.geteuid() == 0 and Path("/dev/loop-control").exists() and shutil.which("losetup") is not None


def run_demo(folder: Path, report: Path, screen: Screen, talk: Callable[[str], None], port: int | None) -> DemoResult:
    """Run the whole story in the folder; nothing runs, is mounted or attached any more when this returns or raises."""
    if not can_mount():
        talk("not root on Linux with loop devices: nothing is mounted here, every file system takes the raw route")
    names: dict[str, str] = {}
    watch = Watch(screen, names)
    place = Place()
    talk("starting the embedded AWS on 127.0.0.1")
    with (
        object_server(folder / "objects") as objects,
        Cloud(
            folder,
            objects,
            clock=SimulatedClock(flows=True),
            place=place,
            port=port,
            on_event=watch.execution,
            on_report=watch.job,
        ) as cloud,
    ):
        settings = from_mapping(
            {
                "account": place.account,
                "region": place.region,
                "zones": list(place.zones),
                "vaults": ["backups"],
                "deletion": {"policy": "delete"},
            },
            installed().actions,
        )
        deployment = cloud.deploy(settings, installed().actions, bucket=BUCKET)
        talk(f"the embedded AWS answers on {cloud.front.url}; making four disks")
        disks = {disk.name: disk for disk in make_disks(folder / "disks", files=_SMALL_FILES)}
        talk("backing them up")
        points = _back_up(cloud, disks, names)
        cloud.clock.wait_for_rest()
        talk("restoring from the archives and comparing")
        result = _conclude(cloud, deployment, disks, points, folder, report)
    left = [str(loop) for loop in loops_over(folder)] + [f"process {child}" for child in _children()]
    result.checks.append(
        Check(sentence="nothing is left running, mounted or attached", holds=not left, detail=", ".join(left))
    )
    return result


def _children() -> list[str]:
    """Processes that this one has started and that still run; none where the system does not tell."""
    return [child for task in Path("/proc/self/task").glob("*/children") for child in task.read_text().split()]


def _back_up(cloud: Cloud, disks: Mapping[str, DemoDisk], names: dict[str, str]) -> dict[str, RecoveryPoint]:
    """Start an AWS Backup job for each disk; return the recovery points once they exist."""
    backup = cloud.administrator.client("backup")
    with cloud.clock.actor():  # time stands still while this thread prepares
        jobs = {}
        for disk in disks.values():
            volume = cloud.store.make_volume(disk.image, zone=cloud.place.zones[0], tags={"Name": disk.name})
            names[volume] = disk.name
            jobs[disk.name] = backup.start_backup_job(
                BackupVaultName="backups",
                ResourceArn=cloud.place.arn("ec2", f"volume/{volume}"),
                IamRoleArn=cloud.place.role_arn("backup"),
            )["BackupJobId"]
        points: dict[str, RecoveryPoint] = {}
        while len(points) < len(jobs):
            cloud.clock.sleep(1)
            for name, job_id in jobs.items():
                job = backup.describe_backup_job(BackupJobId=job_id)
                if job["State"] == "COMPLETED" and name not in points:
                    arns = Arn.parse(job["RecoveryPointArn"]), Arn.parse(job["ResourceArn"])
                    points[name] = RecoveryPoint(arns[0], "backups", arns[1], "EBS")
        cloud.mishaps.kill_job(
            f"{points['unlucky'].execution_name}_archive", after_bytes=_UNLUCKY_AFTER_BYTES, attempts=None
        )
    return points


def _conclude(
    cloud: Cloud,
    deployment: Deployment,
    disks: Mapping[str, DemoDisk],
    points: Mapping[str, RecoveryPoint],
    folder: Path,
    report: Path,
) -> DemoResult:
    s3 = cloud.administrator.client("s3")
    main = deployment.machines[0].machine
    runs = {e.name: e for e in cloud.stepfunctions.executions() if e.machine.name == deployment.name_of(main)}
    outcomes = {
        name: outcome_of(disks[name], point, runs[point.execution_name], s3, BUCKET) for name, point in points.items()
    }
    notifications = _notifications(cloud, deployment)
    checks = promises(outcomes)
    checks += _left_behind(cloud, s3)
    checks.append(
        Check(
            sentence="people were told of the failure, and what was kept",
            holds=any("unlucky" not in text and "kept" in text for text in notifications),
        )
    )
    refused = cloud.audit.refused()
    checks.append(
        Check(
            sentence=f"every role kept to its permissions ({len(cloud.audit.entries)} calls audited)",
            holds=not refused,
            detail=", ".join(sorted({f"{entry.service}:{entry.operation}" for entry in refused})),
        )
    )
    checks += restore_checks(disks, outcomes, s3, folder / "restored")
    write_report(report, cloud, outcomes, checks, notifications)
    return DemoResult(
        outcomes=outcomes,
        checks=checks,
        report=report,
        calls=len(cloud.audit.entries),
        refused=len(refused),
        notifications=notifications,
    )


def _left_behind(cloud: Cloud, s3: Any) -> list[Check]:
    made = [
        volume.id for volume in cloud.store.volumes() if "backup-actions:run" in (cloud.store.tagged(volume.id) or {})
    ]
    uploads = s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    return [
        Check(sentence="every volume that a workflow made is gone", holds=not made, detail=", ".join(made)),
        Check(sentence="no multipart upload is open", holds=not uploads),
    ]


def _notifications(cloud: Cloud, deployment: Deployment) -> tuple[str, ...]:
    sqs = cloud.administrator.client("sqs")
    texts: list[str] = []
    while True:
        answer = sqs.receive_message(QueueUrl=deployment.resources["InboxUrl"], MaxNumberOfMessages=10)
        if not answer.get("Messages"):
            return tuple(texts)
        for message in answer["Messages"]:
            body = json.loads(message["Body"])
            texts.append(f"{body.get('Subject', '')}\n{body['Message']}")
            sqs.delete_message(QueueUrl=deployment.resources["InboxUrl"], ReceiptHandle=message["ReceiptHandle"])
