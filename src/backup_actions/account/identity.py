"""Whose credentials they are, and whether the region is one for this account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backup_actions.account.results import good, wrong
from backup_actions.account.surroundings import unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backup_actions.account.results import Result
    from backup_actions.account.surroundings import Surroundings

# A region that is not enabled answers to no key of the account, like one that is none.
# https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
_UNKNOWN_KEY = ("InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "OptInRequired")


def is_the_account(around: Surroundings) -> Iterator[Result]:
    """Whether the credentials are those of the account in the settings, and are taken in its region."""
    settings = around.settings
    identity = unless(_UNKNOWN_KEY, around.clients.sts.get_caller_identity)
    if identity is None:
        yield wrong(
            "account", f"AWS takes no such credentials in {settings.region}: is the region enabled for the account?"
        )
    elif identity["Account"] != settings.account:
        yield wrong("account", f"the credentials are of {identity['Account']}, the settings say {settings.account}")
    else:
        yield good("account", f"{identity['Arn']} in {settings.region}")


def zones(around: Surroundings) -> Iterator[Result]:
    """Whether the zones are there for this account, and in order."""
    answer = around.clients.ec2.describe_availability_zones()
    found = {zone.get("ZoneName", ""): zone for zone in answer["AvailabilityZones"]}
    ordinary = [
        name for name, zone in found.items() if zone.get("ZoneType", "availability-zone") == "availability-zone"
    ]
    for name in around.settings.zones:
        zone = found.get(name)
        if zone is None or name not in ordinary:
            yield wrong("zones", f"{name} is not there for this account; there are {', '.join(sorted(ordinary))}")
        elif zone.get("State", "available") != "available":
            yield wrong("zones", f"{name} is {zone.get('State')}")
        else:
            yield good("zones", name)
