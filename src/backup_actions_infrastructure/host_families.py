"""Which families of instances hosts are chosen from: an environment that names one unknown in its region is invalid."""

from __future__ import annotations

from collections.abc import Mapping

# Nitro, because only there a volume is found by the serial of its NVMe device; x86_64, as the image is. The first six
# are the ones with the most Spot capacity, the last three stand in for those that a region lacks.
_IN_ORDER = ("c6i", "m6i", "r6i", "c5", "m5", "r5", "c7i", "m7i", "r7i")

# Spot capacity is a matter of choice.
_AT_LEAST = 6

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


def families_in(region: str) -> tuple[str, ...]:
    """Six families that the region has."""
    missing = _MISSING.get(region, frozenset())
    return tuple(family for family in _IN_ORDER if family not in missing)[:_AT_LEAST]
