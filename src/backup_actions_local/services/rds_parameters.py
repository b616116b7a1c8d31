"""Parameter groups, and what a server is started with that is in one.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithParamGroups.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from backup_actions_local.calls import Refused
from backup_actions_local.services.rds_records import default_parameter_group

if TYPE_CHECKING:
    from backup_actions.contract.parameter_groups import ParameterGroup

# MySQL's own defaults, which RDS leaves as they are; the servers here are MariaDB's, whose are others.
# https://dev.mysql.com/doc/refman/8.0/en/server-system-variables.html
_OF_MYSQL = {"event_scheduler": "ON", "max_allowed_packet": str(64 << 20)}
_EARLIER = ("mysql5.", "aurora-mysql5.")


class ParameterGroups:
    """Those that somebody has made; each engine's defaults are there besides."""

    def __init__(self) -> None:
        self._made: dict[tuple[bool, str], ParameterGroup] = {}

    def make(self, name: str, group: ParameterGroup) -> None:
        """A group that databases can name."""
        self._made[group.is_of_clusters, name] = group

    def named(self, name: str | None, engine: str, version: str, *, of_clusters: bool = False) -> str:
        """The name of the group that a new database is in. Raises Refused for one that it cannot be in."""
        default = default_parameter_group(engine, version)
        if name in {None, "", default}:
            return default
        kind = "DBClusterParameterGroup" if of_clusters else "DBParameterGroup"
        group = self._made.get((of_clusters, str(name)))
        if group is None:
            raise Refused(f"{kind}NotFound", f"{kind} not found: {name}", 404)
        family = default.removeprefix("default.")
        if group.family != family:
            raise Refused(
                "InvalidParameterCombination",
                f"The Parameter Group {name} with DBParameterGroupFamily {group.family} cannot be used for this "
                f"instance. Please use a Parameter Group with DBParameterGroupFamily {family}",
            )
        return str(name)

    def parameters(self, name: str, engine: str, version: str) -> Mapping[str, str]:
        """What a server is started with whose group has that name."""
        family = default_parameter_group(engine, version).removeprefix("default.")
        own = _OF_MYSQL if "mysql" in family and not family.startswith(_EARLIER) else {}
        made = self._made.get((False, name)) or self._made.get((True, name))
        return {**own, **(made.parameters if made else {})}
