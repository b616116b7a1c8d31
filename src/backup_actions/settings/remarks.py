"""What may be set and is perhaps not meant: said by ``check``, refused by nobody."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from backup_actions.settings.endpoints import CALLED_BY_HOSTS, GATEWAYS, called_by_jobs, interface_endpoints

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backup_actions.contract import Action
    from backup_actions.settings.deployment import DeploymentSettings


def remarks(settings: DeploymentSettings, actions: Iterable[Action]) -> Iterator[str]:
    """One sentence for each thing that is worth a second look."""
    yield from _of_the_region(settings.region)
    if not settings.imports and not settings.enabled(actions):
        yield "actions: none is enabled; backups are kept, and nothing is made of them"
    yield from _of_the_lock(settings)
    yield from _of_the_network(settings, actions)


def _of_the_region(region: str) -> Iterator[str]:
    """It may be newer than what is installed here, so it is not refused."""
    from backup_actions.aws.regions import known_regions

    if region not in (known := known_regions()):
        alike = get_close_matches(region, sorted(known), n=3)
        guess = f"; like it are {', '.join(alike)}" if alike else ""
        yield f"region: the botocore that is installed here knows no {region}{guess}"


def _of_the_lock(settings: DeploymentSettings) -> Iterator[str]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html (lifecycles and lock)"""
    bucket = settings.archive_bucket
    if not (lock := bucket.object_lock):
        return
    if bucket.noncurrent_days < lock.days:
        yield (
            f"archive_bucket.noncurrent_days: after {bucket.noncurrent_days} days old versions are still locked; they "
            f"go, and stop to cost, on day {lock.days}"
        )
    if lock.mode == "compliance":
        yield (
            f"archive_bucket.object_lock: with compliance nobody, not even root, can remove an archive or shorten its "
            f"{lock.days} days; try the deployment with governance, or with few days, before that"
        )


def _of_the_network(settings: DeploymentSettings, actions: Iterable[Action]) -> Iterator[str]:
    network = settings.network
    if network.kind == "isolated" and network.endpoint_zones == "one" and len(settings.zones) > 1:
        yield (f"network.endpoint_zones: every zone reaches AWS through {settings.zones[0]}; while it fails, jobs wait")
    if network.kind == "existing":
        services = {*CALLED_BY_HOSTS, *called_by_jobs(settings.enabled(actions))}
        ways = [*(name for name in GATEWAYS if name in services), *interface_endpoints(services)]
        yield (
            f"network.subnet_ids: the subnets must lead, by HTTPS, to {', '.join(ways)}; nothing is made or asked here"
        )
