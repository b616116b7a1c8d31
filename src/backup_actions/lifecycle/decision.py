"""May this backup go? A pure function of what is known; every "no" has its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backup_actions.aws.proof import Outcome
from backup_actions.lifecycle.settings import LifecycleSettings


@dataclass(frozen=True, slots=True)
class Decision:
    """``keep``, ``shorten`` or ``delete``, and why."""

    verdict: str
    because: str


def decide(
    *,
    settings: LifecycleSettings,
    outcomes: Sequence[Outcome],
    continuous: bool,
    legal_holds: Sequence[str],
    tags: Mapping[str, str],
) -> Decision:
    """Keep unless everything speaks for letting go."""
    if objection := _objection(settings, outcomes, continuous, legal_holds, tags):
        return Decision("keep", objection)
    done = " and ".join(outcome.action for outcome in outcomes)
    return Decision(settings.policy, f"{done} succeeded, all is verified, and the settings say {settings.policy}")


def _objection(
    settings: LifecycleSettings,
    outcomes: Sequence[Outcome],
    continuous: bool,
    legal_holds: Sequence[str],
    tags: Mapping[str, str],
) -> str | None:
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
    if continuous:
        return "it is a continuous backup: deleting it would also end the protection of the resource"
    if legal_holds:
        return f"it is under legal hold: {', '.join(legal_holds)}"
    key = settings.backup_tag_key
    if key is not None and tags.get(key) != settings.backup_tag_value:
        return f"it does not carry the tag {key}={settings.backup_tag_value}"
    return None
