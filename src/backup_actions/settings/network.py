"""The section ``network``: where the hosts of jobs stand, and by which way they reach AWS."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from backup_actions.settings.checks import Matching
from backup_actions.settings.mistakes import AT
from backup_actions.settings.words import Section

_ID = "[0-9a-f]{8}([0-9a-f]{9})?"
VpcId: TypeAlias = Annotated[str, Matching(f"vpc-{_ID}", "it must be the id of a VPC, vpc-…")]
SubnetId: TypeAlias = Annotated[str, Matching(f"subnet-{_ID}", "it must be the id of a subnet, subnet-…")]
SecurityGroupId: TypeAlias = Annotated[str, Matching(f"sg-{_ID}", "it must be the id of a security group, sg-…")]

Kind: TypeAlias = Literal["public", "isolated", "nat", "existing"]
OneOrAll: TypeAlias = Literal["one", "all"]

_GOES_WITH: dict[str, Kind] = {
    "endpoint_zones": "isolated",
    "nat_zones": "nat",
    "vpc_id": "existing",
    "subnet_ids": "existing",
    "database_subnet_ids": "existing",
    "security_group_id": "existing",
}


class Network(Section):
    """Where the hosts of jobs stand. Nothing outside reaches them in any kind of network."""

    kind: Kind = Field(
        "public",
        description="public: hosts have an address of their own and only HTTPS goes out, which costs nothing while no "
        "job runs; isolated: no way out, AWS by interface endpoints; nat: private subnets behind a NAT gateway; "
        "existing: your subnets. docs/network.md has the prices.",
    )
    endpoint_zones: OneOrAll = Field(
        "one",
        description="With isolated: whether the interface endpoints stand in the first zone, which all zones use, or "
        "in all of them, which costs as many times as much and works on when the first zone fails.",
    )
    nat_zones: OneOrAll = Field(
        "one", description="With nat: whether one NAT gateway in the first zone serves all zones, or each has its own."
    )
    vpc_id: VpcId | None = Field(None, description="With existing, and only then: the VPC.")
    subnet_ids: dict[str, SubnetId] = Field(
        {}, description="With existing, and only then: for each of the zones the subnet of its hosts."
    )
    database_subnet_ids: dict[str, SubnetId] = Field(
        {},
        description="With existing: for at least two zones the subnet of databases that are restored to be dumped, "
        "best one that no way leads out of; {}: those of the hosts.",
    )
    security_group_id: SecurityGroupId | None = Field(
        None,
        description="With existing: the security group of hosts. It must let out HTTPS, and for rds-dump 5432 and 3306 "
        "to restored databases; null: the stack makes one.",
    )

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        for name, kind in _GOES_WITH.items():
            if kind != self.kind and getattr(self, name) != type(self).model_fields[name].default:
                raise _mistake(name, f"it has a meaning only with kind: {kind}; the kind is {self.kind}")
        if self.kind == "existing":
            for name in ("vpc_id", "subnet_ids"):
                if not getattr(self, name):
                    raise _mistake(name, "it is required with kind: existing")
        return self

    @property
    def subnets_of_databases(self) -> dict[str, str]:
        """With existing: zone → subnet of restored databases."""
        return self.database_subnet_ids or self.subnet_ids

    def require_subnets(self, zones: tuple[str, ...]) -> None:
        """With existing there is a subnet for each of the zones and for no other. Raises PydanticCustomError."""
        if self.kind == "existing" and self.subnet_ids.keys() != set(zones):
            raise _mistake("subnet_ids", f"it must name one subnet for each of the zones: {', '.join(zones)}")


def _mistake(name: str, reason: str) -> PydanticCustomError:
    return PydanticCustomError("network", "{reason}", {AT: name, "reason": reason})
