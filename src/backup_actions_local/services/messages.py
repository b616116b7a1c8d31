"""The queues and topics of one account, and the functions that are fed from queues."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Refused
from backup_actions_local.services.chores import Chores
from backup_actions_local.services.hosting.orders import FunctionError
from backup_actions_local.services.identifiers import Identifiers
from backup_actions_local.services.messages_queue import Message, Queue, md5_of
from backup_actions_local.services.messages_topic import Topic

if TYPE_CHECKING:
    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.durations import Durations
    from backup_actions_local.services.neighbours import Neighbours
    from backup_actions_local.services.place import Place

Deliver = Callable[[Mapping[str, Any]], object]
"""Hands an event with one record to a function; raises FunctionError or Refused when that does not take it."""

# The least that Lambda's ScalingConfig allows, which is what inboxes have.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
_MESSAGES_AT_A_TIME = 2


class Messages:
    """They are where the neighbours see them; so are theirs. A function fed from a queue is an actor on the clock."""

    def __init__(self, *, clock: SimulatedClock, place: Place, durations: Durations, neighbours: Neighbours) -> None:
        self.place, self.neighbours = place, neighbours
        self._clock, self._durations = clock, durations
        self._identifiers = Identifiers(f"messages of {place.account}")
        self._chores = Chores(clock)

    def make_queue(self, name: str) -> Queue:
        """A queue without attributes and without messages."""
        arn, find = self.place.arn("sqs", name), self.neighbours.queues.get
        queue = Queue(arn=arn, clock=self._clock, identifiers=self._identifiers, find=find)
        self.neighbours.queues[arn] = queue
        return queue

    def make_topic(self, name: str) -> Topic:
        """A topic to which nobody is subscribed; the one of this name, if there is one."""
        arn, find = self.place.arn("sns", name), self.neighbours.queues.get
        topic = Topic(arn=arn, clock=self._clock, identifiers=self._identifiers, find=find)
        return self.neighbours.topics.setdefault(arn, topic)

    def feed(self, queue: Queue, deliver: Deliver) -> None:
        """Let a function have every message that comes, one at a time, until it takes it or it is a dead letter.

        https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
        """
        lock, pollers = threading.Lock(), list[Message]()

        def arrived(message: Message) -> None:
            with lock:
                if len(pollers) < _MESSAGES_AT_A_TIME:
                    pollers.append(message)
                    self._chores.begin(f"messages of {queue.name}", lambda: poll(message))

        def poll(first: Message) -> None:
            while True:
                with lock:
                    seconds = queue.seconds_until_visible()
                    if seconds is None:
                        pollers.remove(first)
                        return
                self._fetch(queue, seconds, deliver)

        queue.on_arrival = arrived

    def close(self) -> None:
        """Nothing is delivered any more, and nobody sees what was here."""
        self._chores.close()
        self.neighbours.forget(self.place.account)

    def _fetch(self, queue: Queue, seconds: float, deliver: Deliver) -> None:
        """Wait for a message that can be seen, and hand it over; what is not taken is seen again later."""
        if seconds:
            self._chores.sleep(seconds, unless=lambda: not queue.seconds_until_visible())
            return
        self._chores.sleep(self._durations.event_delivered_seconds)
        for message in queue.receive(1):
            record = self._record(queue, message)
            with contextlib.suppress(FunctionError, Refused):
                deliver({"Records": [record]})
                queue.delete(record["receiptHandle"])

    def _record(self, queue: Queue, message: Message) -> dict[str, Any]:
        """Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event"""
        return {
            "messageId": message.id,
            "receiptHandle": message.handle,
            "body": message.body,
            "attributes": message.system_attributes(),
            "messageAttributes": {
                name: {
                    "stringValue": attribute.get("StringValue", ""),
                    "stringListValues": [],
                    "binaryListValues": [],
                    "dataType": attribute["DataType"],
                }
                for name, attribute in message.attributes.items()
            },
            "md5OfBody": md5_of(message.body),
            "eventSource": "aws:sqs",
            "eventSourceARN": queue.arn,
            "awsRegion": self.place.region,
        }
