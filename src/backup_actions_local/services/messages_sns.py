"""SNS: standard topics and their subscriptions, which are queues.

https://docs.aws.amazon.com/sns/latest/api/API_Operations.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Call, Handler, Refused
from backup_actions_local.services.messages_topic import Subscription, Topic, invalid
from backup_actions_local.services.paging import only, page

if TYPE_CHECKING:
    from backup_actions_local.services.messages import Messages

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_QUEUE = re.compile(r"arn:[a-z-]+:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,80}")
_PENDING = "pending confirmation"


class Sns:
    """The operations."""

    name = "sns"
    everywhere = frozenset({"GetTopicAttributes", "Subscribe"})
    """What is answered for other regions, too: neighbours may be there."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        return {
            "CreateTopic": self._create,
            "SetTopicAttributes": self._set,
            "GetTopicAttributes": self._attributes,
            "Subscribe": self._subscribe,
            "ConfirmSubscription": self._confirm,
            "Unsubscribe": self._unsubscribe,
            "ListSubscriptionsByTopic": self._subscriptions,
            "Publish": self._publish,
        }

    def _create(self, call: Call) -> Mapping[str, Any]:
        only(call, "Name", "Attributes", "Tags")
        attributes = call.params.get("Attributes") or {}
        if not _NAME.fullmatch(call.params["Name"]):
            raise invalid("Topic Name")
        if set(attributes) - {"Policy"}:
            raise invalid(f"Attributes Reason: {min(set(attributes) - {'Policy'})} is not known here")
        topic = self._messages.make_topic(call.params["Name"])
        if "Policy" in attributes:
            topic.restrict(attributes["Policy"])
        return {"TopicArn": topic.arn}

    def _set(self, call: Call) -> Mapping[str, Any]:
        only(call, "TopicArn", "AttributeName", "AttributeValue")
        topic = self._topic(call)
        if call.params["AttributeName"] != "Policy":
            raise invalid("AttributeName")
        topic.restrict(call.params.get("AttributeValue") or "")
        return {}

    def _attributes(self, call: Call) -> Mapping[str, Any]:
        only(call, "TopicArn")
        topic = self._topic(call)
        confirmed = sum(each.is_confirmed for each in topic.subscriptions)
        attributes = {
            "TopicArn": topic.arn,
            "Owner": topic.arn.split(":")[4],
            "SubscriptionsConfirmed": str(confirmed),
            "SubscriptionsPending": str(len(topic.subscriptions) - confirmed),
        }
        return {"Attributes": attributes | ({"Policy": topic.policy_text} if topic.policy_text else {})}

    def _subscribe(self, call: Call) -> Mapping[str, Any]:
        only(call, "TopicArn", "Protocol", "Endpoint", "Attributes", "ReturnSubscriptionArn")
        params, topic = call.params, self._topic(call)
        attributes = params.get("Attributes") or {}
        if params["Protocol"] != "sqs" or set(attributes) - {"RawMessageDelivery"}:
            what = f"a subscription by {params['Protocol']} with {sorted(attributes)}"
            raise Refused("NotEmbedded", f"the embedded AWS does not know {what}", 501)
        if not _QUEUE.fullmatch(params.get("Endpoint") or ""):
            raise invalid("SQS endpoint ARN")
        raw = attributes.get("RawMessageDelivery", "false") == "true"
        subscription = topic.subscribe(params["Endpoint"], self._messages.place.account, raw=raw)
        is_told = subscription.is_confirmed or params.get("ReturnSubscriptionArn")
        return {"SubscriptionArn": subscription.arn if is_told else _PENDING}

    def _confirm(self, call: Call) -> Mapping[str, Any]:
        """Whoever has read the token in the queue may confirm."""
        only(call, "TopicArn", "Token")
        return {"SubscriptionArn": self._topic(call).confirm(call.params["Token"]).arn}

    def _unsubscribe(self, call: Call) -> Mapping[str, Any]:
        """Only who subscribed, or who has the topic, may end it.

        https://docs.aws.amazon.com/sns/latest/api/API_Unsubscribe.html
        """
        only(call, "SubscriptionArn")
        arn, account = call.params["SubscriptionArn"], self._messages.place.account
        topic = self._messages.neighbours.topics.get(arn.rpartition(":")[0])
        for subscription in topic.subscriptions if topic else ():
            if subscription.arn == arn and account in {subscription.owner, arn.split(":")[4]} and topic:
                topic.unsubscribe(subscription)
                return {}
        raise Refused("NotFound", "Subscription does not exist", 404)

    def _subscriptions(self, call: Call) -> Mapping[str, Any]:
        only(call, "TopicArn", "NextToken")
        topic = self._topic(call)
        part, token = page(topic.subscriptions, call.params.get("NextToken"), 100, refusal="InvalidParameter")
        shown = [_shown(each, topic) for each in part]
        return {"Subscriptions": shown} | ({"NextToken": token} if token else {})

    def _publish(self, call: Call) -> Mapping[str, Any]:
        only(call, "TopicArn", "Message", "Subject", "MessageAttributes")
        params = call.params
        attributes = params.get("MessageAttributes") or {}
        return {"MessageId": self._topic(call).publish(params["Message"], params.get("Subject"), attributes)}

    def _topic(self, call: Call) -> Topic:
        """The topic, which has to be in the region of the call."""
        if [*call.params["TopicArn"].split(":"), "", "", ""][3] != (call.region or self._messages.place.region):
            raise invalid("TopicArn")
        topic = self._messages.neighbours.topics.get(call.params["TopicArn"])
        if topic is None:
            raise Refused("NotFound", "Topic does not exist", 404)
        return topic


def _shown(subscription: Subscription, topic: Topic) -> dict[str, str]:
    return {
        "SubscriptionArn": subscription.arn if subscription.is_confirmed else "PendingConfirmation",
        "Owner": subscription.owner,
        "Protocol": "sqs",
        "Endpoint": subscription.queue_arn,
        "TopicArn": topic.arn,
    }
