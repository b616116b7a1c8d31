"""The services on a clock of their own, without the front: calls are made as the front would hand them over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.local.services.accounts import Accounts, two_clouds

from backup_actions_local.calls import Call, Caller, Service
from backup_actions_local.clock import SimulatedClock
from backup_actions_local.services.block_store import BlockStore
from backup_actions_local.services.copying import Copying
from backup_actions_local.services.durations import Durations
from backup_actions_local.services.ec2 import Ec2
from backup_actions_local.services.events import Event, Events, Target
from backup_actions_local.services.hosting.devices import LoopDevices, PlainFiles
from backup_actions_local.services.keys import Keys
from backup_actions_local.services.mishaps import Mishaps
from backup_actions_local.services.neighbours import Neighbours
from backup_actions_local.services.place import Place
from backup_actions_local.services.snapshot_copies import Snapshots

if TYPE_CHECKING:
    from pathlib import Path

    from backup_actions_local.seaweed import ObjectServer

ZONE = "us-east-1a"
MIB = 1 << 20

Ask = Callable[..., Mapping[str, Any]]


@dataclass
class Cloud:
    """What most tests need."""

    clock: SimulatedClock
    place: Place
    mishaps: Mishaps
    store: BlockStore
    events: Events
    directory: Path

    def ask(self, *services: Service) -> Ask:
        """Call an operation of them by name with its parameters."""
        handlers = {name: (service, handler) for service in services for name, handler in service.handlers().items()}

        def ask(operation: str, **params: Any) -> Mapping[str, Any]:
            service, handler = handlers[operation]
            return handler(Call(service.name, operation, params, Caller("somebody")))

        return ask

    def watch(self) -> list[Event]:
        """What every event is delivered as, from now on."""
        delivered: list[Event] = []
        arn = self.place.arn("lambda", "function:watch")
        self.events.rule("all", {"account": [self.place.account]}, Target(arn=arn, deliver=delivered.append))
        return delivered


def needs_root() -> pytest.MarkDecorator:
    """Skip where no loop device can be made."""
    return pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make loop devices and to mount")


def _cloud(directory: Path, devices: PlainFiles | LoopDevices) -> Cloud:
    clock, place, mishaps, durations = SimulatedClock(), Place(), Mishaps(), Durations()
    store = BlockStore(clock=clock, place=place, directory=directory, durations=durations, devices=devices)
    events = Events(clock=clock, place=place, durations=durations, mishaps=mishaps)
    return Cloud(clock, place, mishaps, store, events, directory)


@pytest.fixture(name="cloud")
def _plain_cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = _cloud(tmp_path / "cloud", PlainFiles())
    with cloud.clock.actor():
        yield cloud
        cloud.events.close()
    cloud.store.close()


@pytest.fixture(name="rooted")
def _rooted_cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = _cloud(tmp_path / "cloud", LoopDevices())
    with cloud.clock.actor():
        yield cloud
        cloud.events.close()
    cloud.store.close()


@pytest.fixture(name="ec2")
def _ec2(cloud: Cloud) -> Ask:
    copying = Copying(clock=cloud.clock, mishaps=cloud.mishaps)
    keys = Keys(clock=cloud.clock, place=cloud.place)
    snapshots = Snapshots(cloud.store, keys, Neighbours(), copying, cloud.events.put)
    return cloud.ask(Ec2(cloud.store, cloud.mishaps, Neighbours()), snapshots)


@pytest.fixture(name="image")
def _image(tmp_path: Path) -> Path:
    """Eight MiB, of which the fifth holds something."""
    path = tmp_path / "source.img"
    with path.open("wb") as writing:
        writing.truncate(8 * MIB)
        writing.seek(4 * MIB)
        writing.write(b"content " * 1000)
    return path


@pytest.fixture(name="accounts", scope="session")
def _accounts(tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer) -> Iterator[Accounts]:
    """Shared by all tests: each uses names of its own."""
    with two_clouds(tmp_path_factory.mktemp("accounts"), flow_objects) as accounts:
        yield accounts
