"""What the action is tried on by its tests and by ``backup-actions demo --action their-action``."""

from __future__ import annotations

import json
from collections.abc import Iterator

from backup_actions_local.cloud import Cloud
from backup_actions_local.samples import Kept, Sample


def sample(cloud: Cloud) -> Sample:
    """A recovery point of EFS that stands in the vault; the embedded AWS has no such resource itself."""
    return Sample(
        story="a recovery point of EFS, of which AWS Backup tells",
        resource_arn="arn:aws:elasticfilesystem:us-east-1:111122223333:file-system/fs-0123456789abcdef0",
        recovery_point_arn=cloud.place.arn("backup", "recovery-point:1b2c3d4e-5f60-4718-929a-abbccddeeff0"),
        resource_type="EFS",
        settings={"note": "asked for by the auditors"},
        complaints=complaints,
    )


def complaints(kept: Kept) -> Iterator[str]:
    """What is wrong with what was stored after a good run; each sentence fails the test and the demo."""
    (artifact,) = kept.report["artifacts"]
    description = json.loads(kept.read(artifact["key"]))
    if description["ResourceType"] != "EFS":
        yield f"it tells of {description['ResourceType']}"
    if description["Note"] != "asked for by the auditors":
        yield "the note was not kept"
