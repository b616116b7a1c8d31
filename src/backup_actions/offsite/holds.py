"""Holds: somebody's word that an import has to stay, whatever the rules say, until it is taken back."""

from __future__ import annotations

from dataclasses import replace

from backup_actions.errors import HoldRefused, ImportChanged, ImportUnknown
from backup_actions.offsite.imports import Import, Imports, Stage


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
