"""The template says what the descriptions say: the same workflows, the same permissions, no more and no less."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.infrastructure.conftest import Rendered
from tests.infrastructure.template import REGION, Template, normal

from backup_actions.contract import Function, Statement
from backup_actions.contract.placeholders import (
    FUNCTION_PREFIX,
    JOB_PREFIX,
    KEY_PREFIX,
    PATTERN,
    QUEUE_ARN_PREFIX,
    QUEUE_PREFIX,
    ROLE_PREFIX,
    STRUCTURES,
    TEXT,
    TOPIC_PREFIX,
    fill_text,
    placeholder_of,
)
from backup_actions.lifecycle import Deployed, deployed_functions
from backup_actions.plugins import installed
from backup_actions_infrastructure import service_grants
from backup_actions_infrastructure.placeholders import Placeholders, PlaceholderUnset, Shared
from backup_actions_infrastructure.roles import SERVICE, STEPS

NAME = "backup-actions"

RUN_FUNCTION = (*service_grants.WRITE_LOG, *service_grants.TRACE_FUNCTION)
GRANTS: Mapping[str, tuple[Statement, ...]] = {
    "function": RUN_FUNCTION,
    "machine": (*service_grants.DELIVER_MACHINE_LOG, *service_grants.TRACE_MACHINE),
    "job": (),
    "start": (*service_grants.WRITE_LOG, *service_grants.PULL_IMAGE),
    "hosts": (*service_grants.ECS_AGENT, *service_grants.PULL_IMAGE),
    "rule:": service_grants.START_CLEAN_UP,
    "service": (),
}
"""First word of what has a role → what it may do besides its steps."""


def grants_of(rendered: Rendered) -> dict[str, tuple[Statement, ...]]:
    """The same for what needs other things than its kind."""
    inboxes = [inbox for deployed in rendered.machines for inbox in deployed.machine.inboxes.values()]
    scheduled = [function for deployed in rendered.machines for function in deployed.machine.scheduled]
    return {
        **{
            f"function {NAME}-{described.name}": (*RUN_FUNCTION, *service_grants.BURY_WHAT_FAILED)
            for described in (*called_by_events(rendered), *scheduled)
        },
        **{
            f"function {NAME}-{inbox.function.name}": (*RUN_FUNCTION, *service_grants.TAKE_MESSAGES)
            for inbox in inboxes
        },
    }


def called_by_events(rendered: Rendered) -> tuple[Function, ...]:
    """Functions of no machine."""
    return deployed_functions(rendered.settings, installed().actions)


def known_texts(rendered: Rendered) -> dict[str, str]:
    """What each placeholder of the contract must have become, read off the template's resources."""
    template, settings = rendered.template, rendered.settings
    main = rendered.machines[0].machine.name
    key, table, topic, queue = map(
        template.id_of, ("AWS::KMS::Key", "AWS::DynamoDB::Table", "AWS::SNS::Topic", "AWS::SQS::Queue")
    )
    return {
        "Partition": "aws",
        "Region": REGION,
        "Account": template.account,
        "Name": NAME,
        "Bucket": f"<{template.id_of('AWS::S3::Bucket')}>",
        "BucketKeyArn": f"<{key}.Arn>",
        "StorageClass": "STANDARD",
        "LedgerTable": f"<{table}>",
        "DatabaseSubnetGroup": f"<{template.id_of('AWS::RDS::DBSubnetGroup')}>",
        "DatabaseSecurityGroup": f"<{described_group(template, 'Restored databases')}.GroupId>",
        "GlueDatabase": "backup_actions",
        "TopicArn": f"<{topic}>",
        "DeadLetterQueueUrl": f"<{queue}>",
        "DeadLetterQueueArn": f"<{queue}.Arn>",
        "MainMachineArn": f"arn:aws:states:{REGION}:{template.account}:stateMachine:{NAME}-{main}",
        "Vaults": ",".join(settings.vaults),
        "SecurityTagKey": "backup-actions",
        "SecurityTagValue": "yes",
        **({"BackupTagKey": tag.key, "BackupTagValue": tag.value} if (tag := settings.deletion.backup_tag) else {}),
    }


def described_group(template: Template, beginning: str) -> str:
    """The logical id of the one security group whose description begins so."""
    groups = template.of_type("AWS::EC2::SecurityGroup").items()
    (found,) = (name for name, group in groups if group["GroupDescription"].startswith(beginning))
    return found


def own_texts(rendered: Rendered, deployed: Deployed) -> dict[str, str]:
    """The same for a machine's functions and jobs, for what it exchanges, for its settings."""
    template, machine = rendered.template, deployed.machine
    by_name = {each["FunctionName"]: name for name, each in template.of_type("AWS::Lambda::Function").items()}
    functions = {
        placeholder_of(FUNCTION_PREFIX, task): f"<{by_name[f'{NAME}-{machine.name}-{task}']}.Arn>"
        for task in machine.tasks
    }
    jobs = {
        placeholder_of(JOB_PREFIX, job): ":".join(
            ("arn:aws:batch", REGION, template.account, f"job-definition/{NAME}-{machine.name}-{job}")
        )
        for job in machine.jobs
    }
    service_roles = {
        placeholder_of(ROLE_PREFIX, name): f"<{described_role(template, described.doc)}.Arn>"
        for name, described in machine.service_roles.items()
    }
    texts = {**known_texts(rendered), **functions, **jobs, **service_roles, **exchanged(template, deployed)}
    return {**texts, **{name: fill_text(text, texts.__getitem__) for name, text in deployed.texts.items()}}


def exchanged(template: Template, deployed: Deployed) -> dict[str, str]:
    """The same for a machine's keys, topics and queues."""
    machine, name_of = deployed.machine, f"{NAME}-{deployed.machine.name}".__add__
    keys = {
        alias["AliasName"].removeprefix("alias/"): alias["TargetKeyId"]
        for alias in template.of_type("AWS::KMS::Alias").values()
    }
    topics = {topic["TopicName"]: f"<{name}>" for name, topic in template.of_type("AWS::SNS::Topic").items()}
    queues = {queue.get("QueueName"): name for name, queue in template.of_type("AWS::SQS::Queue").items()}
    return {
        **{placeholder_of(KEY_PREFIX, name): keys[name_of(f"-{name}")] for name in machine.keys},
        **{placeholder_of(TOPIC_PREFIX, name): topics[name_of(f"-{name}")] for name in machine.topics},
        **{placeholder_of(QUEUE_PREFIX, name): f"<{queues[name_of(f'-{name}')]}>" for name in machine.inboxes},
        **{placeholder_of(QUEUE_ARN_PREFIX, name): f"<{queues[name_of(f'-{name}')]}.Arn>" for name in machine.inboxes},
    }


def described_role(template: Template, description: str) -> str:
    """The logical id of the one role with this description."""
    roles = template.of_type("AWS::IAM::Role").items()
    (found,) = (name for name, role in roles if role.get("Description") == description)
    return found


def filled(statements: tuple[Statement, ...], texts: Mapping[str, str]) -> list[dict[str, Any]]:
    return [normal(statement.filled(texts.__getitem__).to_policy()) for statement in statements]


def described_steps(rendered: Rendered) -> dict[str, list[dict[str, Any]]]:
    """What has a role → what the descriptions grant it."""
    steps = {
        f"function {NAME}-{described.name}": filled(described.permissions.tasks["function"], known_texts(rendered))
        for described in called_by_events(rendered)
    }
    for deployed in rendered.machines:
        machine, texts = deployed.machine, own_texts(rendered, deployed)
        steps[f"machine {NAME}-{machine.name}"] = filled(machine.permissions.workflow, texts)
        for task, statements in machine.permissions.tasks.items():
            steps[f"function {NAME}-{machine.name}-{task}"] = filled(statements, texts)
        for job, statements in machine.permissions.jobs.items():
            steps[f"job {NAME}-{machine.name}-{job}"] = filled(statements, texts)
        for name, statements in machine.permissions.services.items():
            placeholder = placeholder_of(ROLE_PREFIX, name)
            steps[f"service {NAME}-{machine.name} {placeholder}"] = filled(statements, texts)
        for function in machine.functions:
            steps[f"function {NAME}-{function.name}"] = filled(function.permissions.tasks["function"], texts)
    return steps


def test_every_placeholder_of_the_contract_has_its_value(rendered: Rendered) -> None:
    shared = Shared(
        bucket="",
        bucket_key_arn="",
        ledger_table="",
        topic_arn="",
        dead_letter_queue_url="",
        dead_letter_queue_arn="",
        database_subnet_group="",
        database_security_group="",
        main_machine_arn="",
    )

    of_machines = {name for deployed in rendered.machines for name in deployed.texts if name in TEXT}

    assert Placeholders.of(rendered.settings, shared).texts.keys() | of_machines == TEXT.keys()
    assert all(deployed.structures.keys() == STRUCTURES.keys() for deployed in rendered.machines)


def test_a_placeholder_without_a_value_is_refused() -> None:
    with pytest.raises(PlaceholderUnset, match="BackupTagKey"):
        Placeholders({}).fill("aws:ResourceTag/${BackupTagKey}")


def test_each_role_may_do_exactly_what_its_steps_declare(either: Rendered) -> None:
    roles = either.template.roles()

    assert {user: policies[STEPS] for user, policies in roles.items() if STEPS in policies} == described_steps(either)


def test_what_roles_may_do_besides_is_exactly_the_table_of_service_grants(either: Rendered) -> None:
    found = {user: policies.get(SERVICE, []) for user, policies in either.template.roles().items()}
    others, texts = grants_of(either), known_texts(either)
    expected = {user: others.get(user, GRANTS[user.partition(" ")[0]]) for user in found}

    for user, statements in found.items():
        assert [statement["Action"] for statement in statements] == [sorted(each.actions) for each in expected[user]]
        for statement, described in zip(statements, expected[user], strict=True):
            assert_resources_agree(statement["Resource"], described.resources, texts)


def assert_resources_agree(found: list[str], described: tuple[str, ...], texts: Mapping[str, str]) -> None:
    """A placeholder that belongs to one role (its log, its repository) may stand for any one resource, but no star."""
    for resource, pattern in zip(found, sorted(described), strict=True):
        own = {name for name in PATTERN.findall(pattern) if name not in texts}
        if own:
            assert "*" not in resource
        else:
            assert resource == fill_text(pattern, texts.__getitem__)


def test_a_service_takes_a_role_on_only_for_what_the_description_names(rendered: Rendered) -> None:
    found = {role["Description"]: role for role in rendered.template.of_type("AWS::IAM::Role").values()}
    for deployed in rendered.machines:
        texts = own_texts(rendered, deployed)
        for described in deployed.machine.service_roles.values():
            (statement,) = found[described.doc]["AssumeRolePolicyDocument"]["Statement"]
            source = [fill_text(arn, texts.__getitem__) for arn in described.on_behalf_of]
            own_account = rendered.template.account
            account = {"StringEquals": {"aws:SourceAccount": own_account}, "ArnLike": {"aws:SourceArn": source}}
            assert statement["Principal"] == {"Service": described.service}
            assert statement.get("Condition") == (account if source else None)


def test_no_role_has_a_policy_besides_these_two(either: Rendered) -> None:
    template = either.template
    assert {policy for policies in template.roles().values() for policy in policies} == {STEPS, SERVICE}
    assert not any("ManagedPolicyArns" in role for role in template.of_type("AWS::IAM::Role").values())
    assert not template.of_type("AWS::IAM::Policy")
    assert not template.of_type("AWS::IAM::ManagedPolicy")


def test_a_roles_policies_fit_into_the_limit_of_iam(either: Rendered) -> None:
    for role in either.template.of_type("AWS::IAM::Role").values():
        assert sum(len(str(policy)) for policy in role["Policies"] if policy) < 10_240


# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
TEMPLATE_BYTES_AT_MOST, RESOURCES_AT_MOST = 1_000_000, 500


def test_templates_leave_room_for_actions_of_others(
    rendered: Rendered, separated: Rendered, isolated: Rendered
) -> None:
    for each in (rendered, separated, isolated):
        assert each.template.path.stat().st_size < TEMPLATE_BYTES_AT_MOST * 0.7
        assert len(each.template.document["Resources"]) < RESOURCES_AT_MOST * 0.8


def test_the_template_holds_each_workflow_word_for_word(either: Rendered) -> None:
    expected = {
        f"{NAME}-{deployed.machine.name}": deployed.machine.workflow.filled(
            deployed.structures.get, lambda name: f"${{{name}}}"
        )
        for deployed in either.machines
    }

    assert either.template.definitions() == expected


def test_each_workflow_gets_its_substitutions_and_no_others(either: Rendered) -> None:
    for deployed in either.machines:
        (machine,) = [
            each
            for each in either.template.of_type("AWS::StepFunctions::StateMachine").values()
            if each["StateMachineName"] == f"{NAME}-{deployed.machine.name}"
        ]
        texts = own_texts(either, deployed)
        assert machine["DefinitionSubstitutions"] == {
            name: texts[name] for name in set(PATTERN.findall(machine["DefinitionString"]))
        }


def steps_of(rendered: Rendered, kind: Callable[[Deployed], Mapping[str, Any]]) -> dict[str, Any]:
    return {
        f"{NAME}-{deployed.machine.name}-{name}": described
        for deployed in rendered.machines
        for name, described in kind(deployed).items()
    }


def test_each_task_and_whatever_events_call_become_a_function(either: Rendered) -> None:
    own = [function for deployed in either.machines for function in deployed.machine.functions]
    called = {f"{NAME}-{described.name}": described for described in (*called_by_events(either), *own)}
    expected = {**steps_of(either, lambda deployed: deployed.machine.tasks), **called}
    functions = {each["FunctionName"]: each for each in either.template.of_type("AWS::Lambda::Function").values()}

    assert functions.keys() == expected.keys()
    for name, function in functions.items():
        assert function["Environment"]["Variables"]["BACKUP_ACTIONS_CODE"] == expected[name].code
        assert function["Timeout"] == expected[name].timeout_seconds
        assert function["MemorySize"] == expected[name].memory_mib


def test_what_no_workflow_calls_knows_what_its_description_says(either: Rendered) -> None:
    functions = {each["FunctionName"]: each for each in either.template.of_type("AWS::Lambda::Function").values()}
    described = [(function, known_texts(either)) for function in called_by_events(either)]
    for deployed in either.machines:
        described += [(function, own_texts(either, deployed)) for function in deployed.machine.functions]

    for function, texts in described:
        assert functions[f"{NAME}-{function.name}"]["Environment"]["Variables"] == {
            "BACKUP_ACTIONS_CODE": function.code,
            **{variable: fill_text(text, texts.__getitem__) for variable, text in function.environment.items()},
        }


def test_each_job_becomes_a_definition(rendered: Rendered) -> None:
    expected = steps_of(rendered, lambda deployed: deployed.machine.jobs)
    definitions = {
        each["JobDefinitionName"]: each for each in rendered.template.of_type("AWS::Batch::JobDefinition").values()
    }

    assert definitions.keys() == expected.keys()
    for name, definition in definitions.items():
        container = definition["ContainerProperties"]
        resources = {each["Type"]: each["Value"] for each in container["ResourceRequirements"]}
        assert definition["RetryStrategy"]["Attempts"] == expected[name].attempts
        assert definition["Timeout"] == {"AttemptDurationSeconds": expected[name].attempt_timeout_seconds}
        assert resources == {"VCPU": str(expected[name].vcpus), "MEMORY": str(expected[name].memory_mib)}
        assert container["Privileged"] is expected[name].mounts_devices
