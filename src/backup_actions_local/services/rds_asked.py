"""What requests for new databases have in common, however these are made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Refused
from backup_actions_local.services.rds_servers import SubnetGroup, Wishes

if TYPE_CHECKING:
    from backup_actions_local.services.rds_offers import Offers
    from backup_actions_local.services.rds_restored import RestoredDatabases

ALIKE = ("DBSubnetGroupName", "VpcSecurityGroupIds", "PubliclyAccessible", "DeletionProtection", "Port", "Tags")
"""Members that every such request may have."""
INVALID, COMBINATION = "InvalidParameterValue", "InvalidParameterCombination"

# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
_IDENTIFIER = re.compile(r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{0,62}(?<!-)")


def new_name(identifier: str, member: str) -> str:
    """A name as RDS keeps it. Raises Refused for what is none."""
    if not _IDENTIFIER.fullmatch(identifier):
        message = (
            f"The parameter {member} is not a valid identifier. Identifiers must begin with a letter; must contain "
            "only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive "
            "hyphens."
        )
        raise Refused(INVALID, message)
    return identifier.lower()


def tags_of(asked: Mapping[str, Any]) -> dict[str, str]:
    """The tags that a request names."""
    return {tag["Key"]: tag.get("Value") or "" for tag in asked.get("Tags") or ()}


@dataclass(frozen=True, slots=True)
class Asking:
    """Checks what is asked for against what there is."""

    restored: RestoredDatabases
    offers: Offers

    def wishes(self, asked: Mapping[str, Any], *, backup_days: int) -> Wishes:
        """Network, protection and backups. Raises Refused for groups that are not there."""
        groups = tuple(asked.get("VpcSecurityGroupIds") or ())
        for group in groups:
            if group not in self.restored.security_groups:
                raise Refused(INVALID, f"Invalid security group , groupId= {group}, groupName=.")
        name = asked.get("DBSubnetGroupName")
        days = asked.get("BackupRetentionPeriod")
        public = asked.get("PubliclyAccessible")
        return Wishes(
            subnet_group=self.subnet_group(name) if name else None,
            security_groups=groups,
            deletion_protection=bool(asked.get("DeletionProtection")),
            backup_retention_days=backup_days if days is None else int(days),
            # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
            publicly_accessible=not name if public is None else bool(public),
        )

    def subnet_group(self, name: str) -> SubnetGroup:
        """Raise Refused when there is none."""
        if name not in self.restored.subnet_groups:
            raise Refused("DBSubnetGroupNotFoundFault", f"DB subnet group '{name}' does not exist.", 404)
        return self.restored.subnet_groups[name]

    def zone(
        self, asked: Mapping[str, Any], group: SubnetGroup | None, engine: str, version: str, instance_class: str
    ) -> str:
        """Where it is made: in the zone asked for, or in the first that has the class. Raises Refused."""
        zones = self.offers.zones_of(engine, instance_class)
        within = [zone for zone in (group.zones if group else self.restored.place.zones) if zone in zones]
        wanted = asked.get("AvailabilityZone")
        if wanted and group and wanted not in group.zones:
            # The model knows no code that says exactly this.
            raise Refused("InvalidVPCNetworkStateFault", f"DB subnet group {group.name} has no subnet in {wanted}.")
        if not zones or not within or (wanted and wanted not in zones):
            message = (
                "RDS does not support creating a DB instance with the following combination: "
                f"DBInstanceClass={instance_class}, Engine={engine}, EngineVersion={version}. For supported "
                "combinations of instance class and database engine version, see the documentation."
            )
            raise Refused(COMBINATION, message)
        return str(wanted or within[0])
