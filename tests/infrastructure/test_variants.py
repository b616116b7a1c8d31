"""Other settings, other partitions."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.infrastructure.conftest import IMAGE, KEY
from tests.infrastructure.template import Template
from tests.infrastructure.test_database_network import subnets_of_databases

from backup_actions.errors import ActionBroken
from backup_actions.plugins import Installed, installed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infrastructure.conftest import Render, Rendered


def test_an_existing_bucket_is_used_and_not_touched(own: Rendered) -> None:
    assert not own.template.of_type("AWS::S3::Bucket")
    assert not own.template.of_type("AWS::S3::BucketPolicy")
    assert "arn:aws:s3:::our-archives" in json.dumps(own.template.roles())


def test_the_customers_key_is_used_for_archives_and_the_stacks_own_for_messages(own: Rendered) -> None:
    keys = {
        resource
        for user, policies in own.template.roles().items()
        if user.startswith("job ")
        for statement in policies["Steps"]
        if any(action.startswith("kms:GenerateDataKey") for action in statement["Action"])
        for resource in statement["Resource"]
    }

    assert keys == {KEY}
    assert own.template.only("AWS::SNS::Topic")["KmsMasterKeyId"] == f"<{own.template.id_of('AWS::KMS::Key')}.Arn>"


def test_the_customers_image_is_used_and_its_repository_alone_may_be_read(own: Rendered) -> None:
    for job in own.template.of_type("AWS::Batch::JobDefinition").values():
        assert job["ContainerProperties"]["Image"] == IMAGE
    pulls = [
        statement["Resource"]
        for policies in own.template.roles().values()
        for statement in policies.get("Service", [])
        if "ecr:BatchGetImage" in statement["Action"]
    ]
    assert pulls
    assert {tuple(each) for each in pulls} == {("arn:aws:ecr:us-east-1:111122223333:repository/backup/worker",)}


def test_a_deployment_that_keeps_backups_has_no_right_to_touch_one(own: Rendered) -> None:
    text = json.dumps(own.template.roles())

    assert "backup:DeleteRecoveryPoint" not in text
    assert "backup:UpdateRecoveryPointLifecycle" not in text


def test_everything_is_named_after_the_settings_name(own: Rendered) -> None:
    assert "backup-actions-" not in json.dumps(
        [own.template.of_type("AWS::Lambda::Function"), own.template.of_type("AWS::Batch::JobQueue")]
    ).replace("backup-actions-code", "")
    assert {each["JobQueueName"] for each in own.template.of_type("AWS::Batch::JobQueue").values()} == {
        "archives-us-east-1c"
    }


def test_the_policy_of_ones_own_key_finds_all_roles_by_the_beginning_of_their_names(own: Rendered) -> None:
    """CloudFormation's own names begin with that of the stack."""
    named = [role["RoleName"] for role in own.template.of_type("AWS::IAM::Role").values() if "RoleName" in role]

    assert own.template.path.name == "archives.template.json"
    assert all(name.startswith("archives-") for name in named)


@pytest.fixture(name="china", scope="module")
def _china(render: Render) -> Rendered:
    """Another partition, a locked bucket with access logs, no e-mail, an image of a public registry, no action."""
    return render(
        region="cn-north-1",
        zones=["cn-north-1a"],
        archive_bucket={
            "object_lock": {"mode": "compliance", "days": 365},
            "access_logs": {"bucket": "our-logs", "prefix": "archives/"},
        },
        athena={},
        proving={},
        notifications={},
        worker_image="registry.example.com/worker:1",
        actions={action.name: {"enabled": False} for action in installed().actions},
    )


def test_a_lock_is_the_buckets_default_retention(china: Rendered) -> None:
    bucket = china.template.only("AWS::S3::Bucket")

    assert bucket["ObjectLockEnabled"] is True
    assert bucket["ObjectLockConfiguration"]["Rule"] == {"DefaultRetention": {"Days": 365, "Mode": "COMPLIANCE"}}


def test_access_logs_go_where_the_settings_say(china: Rendered) -> None:
    assert china.template.only("AWS::S3::Bucket")["LoggingConfiguration"] == {
        "DestinationBucketName": "our-logs",
        "LogFilePrefix": "archives/",
    }


def test_an_image_of_another_registry_needs_no_right_of_aws(china: Rendered) -> None:
    assert "ecr:" not in json.dumps(china.template.roles())


def test_actions_that_are_switched_off_leave_nothing_behind(china: Rendered) -> None:
    assert [*china.template.definitions()] == ["backup-actions-recovery-point"]
    assert not china.template.of_type("AWS::Batch::JobDefinition")
    assert not any(action.name in json.dumps(china.template.document) for action in installed().actions)


def test_without_the_setting_nothing_of_athena_is_made(china: Rendered) -> None:
    text = json.dumps(china.template.document)

    assert not re.search(r"AWS::(Glue|Athena)::|glue:|catalogue|athena-results", text)


def test_results_of_queries_go_to_an_existing_bucket_without_a_rule_of_ours(own: Rendered) -> None:
    workgroup = own.template.only("AWS::Athena::WorkGroup")
    result = workgroup["WorkGroupConfiguration"]["ResultConfiguration"]

    assert workgroup["Name"] == "archives"
    assert result["OutputLocation"] == "s3://our-archives/athena-results/"
    assert result["EncryptionConfiguration"] == {"EncryptionOption": "SSE_KMS", "KmsKey": KEY}


SPELT_ALIKE_IN_EVERY_PARTITION = {"Service", "Principal", "kms:ViaService", "iam:PassedToService"}
"""Names of services, not of hosts. https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html"""


def domains(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Each text with AWS's domain in it, and the nearest key above it that is no intrinsic function."""
    match value:
        case str() if "amazonaws.com" in value:
            yield key, value
        case dict():
            for name, inner in value.items():
                yield from domains(inner, key if name.startswith("Fn::") else name)
        case list():
            for inner in value:
                yield from domains(inner, key)


def assert_fits_every_partition(template: Template, zones: tuple[str, ...]) -> None:
    text = json.dumps(template.document)
    assert "arn:aws" not in text
    assert {key for key, _ in domains(template.document)} <= SPELT_ALIKE_IN_EVERY_PARTITION
    assert "dummy1" not in text
    named = [each["AvailabilityZone"] for each in template.of_type("AWS::EC2::Subnet").values()]
    assert {zone for zone in named if isinstance(zone, str)} == set(zones)


def test_china_is_rendered_offline(china: Rendered) -> None:
    assert_fits_every_partition(china.template, china.settings.zones)


def test_in_china_roles_are_taken_on_by_services_as_they_are_called_there(china: Rendered) -> None:
    """Only EC2 has a name of its own there: with another, IAM refuses the whole policy."""
    services = {
        statement["Principal"]["Service"]
        for role in china.template.of_type("AWS::IAM::Role").values()
        for statement in role["AssumeRolePolicyDocument"]["Statement"]
    }

    assert services == {"ec2.amazonaws.com.cn", "lambda.amazonaws.com", "states.amazonaws.com"}


def test_a_stack_with_one_zone_has_databases_in_two_more_of_which_one_is_another(govcloud: Rendered) -> None:
    """RDS takes no subnet group of one zone, and which zones a region has is only known there."""
    first, *others = subnets_of_databases(govcloud.template).values()

    assert first == "us-gov-west-1b"
    assert others == [{"Fn::Select": [number, {"Fn::GetAZs": ""}]} for number in (0, 1)]


def test_without_an_action_that_restores_databases_there_is_no_place_for_them(china: Rendered) -> None:
    assert not china.template.of_type("AWS::RDS::DBSubnetGroup")
    assert not china.template.of_type("AWS::EC2::SecurityGroupIngress")
    assert len(china.template.of_type("AWS::EC2::SecurityGroup")) == 1


def test_govcloud_is_rendered_offline(govcloud: Rendered) -> None:
    assert_fits_every_partition(govcloud.template, govcloud.settings.zones)


def test_a_broken_action_stops_the_deployment_instead_of_being_removed_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from backup_actions_infrastructure import app

    broken = ActionBroken(name="mine", package="my-actions", reason="it cannot be imported")
    monkeypatch.setattr(app, "installed", lambda: Installed((), (broken,)))

    with pytest.raises(ActionBroken, match="my-actions"):
        app.main()
