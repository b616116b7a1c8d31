"""The folders of recovery points in the archive bucket, as ``RecoveryPoint.prefix`` lays them out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC

from backup_actions.estate.looking import Looking
from backup_actions.ledger import Status
from backup_actions.offsite.imports import Import, Imports

_STEPS = 6
"""resource_type=…/account=…/region=…/resource=…/date=…/<id>"""


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a key lies: of which kind, for which recovery point; both are empty for what lies elsewhere."""

    kind: str
    """An action's name, or ``evidence``."""
    path: str
    """The rest of the recovery point's prefix: the same for everything that is of it."""
    name: str = ""
    """The key's own name in the folder."""


def folder_of(key: str) -> Folder:
    """The folder that a key, or a prefix, lies in."""
    kind, *steps = key.split("/")
    if len(steps) < _STEPS or not steps[0].startswith("resource_type="):
        return Folder("", "", key)
    return Folder(kind, "/".join(steps[:_STEPS]), "/".join(steps[_STEPS:]))


def under_way(looking: Looking) -> frozenset[str]:
    """The paths of all points that are being processed; in a separated account of all imports that are."""
    if looking.estate.is_separated:
        imports = Imports(looking.world.clients.dynamodb, looking.estate.ledger, looking.world.clock).all()
        return frozenset(_path_of(each) for each in imports if each.imported_arn and not each.is_at_rest)
    entries = looking.ledger.standing(Status.PROCESSING)
    return frozenset(folder_of(str(entry.details.get("evidence", ""))).path for entry in entries)


def _path_of(known: Import) -> str:
    """As the import machine gives it to actions."""
    day = known.backed_up_at.astimezone(UTC).date().isoformat()
    return folder_of(known.recovery_point.prefix("evidence", day)).path
