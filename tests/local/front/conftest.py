"""A front with one small service of its own, and where it is wanted a real S3 server behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from backup_actions.contract.permissions import Statement
from backup_actions_local.calls import Call, Handler, Refused
from backup_actions_local.clock import SimulatedClock
from backup_actions_local.front import Audit, Faults, Front, Roles
from backup_actions_local.seaweed import ObjectServer, object_server


@dataclass
class Recorder:
    """A service that keeps what it was asked and answers what it was told to."""

    name: str
    outputs: Mapping[str, Mapping[str, Any] | Exception]
    calls: list[Call] = field(default_factory=list)

    def handlers(self) -> Mapping[str, Handler]:
        """One handler an output."""
        return dict.fromkeys(self.outputs, self._answer)

    def _answer(self, call: Call) -> Mapping[str, Any]:
        self.calls.append(call)
        output = self.outputs[call.operation]
        if isinstance(output, Exception):
            raise output
        return output


VOLUME = {"VolumeId": "vol-1", "Size": 3, "CreateTime": datetime(2026, 1, 15, tzinfo=UTC), "State": "available"}


@dataclass
class Stage:
    """A running front and all that it was made of."""

    front: Front
    roles: Roles
    faults: Faults
    audit: Audit
    clock: SimulatedClock
    ec2: Recorder
    backup: Recorder

    def client(self, service: str, *statements: Statement, role: str = "worker") -> Any:
        """A client of a role that may do just this."""
        self.roles.add(role, statements)
        return self.front.session(role).client(service)  # type: ignore[call-overload]

    def administrator(self, service: str) -> Any:
        """A client that may do everything."""
        return self.front.administrator.client(service)  # type: ignore[call-overload]


SetUp = Callable[..., Stage]


@pytest.fixture(name="set_up")
def _set_up() -> Iterator[SetUp]:
    with ExitStack() as stack:

        def set_up(**arguments: Any) -> Stage:
            clock = SimulatedClock()
            roles, faults, audit = Roles(clock), Faults(), Audit()
            ec2 = Recorder(
                "ec2", {"DescribeVolumes": {"Volumes": [VOLUME]}, "DeleteVolume": {}, "CreateVolume": VOLUME}
            )
            gone = Refused("ResourceNotFoundException", "no such recovery point", 400)
            backup = Recorder("backup", {"DescribeRecoveryPoint": gone, "DescribeBackupVault": {"NumberOf": 1}})
            front = Front(clock=clock, roles=roles, faults=faults, audit=audit, services=[ec2, backup], **arguments)
            return Stage(stack.enter_context(front), roles, faults, audit, clock, ec2, backup)

        yield set_up


@pytest.fixture(name="stage")
def _stage(set_up: SetUp) -> Stage:
    return set_up()


@pytest.fixture(name="s3_server", scope="session")
def _s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with object_server(tmp_path_factory.mktemp("objects")) as server:
        yield server
