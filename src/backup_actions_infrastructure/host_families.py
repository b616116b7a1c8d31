"""Which types of instances hosts are chosen from: an environment that names one unknown in its region is invalid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backup_actions.contract import Job

# Nitro, because only there a volume is found by the serial of its NVMe device; x86_64, as the image is. The first six
# are the ones with the most Spot capacity, the last three stand in for those that a region lacks.
_IN_ORDER = ("c6i", "m6i", "r6i", "c5", "m5", "r5", "c7i", "m7i", "r7i")

# Spot capacity is a matter of choice.
_AT_LEAST = 6

# A host has room for some 26 volumes besides its own disk and network interface, however many vCPUs it has: with more
# than 16, more jobs of two vCPUs could be put on it than volumes. And fewer jobs go with a Spot host.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/volume_limits.html
_SIZES = ("large", "xlarge", "2xlarge", "4xlarge")

# Of the largest, where it has the least memory: 32 GiB, of which system and ECS keep some.
_MOST_VCPUS, _MOST_MEMORY_MIB = 16, 30 * 1024

# https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-regions.html
_MISSING: Mapping[str, frozenset[str]] = {
    "ap-east-2": frozenset({"c5", "m5", "r5"}),
    "ap-southeast-3": frozenset({"c6i", "r6i"}),
    "ap-southeast-4": frozenset({"c6i", "m6i", "r6i"}),
    "ap-southeast-5": frozenset({"c5", "m5", "r5"}),
    "ap-southeast-6": frozenset({"c5", "m5", "r5"}),
    "ap-southeast-7": frozenset({"c5", "m5", "r5"}),
    "eu-central-2": frozenset({"c6i"}),
    "eu-south-2": frozenset({"c6i", "m6i", "r6i"}),
    "me-central-1": frozenset({"c6i"}),
    "mx-central-1": frozenset({"c5", "m5", "r5"}),
}


def host_types_in(region: str, jobs: Iterable[Job]) -> tuple[str, ...]:
    """What Batch chooses from: these sizes of six families, or whole families where a job wants a larger host.

    https://docs.aws.amazon.com/batch/latest/APIReference/API_ComputeResource.html takes either.
    """
    families = families_in(region)
    if any(job.vcpus > _MOST_VCPUS or job.memory_mib > _MOST_MEMORY_MIB for job in jobs):
        return families
    return tuple(f"{family}.{size}" for family in families for size in _SIZES)


def families_in(region: str) -> tuple[str, ...]:
    """Six families that the region has."""
    missing = _MISSING.get(region, frozenset())
    return tuple(family for family in _IN_ORDER if family not in missing)[:_AT_LEAST]
