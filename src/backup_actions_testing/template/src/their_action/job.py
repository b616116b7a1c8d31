"""The long step: store something, and last of all the manifest that says what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from backup_actions.aws import World, translated
from backup_actions.aws.documents import describe_object, stand_once

from their_action.places import DESCRIPTION_NAME, MANIFEST_NAME


def keep(world: World, event: Mapping[str, Any]) -> None:
    """The description stands under the run's own name; the manifest comes last: where it is, all is there."""
    point, bucket, s3 = event["recoveryPoint"], event["bucket"], world.clients.s3
    with translated():
        found = world.clients.backup.describe_recovery_point(
            BackupVaultName=point["vaultName"], RecoveryPointArn=point["arn"]
        )
    told = {name: value for name, value in found.items() if name != "ResponseMetadata"}
    key = f"{event['prefix']}/{event['run']}/{DESCRIPTION_NAME}"
    description = {**told, "Note": event["settings"]["note"]}
    # What was stored first stays: another job of the run may come after, from a zone in which it waited for a host.
    stand_once(s3, bucket, key, json.dumps(description, indent=1, sort_keys=True, default=str).encode() + b"\n")
    world.progress.note(f"stored {key}")
    artifact = describe_object(s3, bucket, key)
    manifest = {"recovery_point": point, "objects": [asdict(artifact)] if artifact else []}
    content = json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n"
    stand_once(s3, bucket, f"{event['prefix']}/{MANIFEST_NAME}", content)
