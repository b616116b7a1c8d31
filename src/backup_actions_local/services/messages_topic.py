"""A topic of SNS, and the queues that are subscribed to it.

https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Refused
from backup_actions_local.front.policies import Check, Decision
from backup_actions_local.front.resource_policies import Asker, ResourcePolicy, evaluate_resource
from backup_actions_local.services.messages_queue import Queue, size_bytes

if TYPE_CHECKING:
    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.identifiers import Identifiers

SERVICE = "sns.amazonaws.com"
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: a topic may be made to take up to 1 MiB; ours are not.
_LONGEST_BYTES = 262_144
_LONGEST_SUBJECT = 100


@dataclass(eq=False, slots=True, kw_only=True)
class Subscription:
    """A queue that hears what is published, once its owner has agreed."""

    arn: str
    owner: str
    """The account that subscribed."""
    queue_arn: str
    raw: bool
    token: str
    """What the queue's owner confirms with; empty when the owner subscribed."""

    @property
    def is_confirmed(self) -> bool:
        """Whether anything is sent there."""
        return not self.token


@dataclass(eq=False, kw_only=True)
class Topic:
    """A standard topic. ``find`` looks queues up by ARN, of whatever account."""

    arn: str
    clock: SimulatedClock
    identifiers: Identifiers
    find: Callable[[str], Queue | None]
    policy: ResourcePolicy = field(default_factory=ResourcePolicy)
    policy_text: str = ""

    def __post_init__(self) -> None:
        self._subscriptions: dict[str, Subscription] = {}
        self._lock = threading.Lock()

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """All of them, the unconfirmed ones too."""
        with self._lock:
            return tuple(self._subscriptions.values())

    def restrict(self, policy: str) -> None:
        """It has this policy. Raises Refused for a text that is none."""
        try:
            self.policy = ResourcePolicy.from_document(policy) if policy else ResourcePolicy()
        except ValueError:
            raise invalid("Policy Error: null") from None
        self.policy_text = policy

    def subscribe(self, queue_arn: str, owner: str, *, raw: bool) -> Subscription:
        """The queue is subscribed; if it is not the subscriber's own, its owner has to agree first.

        https://docs.aws.amazon.com/sns/latest/dg/sns-send-message-to-sqs-cross-account.html
        """
        is_own = queue_arn.split(":")[4] == owner
        with self._lock:
            subscription = self._subscriptions.get(queue_arn)
            if subscription is None:
                arn = f"{self.arn}:{self.identifiers.uuid()}"
                token = "" if is_own else hashlib.sha256(arn.encode()).hexdigest()
                subscription = Subscription(arn=arn, owner=owner, queue_arn=queue_arn, raw=raw, token=token)
                self._subscriptions[queue_arn] = subscription
        if subscription.token:
            self._deliver(subscription, self._question(subscription), {})
        return subscription

    def confirm(self, token: str) -> Subscription:
        """The owner of the queue has agreed. Raises Refused for a token of nobody's."""
        for subscription in self.subscriptions:
            if token and subscription.token == token:
                subscription.token = ""
                return subscription
        raise invalid("Invalid token")

    def unsubscribe(self, subscription: Subscription) -> None:
        """The queue hears nothing more."""
        with self._lock:
            self._subscriptions.pop(subscription.queue_arn, None)

    def publish(self, message: str, subject: str | None, attributes: Mapping[str, Mapping[str, Any]]) -> str:
        """Everybody who is subscribed hears it; return the message's id. Raises Refused for what SNS does not take."""
        if not message:
            raise invalid("Empty message")
        if size_bytes(message, attributes) > _LONGEST_BYTES:
            raise invalid("Message too long")
        if subject is not None and not (0 < len(subject) <= _LONGEST_SUBJECT and subject.isprintable()):
            raise invalid("Subject")
        message_id = self.identifiers.uuid()
        for subscription in self.subscriptions:
            if subscription.is_confirmed:
                body = (
                    message
                    if subscription.raw
                    else self._envelope(subscription, message_id, message, subject, attributes)
                )
                self._deliver(subscription, body, attributes if subscription.raw else {})
        return message_id

    def _deliver(self, subscription: Subscription, body: str, attributes: Mapping[str, Mapping[str, Any]]) -> None:
        """Into the queue, if there is one that lets this topic in and takes the message; lost otherwise.

        https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html: such errors are not tried again.
        """
        queue = self.find(subscription.queue_arn)
        if queue is None:
            return
        context = {"aws:SourceArn": self.arn, "aws:SourceAccount": self.arn.split(":")[4]}
        check = Check("sqs:SendMessage", queue.arn, context)
        if evaluate_resource(queue.policy, Asker(service=SERVICE), check) is Decision.ALLOWED:
            _send(queue, body, attributes)

    def _envelope(
        self,
        subscription: Subscription,
        message_id: str,
        message: str,
        subject: str | None,
        attributes: Mapping[str, Mapping[str, Any]],
    ) -> str:
        """Source: https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html"""
        carried = {
            name: {"Type": each["DataType"], "Value": each.get("StringValue") or _base64(each["BinaryValue"])}
            for name, each in attributes.items()
        }
        return _written(
            {"Type": "Notification", "MessageId": message_id, "TopicArn": self.arn}
            | ({"Subject": subject} if subject is not None else {})
            | {"Message": message, **self._signed(message_id)}
            | {"UnsubscribeURL": f"{self._url}/?Action=Unsubscribe&SubscriptionArn={subscription.arn}"}
            | ({"MessageAttributes": carried} if carried else {})
        )

    def _question(self, subscription: Subscription) -> str:
        """Source: https://docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html"""
        message_id, token = self.identifiers.uuid(), subscription.token
        text = f"You have chosen to subscribe to the topic {self.arn}. To confirm it, visit the SubscribeURL."
        return _written(
            {"Type": "SubscriptionConfirmation", "MessageId": message_id, "Token": token, "TopicArn": self.arn}
            | {"Message": text, **self._signed(message_id)}
            | {"SubscribeURL": f"{self._url}/?Action=ConfirmSubscription&TopicArn={self.arn}&Token={token}"}
        )

    @property
    def _url(self) -> str:
        return f"https://sns.{self.arn.split(':')[3]}.amazonaws.com"

    def _signed(self, message_id: str) -> dict[str, str]:
        """The form of a signature; there is no certificate against which anybody could check it."""
        return {
            "Timestamp": self.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "SignatureVersion": "1",
            "Signature": _base64(hashlib.sha256(message_id.encode()).digest()),
            "SigningCertURL": f"{self._url}/SimpleNotificationService-embedded.pem",
        }


def invalid(what: str) -> Refused:
    """A parameter that SNS does not take."""
    return Refused("InvalidParameter", f"Invalid parameter: {what}")


def _send(queue: Queue, body: str, attributes: Mapping[str, Mapping[str, Any]]) -> None:
    try:
        queue.send(body, "AIDAISNSEMBEDDED", attributes)
    except Refused as refusal:
        if refusal.code not in {"InvalidParameterValue", "InvalidMessageContents"}:
            raise


def _written(envelope: Mapping[str, Any]) -> str:
    return json.dumps(envelope, indent=2, separators=(",", " : "))


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
