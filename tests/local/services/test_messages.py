"""Queues, topics and fed functions of one account, called as the front would call them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from backup_actions_local.calls import Refused
from backup_actions_local.services.durations import Durations
from backup_actions_local.services.hosting.orders import FunctionError
from backup_actions_local.services.messages import Messages
from backup_actions_local.services.messages_sns import Sns
from backup_actions_local.services.messages_sqs import Sqs
from backup_actions_local.services.neighbours import Neighbours

from .conftest import Ask, Cloud

URL = "http://127.0.0.1:1/111122223333/work"
HERE = "us-east-1:111122223333"
MIB = 1 << 20


@pytest.fixture(name="messages")
def _messages(cloud: Cloud) -> Iterator[Messages]:
    messages = Messages(clock=cloud.clock, place=cloud.place, durations=Durations(), neighbours=Neighbours())
    yield messages
    messages.close()


@pytest.fixture(name="sqs")
def _sqs(cloud: Cloud, messages: Messages) -> Ask:
    return cloud.ask(Sqs(messages, lambda: "http://127.0.0.1:1"))


@pytest.fixture(name="sns")
def _sns(cloud: Cloud, messages: Messages) -> Ask:
    return cloud.ask(Sns(messages))


def bodies(sqs: Ask, url: str = URL, **how: Any) -> list[str]:
    return [message["Body"] for message in sqs("ReceiveMessage", QueueUrl=url, **how).get("Messages", [])]


def let_in(topic: str, queue: str = f"arn:aws:sqs:{HERE}:work") -> dict[str, str]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": statement})}


def test_a_message_is_hidden_from_others_while_somebody_works_on_it(cloud: Cloud, sqs: Ask) -> None:
    assert sqs("CreateQueue", QueueName="work", Attributes={"VisibilityTimeout": "60"}) == {"QueueUrl": URL}
    sent = sqs("SendMessage", QueueUrl=URL, MessageBody="a", MessageAttributes={})

    (first,) = sqs("ReceiveMessage", QueueUrl=URL, AttributeNames=["All"])["Messages"]
    assert first["MessageId"] == sent["MessageId"]
    assert first["MD5OfBody"] == sent["MD5OfMessageBody"] == "0cc175b9c0f1b6a831c399e269772661"
    assert first["Attributes"]["ApproximateReceiveCount"] == "1"
    assert bodies(sqs) == []
    cloud.clock.sleep(59)
    assert bodies(sqs) == []
    cloud.clock.sleep(1)
    (again,) = sqs("ReceiveMessage", QueueUrl=URL, MessageSystemAttributeNames=["ApproximateReceiveCount"])["Messages"]
    assert again["Attributes"] == {"ApproximateReceiveCount": "2"}

    sqs("DeleteMessage", QueueUrl=URL, ReceiptHandle=first["ReceiptHandle"])  # an old one: it deletes nothing
    cloud.clock.sleep(60)
    assert bodies(sqs, VisibilityTimeout=0) == ["a"]
    (last,) = sqs("ReceiveMessage", QueueUrl=URL)["Messages"]
    sqs("DeleteMessage", QueueUrl=URL, ReceiptHandle=last["ReceiptHandle"])
    cloud.clock.sleep(3600)
    assert bodies(sqs) == []


def test_messages_come_late_when_they_are_delayed_and_go_when_they_are_old(cloud: Cloud, sqs: Ask) -> None:
    sqs("CreateQueue", QueueName="work", Attributes={"DelaySeconds": "5", "MessageRetentionPeriod": "3600"})
    sqs("SendMessage", QueueUrl=URL, MessageBody="by the queue")
    sqs("SendMessage", QueueUrl=URL, MessageBody="at once", DelaySeconds=0)
    sqs("SendMessage", QueueUrl=URL, MessageBody="late", DelaySeconds=900)

    assert bodies(sqs, MaxNumberOfMessages=10) == ["at once"]
    counted = sqs("GetQueueAttributes", QueueUrl=URL, AttributeNames=["All"])["Attributes"]
    waiting = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed")
    assert [counted[name] for name in (*waiting, "ApproximateNumberOfMessagesNotVisible")] == ["0", "2", "1"]
    cloud.clock.sleep(5)
    assert bodies(sqs, MaxNumberOfMessages=10) == ["by the queue"]
    cloud.clock.sleep(895)
    assert bodies(sqs, MaxNumberOfMessages=10) == ["by the queue", "at once", "late"]
    cloud.clock.sleep(timedelta(hours=1).total_seconds())
    assert bodies(sqs, MaxNumberOfMessages=10) == []


def test_to_ask_for_a_message_waits_for_none(cloud: Cloud, sqs: Ask) -> None:
    sqs("CreateQueue", QueueName="work")
    before = cloud.clock.now()

    assert bodies(sqs, WaitTimeSeconds=20) == []
    assert cloud.clock.now() == before


def test_a_message_received_too_often_is_a_dead_letter_that_says_whose(cloud: Cloud, sqs: Ask) -> None:
    dead = sqs("CreateQueue", QueueName="dead")["QueueUrl"]
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:{HERE}:dead", "maxReceiveCount": 2}
    sqs("CreateQueue", QueueName="work", Attributes={"RedrivePolicy": json.dumps(redrive)})
    attributes = {"why": {"DataType": "String", "StringValue": "because"}}
    sent = sqs("SendMessage", QueueUrl=URL, MessageBody="poison", MessageAttributes=attributes)

    for _ in range(2):
        assert bodies(sqs) == ["poison"]
        assert bodies(sqs, dead) == []
        cloud.clock.sleep(30)
    assert bodies(sqs) == []

    (letter,) = sqs("ReceiveMessage", QueueUrl=dead, AttributeNames=["All"], MessageAttributeNames=["All"])["Messages"]
    assert letter["MessageId"] == sent["MessageId"]
    assert letter["MessageAttributes"] == attributes
    assert letter["Attributes"]["ApproximateReceiveCount"] == "3"
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == f"arn:aws:sqs:{HERE}:work"


def test_only_the_attributes_that_were_asked_for_are_told(sqs: Ask) -> None:
    sqs("CreateQueue", QueueName="work")
    attributes = {name: {"DataType": "String", "StringValue": name} for name in ("a", "b")}
    sqs("SendMessage", QueueUrl=URL, MessageBody="x", MessageAttributes=attributes)

    (message,) = sqs("ReceiveMessage", QueueUrl=URL, VisibilityTimeout=0)["Messages"]
    assert not {"Attributes", "MessageAttributes"} & set(message)
    (message,) = sqs("ReceiveMessage", QueueUrl=URL, MessageAttributeNames=["b"])["Messages"]
    assert message["MessageAttributes"] == {"b": attributes["b"]}


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("SendMessage", {"MessageBody": "a" * MIB + "a"}, "InvalidParameterValue"),
        ("SendMessage", {"MessageBody": ""}, "MissingParameter"),
        ("SendMessage", {"MessageBody": "\x00"}, "InvalidMessageContents"),
        ("SendMessage", {"MessageBody": "a", "DelaySeconds": 901}, "InvalidParameterValue"),
        ("SendMessage", {"MessageBody": "a", "MessageGroupId": "1"}, "NotEmbedded"),
        ("ReceiveMessage", {"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        ("ReceiveMessage", {"MaxNumberOfMessages": 0}, "InvalidParameterValue"),
        ("ReceiveMessage", {"VisibilityTimeout": 43_201}, "InvalidParameterValue"),
        ("ReceiveMessage", {"WaitTimeSeconds": 21}, "InvalidParameterValue"),
        ("DeleteMessage", {"ReceiptHandle": "none"}, "ReceiptHandleIsInvalid"),
        ("SetQueueAttributes", {"Attributes": {"VisibilityTimeout": "long"}}, "InvalidParameterValue"),
        ("SetQueueAttributes", {"Attributes": {"FifoQueue": "true"}}, "InvalidAttributeName"),
        ("SetQueueAttributes", {"Attributes": {"Policy": "[]"}}, "InvalidAttributeValue"),
        ("SetQueueAttributes", {"Attributes": {"RedrivePolicy": "{}"}}, "InvalidParameterValue"),
        (
            "SetQueueAttributes",
            {"Attributes": {"RedrivePolicy": '{"deadLetterTargetArn": "arn:x", "maxReceiveCount": 1}'}},
            "InvalidParameterValue",
        ),
        ("GetQueueAttributes", {"QueueUrl": URL + "s"}, "AWS.SimpleQueueService.NonExistentQueue"),
        ("GetQueueUrl", {"QueueUrl": None, "QueueName": "nowhere"}, "AWS.SimpleQueueService.NonExistentQueue"),
        ("CreateQueue", {"QueueUrl": None, "QueueName": "a.fifo"}, "InvalidParameterValue"),
        (
            "CreateQueue",
            {"QueueUrl": None, "QueueName": "work", "Attributes": {"DelaySeconds": "1"}},
            "QueueAlreadyExists",
        ),
    ],
)
def test_what_sqs_does_not_take_is_refused_by_its_own_code(
    sqs: Ask, operation: str, params: Mapping[str, Any], code: str
) -> None:
    sqs("CreateQueue", QueueName="work")

    with pytest.raises(Refused) as refused:
        sqs(operation, **{"QueueUrl": URL, **params})

    assert refused.value.code == code


def test_a_queue_is_found_by_its_name_made_once_changed_and_emptied(sqs: Ask) -> None:
    sqs("CreateQueue", QueueName="work", Attributes={"DelaySeconds": "3"})
    assert sqs("CreateQueue", QueueName="work", Attributes={"DelaySeconds": "3"}) == {"QueueUrl": URL}
    sqs("SetQueueAttributes", QueueUrl=URL, Attributes={"DelaySeconds": "0"})
    sqs("SendMessage", QueueUrl=URL, MessageBody="x")

    assert sqs("GetQueueUrl", QueueName="work") == {"QueueUrl": URL}
    sqs("PurgeQueue", QueueUrl=URL)
    assert bodies(sqs) == []


def test_what_is_published_arrives_in_an_envelope_as_aws_writes_it(sqs: Ask, sns: Ask) -> None:
    topic = sns("CreateTopic", Name="news")["TopicArn"]
    sqs("CreateQueue", QueueName="work", Attributes=let_in(topic))
    subscribed = sns("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{HERE}:work")
    attributes = {"kind": {"DataType": "String", "StringValue": "archive"}}

    published = sns("Publish", TopicArn=topic, Message="bonjour ☃", Subject="greeting", MessageAttributes=attributes)

    (body,) = bodies(sqs)
    envelope = json.loads(body)
    assert body.startswith('{\n  "Type" : "Notification",\n  "MessageId" : ')
    assert list(envelope) == [
        "Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature",
        "SigningCertURL", "UnsubscribeURL", "MessageAttributes",
    ]  # fmt: skip
    assert envelope["MessageId"] == published["MessageId"]
    assert envelope["TopicArn"] == topic == f"arn:aws:sns:{HERE}:news"
    assert (envelope["Message"], envelope["Subject"]) == ("bonjour ☃", "greeting")
    assert envelope["Timestamp"] == "2026-01-15T03:00:00.000Z"
    assert envelope["MessageAttributes"] == {"kind": {"Type": "String", "Value": "archive"}}
    assert subscribed["SubscriptionArn"] in envelope["UnsubscribeURL"]


def test_a_raw_subscription_passes_messages_on_as_they_are(sqs: Ask, sns: Ask) -> None:
    topic = sns("CreateTopic", Name="news")["TopicArn"]
    sqs("CreateQueue", QueueName="work", Attributes=let_in(topic))
    how = {"Protocol": "sqs", "Endpoint": f"arn:aws:sqs:{HERE}:work", "Attributes": {"RawMessageDelivery": "true"}}
    sns("Subscribe", TopicArn=topic, **how)
    sns("Publish", TopicArn=topic, Message="{}", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})

    (message,) = sqs("ReceiveMessage", QueueUrl=URL, MessageAttributeNames=["All"])["Messages"]
    assert (message["Body"], message["MessageAttributes"]["a"]["StringValue"]) == ("{}", "b")


def test_a_queue_hears_only_topics_that_its_policy_lets_in(sqs: Ask, sns: Ask) -> None:
    topics = [sns("CreateTopic", Name=name)["TopicArn"] for name in ("news", "other")]
    sqs("CreateQueue", QueueName="work", Attributes=let_in(topics[0]))
    for topic in topics:
        sns("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{HERE}:work")
        sns("Publish", TopicArn=topic, Message="news")
    sqs("SetQueueAttributes", QueueUrl=URL, Attributes={"Policy": ""})
    sns("Publish", TopicArn=topics[0], Message="more")

    (body,) = bodies(sqs, MaxNumberOfMessages=10)
    assert json.loads(body)["TopicArn"] == topics[0]


def test_who_has_unsubscribed_hears_nothing_more(sqs: Ask, sns: Ask) -> None:
    topic = sns("CreateTopic", Name="news")["TopicArn"]
    sqs("CreateQueue", QueueName="work", Attributes=let_in(topic))
    where = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": f"arn:aws:sqs:{HERE}:work"}
    subscription = sns("Subscribe", **where)["SubscriptionArn"]
    assert sns("Subscribe", **where)["SubscriptionArn"] == subscription
    (shown,) = sns("ListSubscriptionsByTopic", TopicArn=topic)["Subscriptions"]
    assert shown["SubscriptionArn"] == subscription

    sns("Unsubscribe", SubscriptionArn=subscription)
    sns("Publish", TopicArn=topic, Message="news")

    assert bodies(sqs) == []
    with pytest.raises(Refused, match="NotFound"):
        sns("Unsubscribe", SubscriptionArn=subscription)


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("Publish", {"Message": ""}, "InvalidParameter"),
        ("Publish", {"Message": "a" * (256 * 1024 + 1)}, "InvalidParameter"),
        ("Publish", {"Message": "a", "Subject": "two\nlines"}, "InvalidParameter"),
        ("Publish", {"Message": "a", "Subject": "a" * 101}, "InvalidParameter"),
        ("Publish", {"Message": "a", "TopicArn": f"arn:aws:sns:{HERE}:old"}, "NotFound"),
        ("Publish", {"Message": "{}", "MessageStructure": "json"}, "NotEmbedded"),
        ("Subscribe", {"Protocol": "email", "Endpoint": "a@example.com"}, "NotEmbedded"),
        ("Subscribe", {"Protocol": "sqs", "Endpoint": URL}, "InvalidParameter"),
        ("GetTopicAttributes", {"TopicArn": "arn:aws:sns:eu-west-1:111122223333:news"}, "InvalidParameter"),
        ("GetTopicAttributes", {"TopicArn": "news"}, "InvalidParameter"),
        ("SetTopicAttributes", {"AttributeName": "Policy", "AttributeValue": "none"}, "InvalidParameter"),
        ("SetTopicAttributes", {"AttributeName": "DisplayName", "AttributeValue": "a"}, "InvalidParameter"),
        ("ConfirmSubscription", {"Token": ""}, "InvalidParameter"),
        ("CreateTopic", {"TopicArn": None, "Name": "a b"}, "InvalidParameter"),
    ],
)
def test_what_sns_does_not_take_is_refused_by_its_own_code(
    sns: Ask, operation: str, params: Mapping[str, Any], code: str
) -> None:
    topic = sns("CreateTopic", Name="news")["TopicArn"]

    with pytest.raises(Refused) as refused:
        sns(operation, **{"TopicArn": topic, **params})

    assert refused.value.code == code


# ------------------------------------------------------------------------------------------------------ fed functions


def fed(messages: Messages, *, fails: int = 0, dead_after: int = 3) -> list[tuple[str, Mapping[str, Any]]]:
    """What a function sees that is fed from the queue ``work`` and fails so many times: when, and what."""
    messages.make_queue("dead")
    queue = messages.make_queue("work")
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:{HERE}:dead", "maxReceiveCount": dead_after}
    queue.change({"VisibilityTimeout": "60", "RedrivePolicy": json.dumps(redrive)})
    seen: list[tuple[str, Mapping[str, Any]]] = []

    def function(event: Mapping[str, Any]) -> None:
        (record,) = event["Records"]
        seen.append((f"{queue.clock.now():%H:%M:%S}", record))
        if len(seen) <= fails:
            raise FunctionError("ValueError", "not this one")

    messages.feed(queue, function)
    return seen


def test_a_function_has_a_message_as_lambda_hands_it_over(cloud: Cloud, messages: Messages, sqs: Ask) -> None:
    seen = fed(messages)
    attributes = {"a": {"DataType": "String", "StringValue": "b"}}
    sent = sqs("SendMessage", QueueUrl=URL, MessageBody="work", MessageAttributes=attributes)
    cloud.clock.sleep(3600)

    ((moment, record),) = seen
    assert moment == "03:00:01"
    assert record == {
        "messageId": sent["MessageId"],
        "receiptHandle": record["receiptHandle"],
        "body": "work",
        "attributes": {
            "SenderId": "AROAsomebody:",
            "SentTimestamp": "1768446000000",
            "ApproximateReceiveCount": "1",
            "ApproximateFirstReceiveTimestamp": "1768446001000",
        },
        "messageAttributes": {
            "a": {"stringValue": "b", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
        },
        "md5OfBody": sent["MD5OfMessageBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{HERE}:work",
        "awsRegion": "us-east-1",
    }
    assert bodies(sqs) == []


def test_a_function_that_fails_has_the_message_again_when_it_is_visible(
    cloud: Cloud, messages: Messages, sqs: Ask
) -> None:
    seen = fed(messages, fails=1)
    sqs("SendMessage", QueueUrl=URL, MessageBody="work", DelaySeconds=10)
    cloud.clock.sleep(3600)

    assert [(moment, record["attributes"]["ApproximateReceiveCount"]) for moment, record in seen] == [
        ("03:00:11", "1"),
        ("03:01:12", "2"),
    ]
    assert bodies(sqs) == bodies(sqs, URL.replace("work", "dead")) == []


def test_what_a_function_never_takes_is_a_dead_letter(cloud: Cloud, messages: Messages, sqs: Ask) -> None:
    seen = fed(messages, fails=99, dead_after=2)
    sqs("SendMessage", QueueUrl=URL, MessageBody="poison")
    cloud.clock.sleep(3600)

    assert len(seen) == 2
    assert bodies(sqs, URL.replace("work", "dead")) == ["poison"]


def test_each_message_comes_alone_and_two_at_a_time(cloud: Cloud, messages: Messages, sqs: Ask) -> None:
    seen = fed(messages)
    for number in range(7):
        sqs("SendMessage", QueueUrl=URL, MessageBody=str(number))
    cloud.clock.sleep(3600)

    assert sorted(record["body"] for _, record in seen) == list("0123456")
    assert sorted(moment for moment, _ in seen) == [
        *("03:00:01", "03:00:01", "03:00:02", "03:00:02", "03:00:03", "03:00:03"),
        "03:00:04",
    ]


def test_a_message_that_comes_is_not_kept_waiting_by_those_that_are_hidden(
    cloud: Cloud, messages: Messages, sqs: Ask
) -> None:
    seen = fed(messages)
    for body in ("a", "b"):
        sqs("SendMessage", QueueUrl=URL, MessageBody=body, DelaySeconds=900)
    cloud.clock.sleep(60)
    sqs("SendMessage", QueueUrl=URL, MessageBody="now")
    cloud.clock.sleep(60)

    assert [(moment, record["body"]) for moment, record in seen] == [("03:01:01", "now")]
    cloud.clock.sleep(900)
    assert sorted(record["body"] for _, record in seen) == ["a", "b", "now"]
