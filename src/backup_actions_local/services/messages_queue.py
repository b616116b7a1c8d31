"""A queue of SQS: messages that are hidden while somebody works on them, and dead letters.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Refused
from backup_actions_local.front.resource_policies import ResourcePolicy

if TYPE_CHECKING:
    from datetime import datetime

    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.identifiers import Identifiers

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html: default, from, to
_NUMBERS: Mapping[str, tuple[int, int, int]] = {
    "DelaySeconds": (0, 0, 900),
    "MaximumMessageSize": (1_048_576, 1_024, 1_048_576),
    "MessageRetentionPeriod": (345_600, 60, 1_209_600),
    "VisibilityTimeout": (30, 0, 43_200),
}
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(eq=False, slots=True, kw_only=True)
class Message:
    """One message in the queue that has it at the moment."""

    id: str
    body: str
    attributes: Mapping[str, Mapping[str, Any]]
    sender: str
    sent: datetime
    visible_from: datetime
    received: int = 0
    first_received: datetime | None = None
    handle: str = ""
    """Of the last time that it was received."""
    died_in: str = ""
    """The ARN of the queue whose dead letter it is."""

    def system_attributes(self) -> dict[str, str]:
        """What SQS itself says of it."""
        said = {
            "SenderId": self.sender,
            "SentTimestamp": _milliseconds(self.sent),
            "ApproximateReceiveCount": str(self.received),
        }
        if self.first_received:
            said["ApproximateFirstReceiveTimestamp"] = _milliseconds(self.first_received)
        return said | ({"DeadLetterQueueSourceArn": self.died_in} if self.died_in else {})

    def size_bytes(self) -> int:
        """What counts against the limits."""
        return size_bytes(self.body, self.attributes)


@dataclass(eq=False, kw_only=True)
class Queue:
    """A standard queue. ``find`` looks other queues up by ARN; ``on_arrival`` hears of every message that comes in."""

    arn: str
    clock: SimulatedClock
    identifiers: Identifiers
    find: Callable[[str], Queue | None]
    attributes: dict[str, str] = field(default_factory=dict)
    policy: ResourcePolicy = field(default_factory=ResourcePolicy)
    on_arrival: Callable[[Message], None] = lambda _message: None

    def __post_init__(self) -> None:
        self._messages: list[Message] = []
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The last part of its ARN."""
        return self.arn.rpartition(":")[2]

    def change(self, attributes: Mapping[str, str]) -> None:
        """Set these attributes; an empty text takes a policy away. Raises Refused, and then nothing has changed."""
        for name, value in attributes.items():
            self._check(name, value)
        if "Policy" in attributes:
            self.policy = _policy(attributes["Policy"])
        self.attributes |= attributes

    def number(self, name: str) -> int:
        """The value of an attribute that is a number."""
        return int(self.attributes.get(name, _NUMBERS[name][0]))

    def described(self) -> dict[str, str]:
        """Every attribute with its value."""
        with self._lock:
            waiting, now = self._kept(), self.clock.now()
        delayed = sum(message.visible_from > now and not message.received for message in waiting)
        hidden = sum(message.visible_from > now and message.received > 0 for message in waiting)
        return {
            **{name: str(self.number(name)) for name in _NUMBERS},
            **{name: value for name, value in self.attributes.items() if value},
            "QueueArn": self.arn,
            "ApproximateNumberOfMessages": str(len(waiting) - delayed - hidden),
            "ApproximateNumberOfMessagesDelayed": str(delayed),
            "ApproximateNumberOfMessagesNotVisible": str(hidden),
        }

    def send(
        self,
        body: str,
        sender: str,
        attributes: Mapping[str, Mapping[str, Any]] | None = None,
        delay_seconds: int | None = None,
    ) -> Message:
        """Take a message in. Raises Refused for one that SQS does not take."""
        now = self.clock.now()
        if delay_seconds is None:
            delay_seconds = self.number("DelaySeconds")
        _check_number("DelaySeconds", delay_seconds)
        message = Message(
            id=self.identifiers.uuid(), body=body, attributes=attributes or {}, sender=sender, sent=now,
            visible_from=now + timedelta(seconds=delay_seconds),
        )  # fmt: skip
        longest = self.number("MaximumMessageSize")
        if not body:
            raise Refused("MissingParameter", "The request must contain the parameter MessageBody.")
        if message.size_bytes() > longest:
            raise invalid(f"One or more parameters are invalid. Reason: Message must be shorter than {longest} bytes.")
        if _FORBIDDEN.search(body):
            raise Refused("InvalidMessageContents", "Invalid binary character was found in the message body.")
        self.accept(message)
        return message

    def accept(self, message: Message) -> None:
        """A message is in the queue, whichever way it came."""
        with self._lock:
            self._messages.append(message)
        self.clock.changed()
        self.on_arrival(message)

    def receive(self, most: int, hidden_seconds: int | None = None) -> list[Message]:
        """Up to so many messages, the oldest first; they are hidden for a while.

        One that was received too often is a dead letter instead.
        """
        seconds = self.number("VisibilityTimeout") if hidden_seconds is None else hidden_seconds
        now, taken, dead = self.clock.now(), list[Message](), list[tuple[Message, Queue]]()
        with self._lock:
            for message in [message for message in self._kept() if message.visible_from <= now]:
                if graveyard := self._graveyard(message):
                    self._messages.remove(message)
                    dead.append((message, graveyard))
                elif len(taken) < most:
                    message.received += 1
                    message.first_received = message.first_received or now
                    message.visible_from = now + timedelta(seconds=seconds)
                    message.handle = _handle(self.arn, message)
                    taken.append(message)
        for message, graveyard in dead:
            message.died_in = self.arn
            graveyard.accept(message)
        return taken

    def seconds_until_visible(self) -> float | None:
        """How long it is until the next message can be received; None if the queue is empty."""
        with self._lock:
            moments = [message.visible_from for message in self._kept()]
        return max(0.0, (min(moments) - self.clock.now()).total_seconds()) if moments else None

    def delete(self, handle: str) -> None:
        """What was received under the handle is gone, unless it was received once more since. Raises Refused.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
        """
        try:
            is_ours = base64.b64decode(handle, validate=True).decode().startswith(f"{self.arn} ")
        except (binascii.Error, UnicodeDecodeError):
            is_ours = False
        if not is_ours:
            raise Refused(
                "ReceiptHandleIsInvalid", f'The input receipt handle "{handle}" is not a valid receipt handle.'
            )
        with self._lock:
            self._messages = [message for message in self._messages if message.handle != handle]
        self.clock.changed()

    def purge(self) -> None:
        """It is empty."""
        with self._lock:
            self._messages.clear()

    def _kept(self) -> list[Message]:
        """The messages that are not too old. The lock is held."""
        oldest = self.clock.now() - timedelta(seconds=self.number("MessageRetentionPeriod"))
        self._messages = [message for message in self._messages if message.sent > oldest]
        return self._messages

    def _graveyard(self, message: Message) -> Queue | None:
        """Where a message belongs that has been received as often as it may be; None while it may be received."""
        redrive = json.loads(self.attributes.get("RedrivePolicy") or "null")
        if redrive is None or message.received < int(redrive["maxReceiveCount"]):
            return None
        return self.find(redrive["deadLetterTargetArn"])

    def _check(self, name: str, value: str) -> None:
        if name in _NUMBERS:
            _check_number(name, int(value) if value.isdecimal() else -1)
        elif name == "Policy":
            _policy(value)
        elif name == "RedrivePolicy":
            if value:
                self._check_redrive(value)
        else:
            raise Refused("InvalidAttributeName", f"Unknown Attribute {name}.")

    def _check_redrive(self, value: str) -> None:
        said = f"Value {value} for parameter RedrivePolicy is invalid. Reason:"
        try:
            redrive = json.loads(value)
            count, target = int(redrive["maxReceiveCount"]), str(redrive["deadLetterTargetArn"])
        except (ValueError, KeyError, TypeError):
            raise invalid(f"{said} Redrive policy is not a valid JSON map.") from None
        if not 1 <= count <= 1000:
            raise invalid(
                f"{said} Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive."
            )
        if self.find(target) is None:
            raise invalid(f"{said} Dead letter target does not exist.")


def size_bytes(body: str, attributes: Mapping[str, Mapping[str, Any]]) -> int:
    """What counts against the limits of a message: names, types and values of its attributes too."""
    texts = [body, *(name + attribute["DataType"] for name, attribute in attributes.items())]
    texts += [attribute.get("StringValue") or "" for attribute in attributes.values()]
    return sum(len(text.encode()) for text in texts) + sum(
        len(attribute.get("BinaryValue") or b"") for attribute in attributes.values()
    )


def invalid(message: str) -> Refused:
    """A value that SQS does not take."""
    return Refused("InvalidParameterValue", message)


def _check_number(name: str, value: int) -> None:
    _, least, most = _NUMBERS[name]
    if not least <= value <= most:
        raise invalid(f"Value {value} for parameter {name} is invalid. Reason: Must be >= {least} and <= {most}.")


def _policy(text: str) -> ResourcePolicy:
    try:
        return ResourcePolicy.from_document(text) if text else ResourcePolicy()
    except ValueError:
        raise Refused("InvalidAttributeValue", "Invalid value for the parameter Policy.") from None


def _handle(arn: str, message: Message) -> str:
    return base64.b64encode(f"{arn} {message.id} {message.received}".encode()).decode()


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))


def md5_of(body: str) -> str:
    """What SQS answers to let the sender compare."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
