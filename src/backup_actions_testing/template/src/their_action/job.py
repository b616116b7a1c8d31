"""The long step: store something, and last of all the manifest that says what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from backup_actions.aws import World, translated
from backup_actions.aws.documents import describe_object, stand_once, write_document

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
    description = json.loads(json.dumps({**told, "Note": event["settings"]["note"]}, default=str))
    write_document(s3, bucket, key, description)
    world.progress.note(f"stored {key}")
    artifact = describe_object(s3, bucket, key)
    manifest = {"recovery_point": point, "objects": [asdict(artifact)] if artifact else []}
    content = json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n"
    stand_once(s3, bucket, f"{event['prefix']}/{MANIFEST_NAME}", content)
