"""Parameters of databases that are restored to be read, where the defaults of their engine would change what they hold.

MySQL runs the events of its databases from its start on, unless it is told not to: what a backup held could be gone
before anybody has read it. ``event_scheduler`` is ON by default from MySQL 8.0 on, OFF before and in MariaDB:
https://dev.mysql.com/doc/refman/8.0/en/events-configuration.html . A server takes no row that is longer than its
``max_allowed_packet``, 64 MiB by default, whatever its clients say; in a dump bytes take twice their length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_NO_EVENTS = {"event_scheduler": "OFF"}
_ONE_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class ParameterGroup:
    """A group that the stack makes where databases are restored. It costs nothing."""

    family: str
    """RDS's word for an engine's release, ``mysql8.4``."""
    parameters: Mapping[str, str]
    is_of_clusters: bool = False

    def name(self, deployment: str) -> str:
        """How RDS knows it; names have no dots."""
        return f"{deployment}-{self.family.replace('.', '-')}"


# Families that every region knows: a stack with another one could not be deployed there.
# Of Aurora's parameters this one belongs to clusters and the length of packets to instances:
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Reference.ParameterGroups.html
PARAMETER_GROUPS = (
    ParameterGroup("mysql8.0", {**_NO_EVENTS, "max_allowed_packet": str(_ONE_GIB)}),
    ParameterGroup("mysql8.4", {**_NO_EVENTS, "max_allowed_packet": str(_ONE_GIB)}),
    ParameterGroup("aurora-mysql8.0", _NO_EVENTS, is_of_clusters=True),
)


def parameter_group_for(engine: str, version: str) -> ParameterGroup | None:
    """The group for that version of an engine; None where its defaults will do, or nobody knew of the release."""
    family = engine + ".".join(version.split(".")[:2])
    return next((group for group in PARAMETER_GROUPS if group.family == family), None)
