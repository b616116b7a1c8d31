"""The evidence of a point over several runs: what was once proven is in it until a later run proves it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backup_actions.model.json_types import JsonObject


def with_earlier(before: Mapping[str, Any], run: str, actions: Sequence[Mapping[str, Any]]) -> list[JsonObject]:
    """What each action has come to, and what an earlier run has proven of those that this one has not.

    Such a one names the ``run`` that has proven it; what this run came to is its ``later_run``.
    """
    proven = {each["action"]: each for each in _proven_before(before, run)}
    told = [_told(proven.pop(action["action"], None), run, action) for action in actions]
    return [*told, *proven.values()]


def _told(earlier: Mapping[str, Any] | None, run: str, action: Mapping[str, Any]) -> JsonObject:
    if earlier is None or action["proven"]:
        return dict(action)
    return {**earlier, "later_run": {"run": run, **action}}


def _proven_before(before: Mapping[str, Any], run: str) -> Iterator[dict[str, Any]]:
    """As they stand in the evidence, each with the run that has proven it; none of this run's own first try."""
    for each in before.get("actions") or ():
        if isinstance(each, Mapping) and each.get("proven") is True:
            by = each.get("run", before.get("run"))
            if by and by != run:
                yield {**each, "run": by}
