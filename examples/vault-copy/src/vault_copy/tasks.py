"""The short steps: keep what AWS Backup says of the copy, and ask again under another role before it counts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from backup_actions.aws import World, translated
from backup_actions.aws.documents import describe_object, read_object, stand_once, write_document
from backup_actions.errors import AwsCallFailed, NotVerified
from backup_actions.model.arn import Arn
from backup_actions.model.report import ActionReport

from vault_copy.places import MANIFEST_NAME, verification_key

Event = Mapping[str, Any]


def record(world: World, event: Event) -> Mapping[str, Any]:
    """What AWS Backup says of the copy stands below the prefix: artifact and manifest in one."""
    manifest = {"recovery_point": event["recoveryPoint"], "copy": _described(world, event["copyJobId"])}
    content = json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n"
    stand_once(world.clients.s3, event["bucket"], f"{event['prefix']}/{MANIFEST_NAME}", content)
    return {"stored": True}


def check(world: World, event: Event) -> Mapping[str, Any]:
    """Whether what is stored is true at this moment; the verification stands in the evidence. Raises NotVerified."""
    s3, bucket = world.clients.s3, event["bucket"]
    manifest_key = f"{event['prefix']}/{MANIFEST_NAME}"
    stored, artifact = read_object(s3, bucket, manifest_key), describe_object(s3, bucket, manifest_key)
    if stored is None or artifact is None:
        raise NotVerified(reason=f"there is no {manifest_key}")
    copy = json.loads(stored)["copy"]
    problems = list(_problems(world, event, copy))
    digest = hashlib.sha256(stored).hexdigest()
    verification: dict[str, Any] = {"verified": not problems, "manifest_sha256": digest, "problems": problems}
    write_document(s3, bucket, verification_key(event["evidencePrefix"]), verification)
    return ActionReport(
        verified=not problems,
        reason="; ".join(problems) or f"AWS Backup has the copy {copy['DestinationRecoveryPointArn']}",
        manifest_key=manifest_key,
        manifest_sha256=digest,
        verification_key=verification_key(event["evidencePrefix"]),
        artifacts=(artifact,),
        source_bytes=int(copy["BackupSizeInBytes"]),
        stored_bytes=artifact.size_bytes,
        summary={"copy": copy["DestinationRecoveryPointArn"]},
    ).to_json()


def _described(world: World, copy_job_id: str) -> dict[str, Any]:
    """The copy job in plain JSON."""
    with translated():
        found = world.clients.backup.describe_copy_job(CopyJobId=copy_job_id)["CopyJob"]
    job: dict[str, Any] = json.loads(json.dumps(found, default=str))
    return job


def _problems(world: World, event: Event, copy: Mapping[str, Any]) -> Iterator[str]:
    now = _described(world, copy["CopyJobId"])
    if now != copy:
        yield f"AWS Backup says something else of the copy job {copy['CopyJobId']} than was stored"
    if now.get("State") != "COMPLETED" or not now.get("DestinationRecoveryPointArn"):
        yield f"the copy job is {now.get('State')}: {now.get('StatusMessage', 'no reason given')}"
    elif now["SourceRecoveryPointArn"] != event["recoveryPoint"]["arn"]:
        yield f"it is a copy of {now['SourceRecoveryPointArn']}"
    elif now["DestinationBackupVaultArn"] != event["destinationVaultArn"]:
        yield f"it is a copy into {now['DestinationBackupVaultArn']}"
    else:
        yield from _problems_of_point(world, event, now)


def _problems_of_point(world: World, event: Event, copy: Mapping[str, Any]) -> Iterator[str]:
    """The copy itself, where this account can see it; of what lies elsewhere AWS Backup's word is all there is."""
    vault = Arn.parse(event["destinationVaultArn"])
    if (vault.account, vault.region) != (Arn.parse(copy["SourceBackupVaultArn"]).account, world.clients.region):
        return
    try:
        with translated():
            point = world.clients.backup.describe_recovery_point(
                BackupVaultName=vault.resource.partition(":")[2],
                RecoveryPointArn=copy["DestinationRecoveryPointArn"],
            )
    except AwsCallFailed as failure:
        if failure.facts["error_code"] != "ResourceNotFoundException":
            raise
        yield f"{copy['DestinationRecoveryPointArn']} is not in the vault"
        return
    if point["Status"] != "COMPLETED":
        yield f"{copy['DestinationRecoveryPointArn']} is {point['Status']}"
