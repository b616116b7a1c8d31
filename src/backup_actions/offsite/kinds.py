"""Which snapshots are meant: of which kind, in which region."""

from __future__ import annotations

from backup_actions.aws import World
from backup_actions.model.arn import Arn
from backup_actions.offsite.database_snapshots import ClusterSnapshots, InstanceSnapshots
from backup_actions.offsite.disk_snapshots import DiskSnapshots
from backup_actions.offsite.snapshots import Snapshots


def snapshots_like(world: World, resource_type: str, arn: Arn) -> Snapshots:
    """The snapshots of RDS, Aurora or EBS in the region of the ARN."""
    elsewhere = arn.region != world.clients.region
    if resource_type == "EBS":
        ec2 = world.clients.ec2_in(arn.region) if elsewhere else world.clients.ec2
        return DiskSnapshots(ec2, partition=arn.partition, region=arn.region)
    rds = world.clients.rds_in(arn.region) if elsewhere else world.clients.rds
    return InstanceSnapshots(rds) if resource_type == "RDS" else ClusterSnapshots(rds)
