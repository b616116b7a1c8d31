"""The tagging API: resources of several services by their tags, as far as runs make such."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from backup_actions_local.calls import Call, Handler
from backup_actions_local.services.paging import only, page

Tagged: TypeAlias = tuple[str, Mapping[str, str]]
"""An ARN and the tags."""

# https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
_PAGE = 100


class Tagging:
    """Implements ``calls.Service``; ``there`` tells what is there now."""

    name = "resourcegroupstaggingapi"

    def __init__(self, there: Callable[[], Iterable[Tagged]]) -> None:
        self._there = there

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        return {"GetResources": self._get}

    def _get(self, call: Call) -> Mapping[str, Any]:
        only(call, "TagFilters", "PaginationToken", "ResourcesPerPage")
        wanted = call.params.get("TagFilters") or ()
        found = [
            {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            for arn, tags in self._there()
            if tags and all(_matches(tags, each) for each in wanted)
        ]
        part, token = page(
            found, call.params.get("PaginationToken") or None, call.params.get("ResourcesPerPage") or _PAGE
        )
        return {"ResourceTagMappingList": list(part), "PaginationToken": token or ""}


def _matches(tags: Mapping[str, str], wanted: Mapping[str, Any]) -> bool:
    key, values = wanted["Key"], wanted.get("Values")
    return key in tags and (not values or tags[key] in values)
