"""Keys, topics and inboxes are what the descriptions say, and what the two accounts are told of each other agrees."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.infrastructure.conftest import Rendered
from tests.infrastructure.template import ACCOUNT, REGION, SEPARATED_ACCOUNT, Template

from backup_actions.contract import Inbox, Key, Machine, Topic
from backup_actions.contract.exchange import accounts_in
from backup_actions.contract.placeholders import fill_text
from backup_actions.lifecycle import Deployed, deployed_functions
from backup_actions.offsite import ImportSettings, import_machine
from backup_actions.plugins import Installed, installed
from backup_actions.settings import load
from backup_actions.settings.imports import SOURCES_AT_MOST
from backup_actions.settings.names import role_name

NAME = "backup-actions"
TLS = {"Bool": {"aws:SecureTransport": "false"}}


def keys(rendered: Rendered) -> Iterator[tuple[Deployed, str, Key]]:
    for deployed in rendered.machines:
        yield from ((deployed, name, key) for name, key in deployed.machine.keys.items())


def topics(rendered: Rendered) -> Iterator[tuple[Deployed, str, Topic]]:
    for deployed in rendered.machines:
        yield from ((deployed, name, topic) for name, topic in deployed.machine.topics.items())


def inboxes(rendered: Rendered) -> Iterator[tuple[Deployed, str, Inbox]]:
    for deployed in rendered.machines:
        yield from ((deployed, name, inbox) for name, inbox in deployed.machine.inboxes.items())


def named_in(deployed: Deployed, setting: str) -> tuple[str, ...]:
    return accounts_in(deployed.structures["Settings"][setting]) if setting else ()


def normal(value: Any) -> Any:
    """A policy in one form: what stands in a list alone stands alone."""
    match value:
        case [one]:
            return normal(one)
        case list() | tuple():
            return [normal(each) for each in value]
        case dict():
            return {key: normal(inner) for key, inner in value.items()}
        case _:
            return value


def described(policy: Mapping[str, Any], account: str) -> list[dict[str, Any]]:
    texts = {"Partition": "aws", "Region": REGION, "Account": account}
    found = normal(json.loads(fill_text(json.dumps(policy), texts.__getitem__))["Statement"])
    return found if isinstance(found, list) else [found]


def resource_named(template: Template, kind: str, member: str, name: str) -> tuple[str, Mapping[str, Any]]:
    """Logical id and properties of the one resource of a type that has this name."""
    ((logical_id, found),) = ((key, each) for key, each in template.of_type(kind).items() if each.get(member) == name)
    return logical_id, found


def statements_about(template: Template, kind: str, member: str, reference: str) -> list[dict[str, Any]]:
    """What the policies of queues or topics say of one, without the statement that asks for TLS."""
    found = [
        statement
        for policy in template.of_type(kind).values()
        if policy[member] == [reference]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    assert [each["Effect"] for each in found if each.get("Condition") == TLS] == ["Deny"]
    return [normal(each) for each in found if each.get("Condition") != TLS]


def role_arn_of_step(template: Template, machine: Machine, step: str) -> str:
    """By the name that the role of the step's function really has."""
    _, function = resource_named(
        template, "AWS::Lambda::Function", "FunctionName", f"{NAME}-{machine.name}-{step.removeprefix('task-')}"
    )
    role = template.of_type("AWS::IAM::Role")[function["Role"].removeprefix("<").removesuffix(".Arn>")]
    return f"arn:aws:iam::{template.account}:role/{role['RoleName']}"


def test_a_keys_policy_is_that_of_its_description_and_nothing_else(either: Rendered) -> None:
    template = either.template
    for deployed, name, key in keys(either):
        _, alias = resource_named(
            template, "AWS::KMS::Alias", "AliasName", f"alias/{NAME}-{deployed.machine.name}-{name}"
        )
        made = template.of_type("AWS::KMS::Key")[alias["TargetKeyId"].removeprefix("<").removesuffix(".Arn>")]
        users = tuple(role_arn_of_step(template, deployed.machine, step) for step in key.users)

        expected = described(key.policy(users, named_in(deployed, key.readers)), template.account)
        assert normal(made["KeyPolicy"]["Statement"]) == expected


def test_keys_of_snapshots_are_renewed_outlive_the_stack_and_go_slowly(either: Rendered) -> None:
    own = {name: key for name, key in either.template.of_type("AWS::KMS::Key").items() if name[0].islower()}

    assert len(own) == 1
    for name, key in own.items():
        assert (key["EnableKeyRotation"], key["PendingWindowInDays"]) == (True, 30)
        assert either.template.resource(name)["DeletionPolicy"] == "Retain"


@pytest.mark.parametrize("length", [1, 24])
def test_names_of_roles_fit_whatever_the_prefix_and_differ_between_regions(rendered: Rendered, length: int) -> None:
    settings = rendered.settings.model_copy(update={"name": "p" * length})
    elsewhere = settings.model_copy(update={"region": "eu-west-1"})
    names = {role_name(each, "offsite-import", "task-release-lease") for each in (settings, elsewhere)}

    assert len(names) == 2
    assert all(len(name) <= 64 for name in names)


def test_a_topic_lets_those_in_whom_its_description_names_and_is_encrypted(either: Rendered) -> None:
    template = either.template
    for deployed, name, topic in topics(either):
        logical_id, made = resource_named(
            template, "AWS::SNS::Topic", "TopicName", f"{NAME}-{deployed.machine.name}-{name}"
        )
        policy = topic.policy(f"<{logical_id}>", named_in(deployed, topic.subscribers))

        found = statements_about(template, "AWS::SNS::TopicPolicy", "Topics", f"<{logical_id}>")
        assert found == described(policy, template.account)
        assert made["KmsMasterKeyId"] == f"<{template.id_of('AWS::KMS::Key')}.Arn>"
        # The key's policy names topics of this account by their ARNs, written out.
        through_sns = template.only("AWS::KMS::Key")["KeyPolicy"]["Statement"][1]["Condition"]["StringEquals"]
        arn = f"arn:aws:sns:{REGION}:{template.account}:{made['TopicName']}"
        assert arn in through_sns["kms:EncryptionContext:aws:sns:topicArn"]


def test_an_inbox_lets_those_in_whom_its_description_names(either: Rendered) -> None:
    template = either.template
    for deployed, name, inbox in inboxes(either):
        logical_id, _ = resource_named(
            template, "AWS::SQS::Queue", "QueueName", f"{NAME}-{deployed.machine.name}-{name}"
        )
        policy = inbox.policy(
            f"<{logical_id}.Arn>", named_in(deployed, inbox.senders), named_in(deployed, inbox.topics)
        )

        found = statements_about(template, "AWS::SQS::QueuePolicy", "Queues", f"<{logical_id}>")
        assert found == described(policy, template.account)


def test_what_an_inbox_hears_reaches_its_function_or_the_dead_letters_with_their_alarm(either: Rendered) -> None:
    template = either.template
    dead_letters = f"<{template.id_of('AWS::SQS::Queue')}"
    _, alarm = resource_named(template, "AWS::CloudWatch::Alarm", "AlarmName", f"{NAME}-dead-letters")
    for deployed, name, inbox in inboxes(either):
        logical_id, queue = resource_named(
            template, "AWS::SQS::Queue", "QueueName", f"{NAME}-{deployed.machine.name}-{name}"
        )
        function, _ = resource_named(template, "AWS::Lambda::Function", "FunctionName", f"{NAME}-{inbox.function.name}")

        assert queue["RedrivePolicy"] == {
            "deadLetterTargetArn": f"{dead_letters}.Arn>",
            "maxReceiveCount": inbox.attempts,
        }
        assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": f"{dead_letters}.QueueName>"}]
        assert queue["SqsManagedSseEnabled"] is True
        assert queue["VisibilityTimeout"] >= 6 * inbox.function.timeout_seconds
        # A dead letter's age counts from when it was first sent.
        assert queue["MessageRetentionPeriod"] < template.only("AWS::SQS::Queue")["MessageRetentionPeriod"]
        (mapping,) = template.of_type("AWS::Lambda::EventSourceMapping").values()
        assert (mapping["EventSourceArn"], mapping["FunctionName"]) == (f"<{logical_id}.Arn>", f"<{function}>")
        assert (mapping["BatchSize"], mapping["ScalingConfig"]) == (1, {"MaximumConcurrency": 2})


def test_people_hear_when_an_inbox_is_not_got_to_long_before_anything_in_it_is_lost(either: Rendered) -> None:
    template = either.template
    for deployed, name, inbox in inboxes(either):
        queue_name = f"{NAME}-{deployed.machine.name}-{name}"
        logical_id, queue = resource_named(template, "AWS::SQS::Queue", "QueueName", queue_name)
        _, alarm = resource_named(template, "AWS::CloudWatch::Alarm", "AlarmName", f"{queue_name}-age")

        assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": f"<{logical_id}.QueueName>"}]
        assert (alarm["MetricName"], alarm["Statistic"]) == ("ApproximateAgeOfOldestMessage", "Maximum")
        assert alarm["AlarmActions"] == alarm["OKActions"] == [f"<{topic_of_news(template)}>"]
        assert inbox.attempts * queue["VisibilityTimeout"] < alarm["Threshold"] < 86_400
        assert queue["MessageRetentionPeriod"] == 13 * 86_400


def topic_of_news(template: Template) -> str:
    return resource_named(template, "AWS::SNS::Topic", "TopicName", NAME)[0]


def test_each_topic_that_an_inbox_names_is_subscribed_to_where_it_is_once_the_queue_lets_it_in(
    separated: Rendered,
) -> None:
    template = separated.template
    subscriptions = {
        name: each for name, each in template.of_type("AWS::SNS::Subscription").items() if each["Protocol"] == "sqs"
    }
    (queue,) = (name for name in template.of_type("AWS::SQS::Queue") if name[0].islower())
    (policy,) = (name for name in template.of_type("AWS::SQS::QueuePolicy") if name[0].islower())
    assert separated.settings.imports

    assert [each["TopicArn"] for each in subscriptions.values()] == [
        source.announcements_topic_arn for source in separated.settings.imports.sources
    ]
    for name, each in subscriptions.items():
        assert each["Endpoint"] == f"<{queue}.Arn>"
        assert each["Region"] == each["TopicArn"].split(":")[3]
        assert policy in template.resource(name)["DependsOn"]


def test_functions_with_a_schedule_are_called_by_it(either: Rendered) -> None:
    template = either.template
    rules = [rule for rule in template.of_type("AWS::Events::Rule").values() if "ScheduleExpression" in rule]
    names = {f"<{name}.Arn>": each["FunctionName"] for name, each in template.of_type("AWS::Lambda::Function").items()}

    own = [function for deployed in either.machines for function in deployed.machine.scheduled]
    of_none = deployed_functions(either.settings, installed().actions)

    assert {names[target["Arn"]]: rule["ScheduleExpression"] for rule in rules for target in rule["Targets"]} == {
        f"{NAME}-{function.name}": function.schedule for function in (*own, *of_none) if function.schedule
    }


def test_the_roles_of_imports_can_name_as_many_sources_as_the_settings_allow() -> None:
    prefix, region = "p" * 24, "ap-northeast-"
    sources = [(f"{number:012}", f"{region}{number}") for number in range(SOURCES_AT_MOST)]
    settings = ImportSettings(
        accounts=tuple(account for account, _ in sources),
        topics=tuple(f"arn:aws:sns:{place}:{account}:{prefix}-announcements" for account, place in sources),
        acknowledgement_queues=tuple(
            f"https://sqs.{place}.amazonaws.com/{account}/{prefix}-acknowledgements" for account, place in sources
        ),
    )
    texts = {"Partition": "aws-us-gov", "Region": f"{region}9", "Account": "0" * 12, "Name": prefix}
    permissions = import_machine(settings).permissions.roles()

    for statements in permissions.values():
        policies = [each.filled(lambda name: texts.get(name, "x" * 80)).to_policy() for each in statements]
        # Besides, each statement has an id of up to 30 characters, and the role writes its log.
        assert len(json.dumps(policies, separators=(",", ":"))) + 30 * len(policies) + 600 < 10_240


def outputs(template: Template) -> dict[str, str]:
    return {name: template.plain(each["Value"]) for name, each in template.document["Outputs"].items()}


def test_the_source_prints_the_entry_that_stands_in_the_settings_of_the_separated_account(
    template: Template, repository: Path
) -> None:
    (entry,) = yaml.safe_load((repository / "examples" / "offsite-separated.yaml").read_text())["imports"]["sources"]
    printed = json.loads(outputs(template)["OffsiteCopySource"])
    name, _ = resource_named(template, "AWS::SNS::Topic", "TopicName", f"{NAME}-offsite-copy-announcements")
    queue, _ = resource_named(template, "AWS::SQS::Queue", "QueueName", f"{NAME}-offsite-copy-acknowledgements")

    assert printed == {
        **entry,
        "announcements_topic_arn": f"<{name}>",
        "acknowledgements_queue_url": f"<{queue}>",
    }
    assert entry["announcements_topic_arn"] == f"arn:aws:sns:{REGION}:{ACCOUNT}:{NAME}-offsite-copy-announcements"
    assert entry["acknowledgements_queue_url"].endswith(
        f".{REGION}.amazonaws.com/{ACCOUNT}/{NAME}-offsite-copy-acknowledgements"
    )


def test_the_separated_account_prints_what_stands_in_the_settings_of_the_source(
    separated: Rendered, found: Installed, repository: Path
) -> None:
    source = load(repository / "examples" / "offsite-source.yaml", found.actions)
    (action,) = source.enabled(found.actions)

    assert source.settings_of(action).to_json()["separated_account"] == outputs(separated.template)["SeparatedAccount"]


def places_of(value: Any, wanted: str, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path in a document at which a text has this in it; what a list holds is at the list's path."""
    match value:
        case str() if wanted in value:
            yield path
        case dict():
            for key, inner in value.items():
                yield from places_of(inner, wanted, (*path, key))
        case list():
            for inner in value:
                yield from places_of(inner, wanted, path)
        case _:
            pass


def test_the_separated_account_trusts_nobody_of_another_account(separated: Rendered) -> None:
    """Whom it names of others is what it subscribes to, what it may hear, what it reads and to whom it answers."""
    found = set()
    for resource in separated.template.document["Resources"].values():
        for path in places_of(separated.template.plain(resource["Properties"]), ACCOUNT):
            found.add((resource["Type"].removeprefix("AWS::"), path[0], path[-1]))

    assert found == {
        ("SNS::Subscription", "TopicArn", "TopicArn"),
        ("SQS::QueuePolicy", "PolicyDocument", "aws:SourceArn"),
        ("Lambda::Function", "Environment", "BACKUP_ACTIONS_SETTINGS"),
        ("IAM::Role", "Policies", "Resource"),
        ("IAM::Role", "Policies", "ec2:Owner"),
        ("StepFunctions::StateMachine", "DefinitionString", "DefinitionString"),
    }


def principals(value: Any) -> Iterator[object]:
    """Every principal that anything in a document allows something."""
    match value:
        case {"Principal": principal, "Effect": "Allow"}:
            yield principal
        case dict():
            for inner in value.values():
                yield from principals(inner)
        case list():
            for inner in value:
                yield from principals(inner)
        case _:
            pass


def test_only_services_take_roles_on_in_either_account(either: Rendered) -> None:
    for role in either.template.of_type("AWS::IAM::Role").values():
        assert all(
            isinstance(principal, dict) and principal.keys() == {"Service"}
            for principal in principals(role["AssumeRolePolicyDocument"])
        )


def test_of_other_accounts_the_source_lets_in_only_the_separated_one_to_its_key_topic_and_queue(
    template: Template,
) -> None:
    found = [
        (resource["Type"], principal)
        for resource in template.document["Resources"].values()
        for principal in principals(template.plain(resource["Properties"]))
        if SEPARATED_ACCOUNT in str(principal)
    ]

    only = {"AWS": f"arn:aws:iam::{SEPARATED_ACCOUNT}:root"}
    assert all(principal in (only, {"AWS": [only["AWS"]]}) for _, principal in found)
    assert {kind for kind, _ in found} == {"AWS::KMS::Key", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"}
