"""Two accounts next to each other, for what one copies of the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from backup_actions_local.clock import SimulatedClock
from backup_actions_local.cloud import Cloud
from backup_actions_local.services.neighbours import Neighbours
from backup_actions_local.services.place import Place

if TYPE_CHECKING:
    from pathlib import Path

    from backup_actions_local.seaweed import ObjectServer
    from backup_actions_local.services.keys import Key

GIVER, TAKER = "111122223333", "444455556666"
HOME, AWAY = "us-east-1", "eu-west-1"
COPIED_SECONDS = 300
GONE_SECONDS = 30


@dataclass
class Accounts:
    """One gives, the other takes; the administrators of both do all that no test is about."""

    giver: Cloud
    taker: Cloud
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def name(self) -> str:
        """A name that no other test has."""
        return f"thing-{next(self.numbers)}"

    def pass_time(self, seconds: float) -> None:
        """On the clock that both live on."""
        self.giver.clock.sleep(seconds)

    def shared_key(self, region: str = HOME) -> Key:
        """A key of the giver's with which the taker may have things decrypted."""
        statements = [
            _allowed(f"arn:aws:iam::{GIVER}:root", "kms:*"),
            _allowed(f"arn:aws:iam::{TAKER}:root", "kms:Decrypt", "kms:DescribeKey", "kms:ReEncryptFrom"),
            {
                **_allowed(f"arn:aws:iam::{TAKER}:root", "kms:CreateGrant"),
                "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
            },
        ]
        return self.giver.keys.make(policy={"Version": "2012-10-17", "Statement": statements}, region=region)

    def own_key(self) -> Key:
        """A key of the taker's."""
        return self.taker.keys.make()


def client(cloud: Cloud, service: str, region: str = HOME, role: str = "") -> Any:
    """The administrator's, or a role's, in a region."""
    session = cloud.session(role) if role else cloud.administrator
    return session.client(service, region_name=region)  # type: ignore[call-overload]


def refusal(error: ClientError) -> str:
    """The code of an answer."""
    return error.response["Error"]["Code"]


def events_about(cloud: Cloud, arn: str) -> list[Mapping[str, Any]]:
    """The details of all events about this, in order."""
    return [event["detail"] for event in cloud.events.seen if arn in event["resources"]]


@contextmanager
def two_clouds(directory: Path, objects: ObjectServer) -> Iterator[Accounts]:
    """Both run; the calling thread counts on their clock."""
    clock, neighbours = SimulatedClock(), Neighbours()
    clouds = [
        Cloud(
            directory / account,
            objects,
            clock=clock,
            mode="inline",
            place=Place(account=account),
            neighbours=neighbours,
        )
        for account in (GIVER, TAKER)
    ]
    with clouds[0] as giver, clouds[1] as taker, clock.actor():
        yield Accounts(giver, taker)


def _allowed(principal: str, *actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": list(actions), "Resource": "*"}
