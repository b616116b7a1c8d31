"""May this backup go? A pure function of what is known; every "no" has its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backup_actions.aws.proof import Outcome
from backup_actions.lifecycle.describing import Present
from backup_actions.lifecycle.lasting import Lasting
from backup_actions.lifecycle.settings import LifecycleSettings


@dataclass(frozen=True, slots=True)
class Decision:
    """``keep``, ``shorten`` or ``delete``, and why.

    Or ``leave`` what AWS Backup is about to remove by itself, or could not; or it is ``gone`` already.
    """

    verdict: str
    because: str


def decide(
    *,
    settings: LifecycleSettings,
    outcomes: Sequence[Outcome],
    continuous: bool,
    present: Present,
    lasting: Sequence[Lasting],
    now: datetime,
) -> Decision:
    """Keep unless everything speaks for letting go. With ``keep`` nobody has asked AWS Backup again."""
    if settings.policy != "keep" and not present.is_there:
        return Decision("gone", "AWS Backup does not have it any more, and this run has not deleted it")
    if settings.policy != "keep" and not present.is_whole:
        return Decision("leave", f"AWS Backup says that it is {present.status}, which this run has not asked for")
    objection = _objection(settings, outcomes) or _objection_to_point(settings, continuous, present)
    if objection := objection or next(filter(None, (each.objection(now) for each in lasting)), None):
        return Decision("keep", objection)
    done = " and ".join(outcome.action for outcome in outcomes)
    return Decision(settings.policy, f"{done} succeeded, all is verified, and the settings say {settings.policy}")


def _objection(settings: LifecycleSettings, outcomes: Sequence[Outcome]) -> str | None:
    if settings.policy == "keep":
        return "the settings say keep"
    if not outcomes:
        return "no action was run on it"
    for outcome in outcomes:
        if not outcome.succeeded:
            return f"{outcome.action} failed: {outcome.reason}"
        if not outcome.proven:
            return f"what {outcome.action} made is not proven: {outcome.reason}"
    if not settings.after_unrestorable and not any(outcome.restorable for outcome in outcomes):
        return "nothing that was made from it can restore the resource (deletion.after_unrestorable is false)"
    return None


def _objection_to_point(settings: LifecycleSettings, continuous: bool, present: Present) -> str | None:
    if continuous:
        return "it is a continuous backup: deleting it would also end the protection of the resource"
    if present.legal_holds:
        return f"it is under legal hold: {', '.join(present.legal_holds)}"
    key = settings.backup_tag_key
    if key is not None and present.tags.get(key) != settings.backup_tag_value:
        return f"it does not carry the tag {key}={settings.backup_tag_value}"
    days, wanted = present.ends_after_days, settings.shorten_to_days
    if settings.policy == "shorten" and days is not None and wanted is not None and days <= wanted:
        return f"it ends {days} days after its creation already, and the settings say {wanted}"
    return None
