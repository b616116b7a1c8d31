"""SQS: standard queues, of this account and, where a queue's policy lets us, of others.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from backup_actions_local.calls import Call, Handler, Refused
from backup_actions_local.services.messages_queue import Message, Queue, invalid, md5_of
from backup_actions_local.services.paging import only

if TYPE_CHECKING:
    from backup_actions_local.services.messages import Messages

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_MOST_MESSAGES = 10
_LONGEST_HIDDEN_SECONDS = 43_200
_LONGEST_POLL_SECONDS = 20


class Sqs:
    """The operations. ``url`` is where queues are reached: an account's id and a queue's name follow it."""

    name = "sqs"
    everywhere = frozenset({"GetQueueAttributes", "GetQueueUrl", "SendMessage"})
    """What is answered for other regions, too: neighbours may be there."""

    def __init__(self, messages: Messages, url: Callable[[], str]) -> None:
        self._messages, self._url = messages, url

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        return {
            "CreateQueue": self._create,
            "SetQueueAttributes": self._set,
            "GetQueueAttributes": self._attributes,
            "GetQueueUrl": self._find,
            "SendMessage": self._send,
            "ReceiveMessage": self._receive,
            "DeleteMessage": self._delete,
            "PurgeQueue": self._purge,
        }

    def _create(self, call: Call) -> Mapping[str, Any]:
        only(call, "QueueName", "Attributes", "tags")
        name, attributes = call.params["QueueName"], call.params.get("Attributes") or {}
        if not _NAME.fullmatch(name):
            raise invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
        place, queues = self._messages.place, self._messages.neighbours.queues
        there = queues.get(place.arn("sqs", name))
        if there is None:
            queue = self._messages.make_queue(name)
            try:
                queue.change(attributes)
            except Refused:
                del queues[queue.arn]
                raise
        elif any(there.described().get(each) != value for each, value in attributes.items()):
            message = f"A queue already exists with the same name and a different value for attribute {min(attributes)}"
            raise Refused("QueueAlreadyExists", message)
        return {"QueueUrl": f"{self._url()}/{place.account}/{name}"}

    def _set(self, call: Call) -> Mapping[str, Any]:
        only(call, "QueueUrl", "Attributes")
        self._own_queue(call).change(call.params["Attributes"])
        return {}

    def _attributes(self, call: Call) -> Mapping[str, Any]:
        only(call, "QueueUrl", "AttributeNames")
        described, wanted = self._queue(call).described(), call.params.get("AttributeNames") or ()
        return {"Attributes": {name: value for name, value in described.items() if {name, "All"} & set(wanted)}}

    def _find(self, call: Call) -> Mapping[str, Any]:
        only(call, "QueueName", "QueueOwnerAWSAccountId")
        account = call.params.get("QueueOwnerAWSAccountId") or self._messages.place.account
        self._there(call, account, call.params["QueueName"])
        return {"QueueUrl": f"{self._url()}/{account}/{call.params['QueueName']}"}

    def _send(self, call: Call) -> Mapping[str, Any]:
        only(call, "QueueUrl", "MessageBody", "DelaySeconds", "MessageAttributes")
        params = call.params
        sender = f"AROA{call.caller.role}:{call.caller.session}"
        attributes = params.get("MessageAttributes") or {}
        message = self._queue(call).send(params["MessageBody"], sender, attributes, params.get("DelaySeconds"))
        return {"MessageId": message.id, "MD5OfMessageBody": md5_of(message.body)}

    def _receive(self, call: Call) -> Mapping[str, Any]:
        """What is there now: to wait for a message would hold up the clock on which it could come."""
        only(
            call, "QueueUrl", "AttributeNames", "MessageSystemAttributeNames", "MessageAttributeNames",
            "MaxNumberOfMessages", "VisibilityTimeout", "WaitTimeSeconds",
        )  # fmt: skip
        params = call.params
        most = _within(params, "MaxNumberOfMessages", 1, _MOST_MESSAGES)
        hidden_seconds = _within(params, "VisibilityTimeout", 0, _LONGEST_HIDDEN_SECONDS)
        _within(params, "WaitTimeSeconds", 0, _LONGEST_POLL_SECONDS)
        received = self._queue(call).receive(1 if most is None else most, hidden_seconds)
        return {"Messages": [_shown(message, params) for message in received]} if received else {}

    def _delete(self, call: Call) -> Mapping[str, Any]:
        only(call, "QueueUrl", "ReceiptHandle")
        self._queue(call).delete(call.params["ReceiptHandle"])
        return {}

    def _purge(self, call: Call) -> Mapping[str, Any]:
        only(call, "QueueUrl")
        self._own_queue(call).purge()
        return {}

    def _queue(self, call: Call) -> Queue:
        """The queue of a URL, which ends in the account and the queue's name."""
        account, _, name = urlsplit(call.params["QueueUrl"]).path.strip("/").rpartition("/")
        return self._there(call, account.rpartition("/")[2], name)

    def _own_queue(self, call: Call) -> Queue:
        """Other accounts' queues are not managed, whatever their policies say.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-customer-managed-policy-examples.html
        """
        queue = self._queue(call)
        if queue.arn.split(":")[4] != self._messages.place.account:
            raise Refused("AccessDenied", f"Access to the resource {call.params['QueueUrl']} is denied.", 403)
        return queue

    def _there(self, call: Call, account: str, name: str) -> Queue:
        """The queue, which is in the region of the call."""
        place = self._messages.place
        arn = replace(place, region=call.region or place.region).arn("sqs", name, account=account)
        queue = self._messages.neighbours.queues.get(arn)
        if queue is None:
            raise Refused("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
        return queue


def _within(params: Mapping[str, Any], name: str, least: int, most: int) -> int | None:
    value: int | None = params.get(name)
    if value is not None and not least <= value <= most:
        raise invalid(
            f"Value {value} for parameter {name} is invalid. Reason: Must be between {least} and {most}, if provided."
        )
    return value


def _shown(message: Message, params: Mapping[str, Any]) -> dict[str, Any]:
    """A message as ReceiveMessage has it, with the attributes that were asked for."""
    of_system = {*(params.get("AttributeNames") or ()), *(params.get("MessageSystemAttributeNames") or ())}
    asked = params.get("MessageAttributeNames") or ()
    shown: dict[str, Any] = {
        "MessageId": message.id,
        "ReceiptHandle": message.handle,
        "MD5OfBody": md5_of(message.body),
        "Body": message.body,
    }
    said = {name: value for name, value in message.system_attributes().items() if {name, "All"} & of_system}
    given = {name: value for name, value in message.attributes.items() if {name, "All", ".*"} & set(asked)}
    return shown | ({"Attributes": said} if said else {}) | ({"MessageAttributes": given} if given else {})
