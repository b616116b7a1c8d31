"""Quotas that a new account has too little of: where nothing is left, jobs and databases wait for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backup_actions.account.results import good, look, wrong
from backup_actions.account.surroundings import unless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backup_actions.account.results import Result
    from backup_actions.account.surroundings import Surroundings

_SPOT, _VOLUMES, _DATABASES = "Spot vCPUs", "gp3 storage", "databases"
_STANDARD_SPOT = ("ec2", "L-34B43A08")
_GP3_TIB = ("ebs", "L-7A658B76")
# The largest volume of gp3 is 64 TiB; the quota counts those of the whole account and region.
_VOLUME_TIB_AT_MOST = 64
_GIB_PER_TIB = 1024
_NEARLY_FULL = 0.9


def spot_vcpus(around: Surroundings) -> Iterator[Result]:
    """Whether the largest job can have a host at all, and how many can at once."""
    enabled = [job for action in around.settings.enabled(around.actions) for job in action.jobs.values()]
    if not enabled:
        return
    largest, allowed = max(job.vcpus for job in enabled), _quota(around, *_STANDARD_SPOT)
    if allowed is None:
        yield look(_SPOT, "no quota is told for this region")
    elif allowed < largest:
        yield wrong(_SPOT, f"{allowed:g} are allowed and a job needs {largest}: ask for more ({_STANDARD_SPOT[1]})")
    else:
        used = min(allowed, around.settings.vcpus_per_zone * len(around.settings.zones))
        yield good(_SPOT, f"{allowed:g} are allowed: about {used // largest:g} jobs at a time, more wait")


def volumes(around: Surroundings) -> Iterator[Result]:
    """How much there may be of the volumes that snapshots are restored to, and how much there is."""
    if "ebs-archive" not in around.enabled:
        return
    allowed = _quota(around, *_GP3_TIB)
    if allowed is None:
        yield look(_VOLUMES, "no quota is told for this region")
    elif allowed < 1:
        yield wrong(_VOLUMES, f"{allowed:g} TiB are allowed: ask for more ({_GP3_TIB[1]})")
    elif (used := _gp3_tib(around)) >= allowed * _NEARLY_FULL:
        full = f"{used:.1f} of {allowed:g} TiB are in use: archives wait while theirs do not fit"
        yield look(_VOLUMES, f"{full}; ask for more ({_GP3_TIB[1]})")
    else:
        enough = "" if allowed >= _VOLUME_TIB_AT_MOST else "; a larger volume cannot be restored"
        yield good(_VOLUMES, f"{used:.1f} of {allowed:g} TiB are in use, archives wait while theirs do not fit{enough}")


def databases(around: Surroundings) -> Iterator[Result]:
    """Whether there is room for one more database, and for one more copied snapshot."""
    wanted = {"rds-dump": ("DBInstances",), "offsite-copy": ("ManualSnapshots", "ManualClusterSnapshots")}
    names = [name for action, some in wanted.items() if action in around.enabled for name in some]
    if not names:
        return
    told = around.clients.rds.describe_account_attributes()["AccountQuotas"]
    quotas = {quota.get("AccountQuotaName"): (quota.get("Used", 0), quota.get("Max", 0)) for quota in told}
    for name in names:
        used, most = quotas.get(name, (0, None))
        if most is None:
            yield look(_DATABASES, f"no quota is told for {name}")
        elif used >= most:
            yield look(_DATABASES, f"{used} of {most} {name} are in use: runs wait until one is free")
        else:
            yield good(_DATABASES, f"{used} of {most} {name} are in use")


QUOTA_CHECKS: tuple[tuple[str, Callable[[Surroundings], Iterator[Result]]], ...] = (
    (_SPOT, spot_vcpus),
    (_VOLUMES, volumes),
    (_DATABASES, databases),
)


def _gp3_tib(around: Surroundings) -> float:
    """What all volumes of the kind hold together: the quota is the account's, not ours."""
    pages = around.clients.ec2.get_paginator("describe_volumes").paginate(
        Filters=[{"Name": "volume-type", "Values": ["gp3"]}], PaginationConfig={"PageSize": 1000}
    )
    return sum(volume["Size"] for page in pages for volume in page["Volumes"]) / _GIB_PER_TIB


def _quota(around: Surroundings, service: str, code: str) -> float | None:
    """The account's own quota or, where it never had one, that of every account."""
    quotas = around.clients.service_quotas
    unknown = ("NoSuchResourceException",)
    own = unless(unknown, lambda: quotas.get_service_quota(ServiceCode=service, QuotaCode=code))
    found = own or unless(unknown, lambda: quotas.get_aws_default_service_quota(ServiceCode=service, QuotaCode=code))
    return float(found["Quota"]["Value"]) if found else None
