"""The removal of copies that came to nothing: a round of it. What was verified is not touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup_actions.aws import World
from backup_actions.model.arn import Arn
from backup_actions.model.offsite import Announcement
from backup_actions.offsite.comparing import tags_of_copy
from backup_actions.offsite.imports import Imports, Stage
from backup_actions.offsite.kinds import snapshots_like
from backup_actions.offsite.naming import copy_name


def clean(world: World, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ask for the removal of every copy but the verified one; ``pending`` are those that are still there.

    ``concerned`` says whether the import is still this run's: another attempt cleans up for itself.
    """
    announced = Announcement.from_text(event["announcement"])
    known = Imports(world.clients.dynamodb, event["ledger"], world.clock).find(announced.snapshot_arn)
    if known is None or known.attempt != event["attempt"]:
        return {"pending": [], "concerned": False, "acknowledged": False, "importedArn": ""}
    snapshots = snapshots_like(world, announced.resource_type, Arn.parse(event["key"]))
    tags = tags_of_copy(announced, copy_name(announced), event["securityTag"])
    pending = []
    for copy in snapshots.own(copy_name(announced), event["copyArn"]):
        if copy.arn != known.imported_arn and tags.items() <= copy.tags.items():
            snapshots.remove(copy.arn)
            pending.append(copy.arn)
    return {
        "pending": pending,
        "concerned": not known.is_at_rest,
        "acknowledged": known.stage is Stage.ACKNOWLEDGED,
        "importedArn": known.imported_arn,
    }
