"""What people say of an import, whatever the rules say: it has to stay until that is taken back, or it is gone."""

from __future__ import annotations

from dataclasses import replace

from backup_actions.aws import World
from backup_actions.errors import ForgetRefused, HoldRefused, ImportChanged, ImportUnknown
from backup_actions.offsite.imports import Import, Imports, Stage
from backup_actions.offsite.stocktaking import snapshots_of


def hold(imports: Imports, arn: str, why: str) -> Import:
    """The import stays, for this reason; an earlier one is replaced.

    ``arn`` is of the import or of the snapshot that was announced. Raises ImportUnknown, HoldRefused, and ImportChanged
    where somebody else changes it at the same moment: retention, for instance.
    """
    found = _found(imports, arn)
    if objection := _objection(found):
        raise HoldRefused(arn=arn, reason=objection)
    return _stood(imports, replace(found, hold=why))


def release(imports: Imports, arn: str) -> Import:
    """Nobody holds the import any more. Raises ImportUnknown, ImportChanged."""
    found = _found(imports, arn)
    return _stood(imports, replace(found, hold="")) if found.hold else found


def forget(world: World, imports: Imports, arn: str) -> Import:
    """The import is known as removed: somebody has deleted its snapshot, or it never came to one.

    ``arn`` is of the import or of the snapshot that was announced, which is imported no more. Raises ImportUnknown,
    ForgetRefused where it is held, somebody is at it or AWS still shows a snapshot of it, and ImportChanged.
    """
    found = _found(imports, arn)
    if objection := _objection_to_forgetting(world, found):
        raise ForgetRefused(arn=arn, reason=objection)
    return _stood(imports, replace(found, stage=Stage.REMOVED))


def _objection_to_forgetting(world: World, found: Import) -> str:
    if found.stage is Stage.REMOVED:
        return "it has been removed"
    if found.hold:
        return f"it is under a hold: {found.hold}"
    if not found.is_at_rest:
        return "an execution is at it"
    there = ", ".join(f"{each.arn} is {each.status}" for each in snapshots_of(world, found))
    return f"{there}: delete it first" if there else ""


def _found(imports: Imports, arn: str) -> Import:
    for each in imports.all():
        if arn in {each.imported_arn, each.announcement.snapshot_arn}:
            return each
    raise ImportUnknown(arn=arn)


def _objection(found: Import) -> str:
    if found.stage is Stage.REMOVED:
        return "it has been removed"
    if found.leaving_since:
        return "it is being removed"
    if found.is_being_imported:
        return "an execution is at it"
    if not found.is_verified:
        return "it is not verified"
    return ""


def _stood(imports: Imports, changed: Import) -> Import:
    stands = imports.stand(changed)
    if stands is None:
        raise ImportChanged(snapshot=changed.announcement.snapshot_arn)
    return stands
