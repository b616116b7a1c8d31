"""Jobs and functions for the tests; found by their module's name, in this process and in others."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backup_actions.errors import SourceUnreadable

if TYPE_CHECKING:
    from backup_actions.aws import World

Event = Mapping[str, Any]
MIB = 1 << 20


def work(world: World, action: str, job: str, event: Event) -> int:
    """Report ten MiB, sleep as long as asked, and end with the code that was asked for."""
    world.progress.start(f"{action}/{job}", 10 * MIB)
    for _ in range(10):
        world.progress.add(MIB)
    world.progress.note(f"attempt {world.attempt} of {event['name']}")
    world.clock.sleep(event.get("seconds", 0))
    return int(event.get("exit", 0))


def call(world: World, action: str, job: str, event: Event) -> int:
    """Say what the host and the API say."""
    zone = world.clients.ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    world.progress.note(f"{action} {job} {event} {zone} {world.host.metadata_endpoint} {os.environ.get('SECRET')}")
    world.progress.note(f"clock {world.clock.now().isoformat()}")
    return 0


def sign(world: World, action: str, job: str, event: Event) -> int:
    """Say whose key signs, and how many requests were counted before its own."""
    before = sum(world.clients.requests.usage.values())
    url = world.clients.s3.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    world.clients.requests.count(model=world.clients.s3.meta.service_model.operation_model("GetObject"), parsed={})
    world.progress.note(f"{'KEY-' + url.partition('KEY-')[2][:7]} after {before:.0f}")
    return int(event.get("exit", 0))


def stubborn(world: World, action: str, job: str, event: Event) -> int:
    """Sleep, and clean up when told to stop."""
    try:
        world.clock.sleep(event["seconds"])
    finally:
        world.progress.note(f"{action}/{job} cleaned up")
    return 0


def unreadable(world: World, action: str, job: str, event: Event) -> int:
    """Fail as an action does."""
    raise SourceUnreadable(what="the disk", reason="it is gone")


def hold(world: World, action: str, job: str, event: Event) -> int:
    """Attach a volume and lose the host."""
    world.clients.ec2.attach_volume(VolumeId=event["volume"], InstanceId=event["instance"], Device="/dev/sdf")
    return 0


def tools(world: World, action: str, job: str, event: Event) -> int:
    """Say whom to trust, and what dumps databases."""
    world.progress.note(f"trusts {world.environment['BACKUP_ACTIONS_RDS_CA_FILE']} {world.environment['A']}")
    world.progress.note(f"dumps with {shutil.which('pg_dump')}")
    return 0


def double(world: World, event: Event) -> Any:
    """Twice the number, and what the environment says."""
    return {"twice": event["number"] * 2, "greeting": world.environment.get("GREETING", "")}


def pid(world: World, event: Event) -> int:
    """Which process this is; what it prints is no answer."""
    sys.stdout.write("{}\n")
    return os.getpid()


def fail(world: World, event: Event) -> None:
    """Fail with an error of our own."""
    raise SourceUnreadable(what="the disk", reason="it is gone")


def leave(world: World, event: Event) -> None:
    """End the process."""
    os._exit(3)


def sleep(world: World, event: Event) -> str:
    """Sleep on the world's clock."""
    world.clock.sleep(event["seconds"])
    return world.clock.now().isoformat()


def zones(world: World, event: Event) -> list[str]:
    """Ask the API."""
    return [zone["ZoneName"] for zone in world.clients.ec2.describe_availability_zones()["AvailabilityZones"]]
