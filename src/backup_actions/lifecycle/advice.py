"""What a person does about an error: one sentence by the error's name, for those of workflows and those of our code."""

from __future__ import annotations

from collections.abc import Mapping

from backup_actions import errors

_SEE_THE_CAUSE = "The cause above names what stands in the way; correct it."
_CAPACITY = "Wait for capacity, or name another availability zone under `zones` in the settings."
_ROOM = (
    "Where the cause names capacity, wait for it, or name another availability zone under `zones` in the settings; "
    "where it names a limit, ask AWS for a higher quota; anything else has to be corrected."
)
_KEY = "Let this account use the KMS key that the cause names, in the policy of that key."
_SERVICE = "Look the named operation up in the console of its service; AWS says there why it failed."

_OF_WORKFLOWS: Mapping[str, str] = {
    "BucketNotUsable": "Use an archive bucket of the backup's region that the export role may write to.",
    "CopyFailed": _SERVICE,
    "CopyTooSlow": "Start it again, or allow more time with `copy_timeout_hours`.",
    "CutShort": "Start it again: what the execution had made was removed.",
    "DeletionUnproven": "Look at the recovery point in AWS Backup: a lock, a hold or a missing permission keeps it.",
    "ExportFailed": _SERVICE,
    "ExportTooSlow": "Start it again, or allow more time with `export_timeout_hours`.",
    "JobFailed": "Read the job's log: its group is named after the job; the last lines hold the error and its hint.",
    "KeyNotAccessible": _KEY,
    "LeftBehind": "Remove by hand what the cause names: it goes on costing money. Then start it again.",
    "NoPlaceLeft": _CAPACITY,
    "NoZoneLeft": _ROOM,
    "NotAcknowledged": "Look at the imports of the separated account; its news and dead letters say what happened.",
    "NotCopied": "Delete snapshots that nobody needs, or ask AWS for a higher quota of snapshots.",
    "NotCopyable": _SEE_THE_CAUSE,
    "NotDumpable": _SEE_THE_CAUSE,
    "NotExportable": _SEE_THE_CAUSE,
    "NotProven": "Look at what the action has stored: do not trust an archive of this run before it was made again.",
    "NotStarted": _SERVICE,
    "RestoreFailed": _SERVICE,
    "RestoreTooSlow": "Start it again, or allow more time with `restore_timeout_hours`.",
    "VolumeFailed": _KEY,
    "WindowClosed": "The history no longer reaches that far: only a backup that can be restored still helps.",
    "States.Timeout": "Something took longer than it ever should: the execution shows in which state it stood.",
    "States.TaskFailed": "The execution shows which state failed and with what.",
}


def advice_for(error: str) -> str:
    """What to do about it; empty for an error that is not ours."""
    if known := _OF_WORKFLOWS.get(error):
        return known
    kind = getattr(errors, error, None)
    if not isinstance(kind, type) or not issubclass(kind, errors.BackupActionsError):
        return ""
    # A remedy that speaks of facts cannot be filled in here; the error's sentence, which is in the cause, has them.
    return "" if "{" in kind.remedy else kind.remedy
