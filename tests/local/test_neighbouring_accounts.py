"""Two accounts in one process: what they may have of each other, and what they may not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from tests.local import letters

from backup_actions.contract import Statement
from backup_actions.settings import from_mapping
from backup_actions_local.clock import SimulatedClock
from backup_actions_local.cloud import Cloud
from backup_actions_local.services.neighbours import Neighbours
from backup_actions_local.services.place import Place

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_s3.type_defs import CopySourceTypeDef

    from backup_actions.contract import Action
    from backup_actions_local.deployment import Deployment
    from backup_actions_local.seaweed import ObjectServer

WRITER, READER = "111122223333", "444455556666"
TOPIC = f"arn:aws:sns:us-east-1:{WRITER}:backup-actions-writer-letters"
LETTERS = f"arn:aws:sqs:us-east-1:{READER}:backup-actions-reader-letters"
ANSWERS = f"arn:aws:sqs:us-east-1:{WRITER}:backup-actions-writer-answers"


@dataclass
class World:
    """Both accounts, deployed."""

    clock: SimulatedClock
    writer: Cloud
    reader: Cloud
    deployments: dict[str, Deployment]

    def let_pass(self, seconds: float = 60.0) -> None:
        """Everything that is on its way arrives."""
        with self.clock.actor():
            self.clock.sleep(seconds)
        self.clock.wait_for_rest()

    def dead_letters(self, account: str) -> list[str]:
        """What is in the dead-letter queue of an account, taken out of it."""
        cloud = self.writer if account == WRITER else self.reader
        url = self.deployments[account].resources["DeadLetterQueueUrl"]
        sqs = cloud.administrator.client("sqs")
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for each in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return [each["Body"] for each in found]


@pytest.fixture(name="world", scope="module")
def _world(tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("accounts")
    clock, neighbours = SimulatedClock(), Neighbours()

    def cloud(account: str) -> Cloud:
        place = Place(account=account)
        return Cloud(folder / account, flow_objects, clock=clock, mode="inline", place=place, neighbours=neighbours)

    def deployed(cloud: Cloud, action: Action, **settings: Any) -> Deployment:
        account = cloud.place.account
        given = from_mapping(
            {"account": account, "region": "us-east-1", "zones": ["us-east-1a"], "vaults": ["backups"]}
            | {"actions": {action.name: settings}},
            [action],
        )
        return cloud.deploy(given, [action], bucket=f"letters-{account}")

    with cloud(WRITER) as writer, cloud(READER) as reader:
        deployments = {WRITER: deployed(writer, letters.writer(folder / "writer"), reader=READER)}
        url = reader.front.url + "/" + "/".join(ANSWERS.split(":")[4:])
        reading = letters.reader(folder / "reader", url, ANSWERS)
        deployments[READER] = deployed(reader, reading, topics=(TOPIC,))
        yield World(clock, writer, reader, deployments)
        for each in (writer, reader):
            s3 = each.administrator.client("s3")
            s3.delete_bucket(Bucket=f"letters-{each.place.account}")


@pytest.fixture(autouse=True)
def _nothing_heard() -> None:
    letters.heard.clear()


def url_of(arn: str, cloud: Cloud) -> str:
    return f"{cloud.front.url}/{arn.split(':')[4]}/{arn.split(':')[5]}"


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return str(refused.value.response["Error"]["Code"])


def test_a_letter_is_heard_in_the_other_account_and_answered_by_its_role(world: World) -> None:
    world.writer.administrator.client("sns").publish(TopicArn=TOPIC, Message="dear neighbour")
    world.let_pass()

    (about, letter), (about_answers, answer) = letters.heard
    (record,), (answered,) = letter["Records"], answer["Records"]
    assert about == f"{LETTERS} {url_of(LETTERS, world.reader)}"
    assert record["eventSourceARN"] == LETTERS
    assert json.loads(record["body"])["Message"] == "dear neighbour"
    assert json.loads(record["body"])["TopicArn"] == TOPIC
    assert about_answers == f'{TOPIC} {{"reader": "{READER}"}}'
    assert (answered["body"], answered["eventSourceARN"]) == ("thanks", ANSWERS)
    assert answered["attributes"]["SenderId"].startswith("AROAbackup-actions-reader-letters:")


def test_a_machine_s_inbox_buries_what_its_function_never_takes(world: World) -> None:
    world.reader.roles.add("sender", [Statement(("sqs:SendMessage",), on=ANSWERS)])
    sqs = world.reader.session("sender").client("sqs")
    sqs.send_message(QueueUrl=url_of(ANSWERS, world.reader), MessageBody="poison")
    world.let_pass(3600)

    assert [event["Records"][0]["attributes"]["ApproximateReceiveCount"] for _, event in letters.heard] == ["1", "2"]
    assert world.dead_letters(WRITER) == ["poison"]


def test_a_machine_s_schedule_calls_its_function_every_day(world: World) -> None:
    world.let_pass(3 * 24 * 3600)

    assert [about for about, _ in letters.heard] == ["daily"] * 3


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("send_message", {"MessageBody": "forged"}),
        ("receive_message", {}),
        ("delete_message", {"ReceiptHandle": "x"}),
        ("purge_queue", {}),
        ("get_queue_attributes", {"AttributeNames": ["All"]}),
        ("set_queue_attributes", {"Attributes": {"Policy": ""}}),
    ],
)
def test_an_administrator_can_do_nothing_to_a_queue_of_another_account(
    world: World, operation: str, params: dict[str, Any]
) -> None:
    sqs = world.writer.administrator.client("sqs")

    call = getattr(sqs, operation)
    assert code_of(lambda: call(QueueUrl=url_of(LETTERS, world.writer), **params)) == "AccessDenied"
    assert code_of(lambda: call(QueueUrl=url_of(LETTERS + "s", world.writer), **params)) == "AccessDenied"


def test_nobody_subscribes_another_account_s_queue(world: World) -> None:
    sns = world.writer.administrator.client("sns")
    forged = sns.create_topic(Name="forged")["TopicArn"]
    answer = sns.subscribe(TopicArn=forged, Protocol="sqs", Endpoint=LETTERS)
    sns.publish(TopicArn=forged, Message="forged")
    world.let_pass()

    assert answer["SubscriptionArn"] == "pending confirmation"
    assert letters.heard == []


def test_a_queue_that_lets_a_topic_in_is_asked_before_it_hears_anything(world: World) -> None:
    sns, sqs = world.writer.administrator.client("sns"), world.reader.administrator.client("sqs")
    topic = sns.create_topic(Name="offers")["TopicArn"]
    queue = f"arn:aws:sqs:us-east-1:{READER}:post"
    url = sqs.create_queue(QueueName="post", Attributes={"Policy": open_to_all(queue, "sqs:SendMessage")})["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    sns.publish(TopicArn=topic, Message="unheard")

    (question,) = (json.loads(each["Body"]) for each in sqs.receive_message(QueueUrl=url)["Messages"])
    assert (question["Type"], question["TopicArn"]) == ("SubscriptionConfirmation", topic)
    sns.confirm_subscription(TopicArn=topic, Token=question["Token"])
    sns.publish(TopicArn=topic, Message="heard")
    (notice,) = (json.loads(each["Body"]) for each in sqs.receive_message(QueueUrl=url)["Messages"])
    assert notice["Message"] == "heard"


def test_a_topic_is_subscribed_to_and_looked_at_and_nothing_else_by_those_it_lets(world: World) -> None:
    sns = world.reader.administrator.client("sns")

    assert sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Owner"] == WRITER
    assert code_of(lambda: sns.publish(TopicArn=TOPIC, Message="forged")) == "AuthorizationError"
    policy = {"TopicArn": TOPIC, "AttributeName": "Policy", "AttributeValue": ""}
    assert code_of(lambda: sns.set_topic_attributes(**policy)) == "AuthorizationError"
    missing = f"arn:aws:sns:us-east-1:{WRITER}:none"
    assert code_of(lambda: sns.get_topic_attributes(TopicArn=missing)) == "AuthorizationError"


def test_another_account_needs_its_own_permission_and_the_queue_s_and_the_owner_may_not_send(world: World) -> None:
    def send(account: Cloud, *statements: Statement) -> None:
        account.roles.add("sender", statements)
        client = account.session("sender").client("sqs")
        client.send_message(QueueUrl=url_of(ANSWERS, account), MessageBody="hello")

    allowed = Statement(("sqs:SendMessage",), on=ANSWERS)
    send(world.reader, allowed)
    assert code_of(lambda: send(world.reader)) == "AccessDenied"
    assert code_of(lambda: send(world.writer)) == "AccessDenied"
    assert code_of(lambda: send(world.writer, allowed)) == "AccessDenied"
    world.let_pass()

    assert [event["Records"][0]["body"] for _, event in letters.heard] == ["hello"]


def test_accounts_of_different_regions_meet_in_the_region_of_what_they_name(
    tmp_path: Path, flow_objects: ObjectServer, world: World
) -> None:
    place = Place(account="777788889999", region="eu-west-1", zones=("eu-west-1a",))
    sqs, sns = world.writer.administrator.client("sqs"), world.writer.administrator.client("sns")
    queue, topic = f"arn:aws:sqs:us-east-1:{WRITER}:open", sns.create_topic(Name="open")["TopicArn"]
    far_queue = place.arn("sqs", "open")
    url = sqs.create_queue(QueueName="open", Attributes={"Policy": open_to_all(queue, "sqs:SendMessage")})["QueueUrl"]
    policy = open_to_all(topic, "sns:Subscribe")
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)

    with Cloud(tmp_path, flow_objects, clock=world.clock, place=place, neighbours=world.writer.neighbours) as far:
        client = far.administrator.client
        lets_in = open_to_all(far_queue, "sqs:SendMessage")
        far_url = client("sqs").create_queue(QueueName="open", Attributes={"Policy": lets_in})["QueueUrl"]
        subscribe = client("sns", region_name="us-east-1").subscribe
        subscribe(TopicArn=topic, Protocol="sqs", Endpoint=far_queue, Attributes={"RawMessageDelivery": "true"})
        sns.publish(TopicArn=topic, Message="to the far one")
        client("sqs", region_name="us-east-1").send_message(QueueUrl=url_of(queue, far), MessageBody="from afar")

        assert (
            code_of(lambda: client("sqs").send_message(QueueUrl=url_of(queue, far), MessageBody="x")) == "AccessDenied"
        )
        (heard,) = client("sqs").receive_message(QueueUrl=far_url)["Messages"]
    assert heard["Body"] == "to the far one"
    assert [message["Body"] for message in sqs.receive_message(QueueUrl=url)["Messages"]] == ["from afar"]


def open_to_all(arn: str, action: str) -> str:
    statement = {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_what_one_account_stores_the_other_does_not_see(world: World) -> None:
    world.reader.administrator.client("s3").put_object(Bucket=f"letters-{READER}", Key="secret", Body=b"x")
    s3 = world.writer.administrator.client("s3")
    theirs, mine = f"letters-{READER}", f"letters-{WRITER}"
    source: CopySourceTypeDef = {"Bucket": theirs, "Key": "secret"}

    assert code_of(lambda: s3.get_object(Bucket=theirs, Key="secret")) == "AccessDenied"
    assert code_of(lambda: s3.list_objects_v2(Bucket=theirs)) == "AccessDenied"
    assert code_of(lambda: s3.delete_object(Bucket=theirs, Key="secret")) == "AccessDenied"
    assert code_of(lambda: s3.copy_object(Bucket=mine, Key="stolen", CopySource=source)) == "AccessDenied"
    world.reader.administrator.client("s3").delete_object(Bucket=theirs, Key="secret")


def test_each_account_has_ledgers_and_roles_of_its_own(world: World) -> None:
    for cloud in (world.writer, world.reader):
        assert cloud.administrator.client("dynamodb").list_tables()["TableNames"] == ["backup-actions-ledger"]
        identity = cloud.administrator.client("sts").get_caller_identity()
        assert identity["Account"] == cloud.place.account


def test_what_no_policy_shares_is_out_of_an_administrator_s_reach_by_its_arn_too(world: World) -> None:
    client = world.writer.administrator.client
    here = f"us-east-1:{READER}"
    table = f"arn:aws:dynamodb:{here}:table/backup-actions-ledger"
    function = f"arn:aws:lambda:{here}:function:backup-actions-writer-reminder"
    machine = f"arn:aws:states:{here}:stateMachine:backup-actions-writer"

    assert code_of(lambda: client("dynamodb").scan(TableName=table)) == "AccessDeniedException"
    assert code_of(lambda: client("lambda").invoke(FunctionName=function)) == "AccessDeniedException"
    start = client("stepfunctions").start_execution
    assert code_of(lambda: start(stateMachineArn=machine)) == "AccessDeniedException"
    assert letters.heard == []


def test_credentials_of_one_account_mean_nothing_in_the_other(world: World) -> None:
    stolen = world.reader.roles.issue("administrator")
    client = world.writer.administrator.client(
        "sqs",
        aws_access_key_id=stolen.access_key_id,
        aws_secret_access_key=stolen.secret_access_key,
        aws_session_token=stolen.session_token,
    )

    assert code_of(lambda: client.get_queue_url(QueueName="backup-actions-inbox")) in {
        "SignatureDoesNotMatch",
        "InvalidClientTokenId",
    }
