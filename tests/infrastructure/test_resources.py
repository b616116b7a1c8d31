"""Properties of single resources that must hold, whatever is rendered."""

from __future__ import annotations

import json

import pytest
from tests.infrastructure.conftest import Rendered
from tests.infrastructure.template import ACCOUNT, REGION, Template

from backup_actions.account.preparation import BOOTSTRAP_PARAMETER, BOOTSTRAP_VERSION
from backup_actions.ledger.table import INDEXES
from backup_actions.lifecycle import deployed_functions
from backup_actions.plugins import installed

_WITHOUT_TAGS = {
    "AWS::EC2::Route",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::Glue::Database",
    "AWS::IAM::InstanceProfile",
    "AWS::KMS::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}
"""Types to which CloudFormation can give no tags."""

_REPLACED_BY_ANOTHER_TAG = {"AWS::Batch::ComputeEnvironment"}
"""Another tag in the settings would end all jobs."""


def test_everything_carries_the_security_tag_and_the_settings_tags(template: Template) -> None:
    for name, resource in template.document["Resources"].items():
        properties = resource["Properties"]
        if resource["Type"] in _REPLACED_BY_ANOTHER_TAG:
            assert "Tags" not in properties
        if resource["Type"] in _WITHOUT_TAGS | _REPLACED_BY_ANOTHER_TAG:
            continue
        tags = properties.get("Tags") or [
            tag for each in properties.get("TagSpecifications", []) for tag in each["Tags"]
        ]
        given = tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}
        assert given.get("backup-actions") == "yes", name
        assert given.get("cost-center") == "storage", name


def test_hosts_and_their_disks_carry_the_security_tag(template: Template) -> None:
    data = template.only("AWS::EC2::LaunchTemplate")["LaunchTemplateData"]
    tagged = {
        each["ResourceType"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]} for each in data["TagSpecifications"]
    }

    assert tagged.keys() == {"instance", "volume"}
    assert all(tags["backup-actions"] == "yes" for tags in tagged.values())


def test_hosts_ask_for_session_tokens_and_let_containers_reach_the_metadata(template: Template) -> None:
    data = template.only("AWS::EC2::LaunchTemplate")["LaunchTemplateData"]

    assert data["MetadataOptions"] == {"HttpPutResponseHopLimit": 2, "HttpTokens": "required"}


def test_the_root_disk_of_a_host_is_encrypted_and_goes_with_it(template: Template) -> None:
    (disk,) = template.only("AWS::EC2::LaunchTemplate")["LaunchTemplateData"]["BlockDeviceMappings"]

    assert disk["Ebs"] == {"DeleteOnTermination": True, "Encrypted": True, "VolumeSize": 50, "VolumeType": "gp3"}


def test_each_zone_has_one_spot_environment_and_its_queue(rendered: Rendered) -> None:
    template = rendered.template
    subnets = {f"<{name}>": each["AvailabilityZone"] for name, each in template.of_type("AWS::EC2::Subnet").items()}
    environments = {
        f"<{name}.ComputeEnvironmentArn>": subnets[each["ComputeResources"]["Subnets"][0]]
        for name, each in template.of_type("AWS::Batch::ComputeEnvironment").items()
    }
    queues = {
        each["JobQueueName"]: [environments[order["ComputeEnvironment"]] for order in each["ComputeEnvironmentOrder"]]
        for each in template.of_type("AWS::Batch::JobQueue").values()
    }

    assert queues == {f"backup-actions-{zone}": [zone] for zone in rendered.settings.zones}
    for each in template.of_type("AWS::Batch::ComputeEnvironment").values():
        assert each["ComputeResources"]["Type"] == "SPOT"
        assert each["ComputeResources"]["AllocationStrategy"] == "SPOT_PRICE_CAPACITY_OPTIMIZED"
        assert each["ComputeResources"]["MinvCpus"] == 0
        assert each["ComputeResources"]["MaxvCpus"] == rendered.settings.vcpus_per_zone
        assert len({name.partition(".")[0] for name in each["ComputeResources"]["InstanceTypes"]}) >= 6


def test_hosts_are_all_of_the_nitro_system(template: Template) -> None:
    for each in template.of_type("AWS::Batch::ComputeEnvironment").values():
        # The generations before the fifth attach volumes under names of their own, without a serial.
        assert all(int(name[1]) >= 5 for name in each["ComputeResources"]["InstanceTypes"])


def test_nothing_comes_in_to_hosts_and_only_https_goes_out_of_the_network(template: Template) -> None:
    (hosts,) = (
        group
        for group in template.of_type("AWS::EC2::SecurityGroup").values()
        if group["GroupDescription"].startswith("Hosts")
    )

    assert "SecurityGroupIngress" not in hosts
    assert [(rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) for rule in hosts["SecurityGroupEgress"]] == [
        (443, 443, "tcp")
    ]


def test_the_network_costs_nothing_while_no_job_runs(template: Template) -> None:
    assert not template.of_type("AWS::EC2::NatGateway")
    assert [each["VpcEndpointType"] for each in template.of_type("AWS::EC2::VPCEndpoint").values()] == ["Gateway"]


def test_the_bucket_keeps_encrypts_and_hides_what_it_holds(template: Template) -> None:
    bucket = template.only("AWS::S3::Bucket")
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]

    assert encryption["BucketKeyEnabled"] is True
    assert encryption["ServerSideEncryptionByDefault"] == {
        "KMSMasterKeyID": f"<{template.id_of('AWS::KMS::Key')}.Arn>",
        "SSEAlgorithm": "aws:kms",
    }
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_the_buckets_lifecycle_is_that_of_the_settings_and_ends_unfinished_uploads(template: Template) -> None:
    rules = {rule["Id"]: rule for rule in template.only("AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]}

    assert rules["unfinished-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert rules["old-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert rules["colder"]["Transitions"] == [
        {"StorageClass": "GLACIER", "TransitionInDays": 30},
        {"StorageClass": "DEEP_ARCHIVE", "TransitionInDays": 120},
    ]
    assert rules["end"]["ExpirationInDays"] == 4000


@pytest.mark.parametrize("kind", ["AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"])
def test_nothing_is_spoken_without_tls(template: Template, kind: str) -> None:
    statements = template.only(kind)["PolicyDocument"]["Statement"]

    assert any(
        statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in statements
    )


@pytest.mark.parametrize("kind", ["AWS::S3::Bucket", "AWS::KMS::Key", "AWS::DynamoDB::Table"])
def test_archives_key_and_ledger_outlive_the_stack(template: Template, kind: str) -> None:
    resource = template.resource(template.id_of(kind))

    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


def test_the_ledger_is_protected_and_costs_what_is_used(template: Template) -> None:
    table = template.only("AWS::DynamoDB::Table")

    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"] is True
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]] == [
        ("point", "HASH"),
        ("item", "RANGE"),
    ]


def test_the_ledger_has_the_indexes_that_are_asked(template: Template) -> None:
    indexes = template.only("AWS::DynamoDB::Table")["GlobalSecondaryIndexes"]

    assert [
        (index["IndexName"], *((key["AttributeName"], key["KeyType"]) for key in index["KeySchema"]))
        for index in indexes
    ] == [(index.name, (index.hash_key, "HASH"), (index.range_key, "RANGE")) for index in INDEXES]
    assert {index["Projection"]["ProjectionType"] for index in indexes} == {"ALL"}


def test_the_account_decides_who_may_use_the_key(template: Template) -> None:
    key = template.only("AWS::KMS::Key")
    first, *others = key["KeyPolicy"]["Statement"]

    assert key["EnableKeyRotation"] is True
    assert (first["Principal"], first["Action"]) == ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "kms:*")
    # Whoever else is named may use it for messages of the one topic only, our own roles also for announcements.
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:backup-actions"
    topics = [topic, f"{topic}-offsite-copy-announcements"]
    for statement in others:
        of_topics = statement["Condition"]["StringEquals"]["kms:EncryptionContext:aws:sns:topicArn"]
        assert set(statement["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
        assert of_topics == (topics if statement["Principal"] == {"AWS": "*"} else topic)


def test_the_topic_is_encrypted_and_lets_rules_and_alarms_in(template: Template) -> None:
    allowed = [
        statement["Principal"]
        for statement in template.only("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]

    assert template.only("AWS::SNS::Topic")["KmsMasterKeyId"] == f"<{template.id_of('AWS::KMS::Key')}.Arn>"
    assert allowed == [{"Service": "events.amazonaws.com"}, {"Service": "cloudwatch.amazonaws.com"}]
    assert template.only("AWS::SNS::Subscription")["Endpoint"] == "operators@example.com"


def test_a_dead_letter_waits_two_weeks_and_raises_an_alarm(template: Template) -> None:
    queue = template.only("AWS::SQS::Queue")
    alarms = template.of_type("AWS::CloudWatch::Alarm").values()
    (alarm,) = (alarm for alarm in alarms if alarm["AlarmName"] == "backup-actions-dead-letters")
    topic = [f"<{template.id_of('AWS::SNS::Topic')}>"]

    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert queue["SqsManagedSseEnabled"] is True
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 0)
    assert alarm["AlarmActions"] == alarm["OKActions"] == topic


def test_functions_and_machines_are_traced(template: Template) -> None:
    for function in template.of_type("AWS::Lambda::Function").values():
        assert function["TracingConfig"] == {"Mode": "Active"}
    for machine in template.of_type("AWS::StepFunctions::StateMachine").values():
        assert machine["TracingConfiguration"] == {"Enabled": True}


def test_machines_log_what_happens_without_the_data_of_customers(template: Template) -> None:
    for machine in template.of_type("AWS::StepFunctions::StateMachine").values():
        assert machine["LoggingConfiguration"]["Level"] == "ALL"
        assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False


def test_every_log_is_kept_as_long_as_the_settings_say(rendered: Rendered) -> None:
    for group in rendered.template.of_type("AWS::Logs::LogGroup").values():
        assert group["RetentionInDays"] == rendered.settings.log_retention_days


def test_what_functions_cannot_handle_goes_to_the_dead_letter_queue(rendered: Rendered) -> None:
    template = rendered.template
    configs = template.of_type("AWS::Lambda::EventInvokeConfig").values()
    queue = f"<{template.id_of('AWS::SQS::Queue')}.Arn>"
    scheduled = [function for each in rendered.machines for function in each.machine.scheduled]
    called = [*deployed_functions(rendered.settings, installed().actions), *scheduled]

    assert [config["DestinationConfig"] for config in configs] == [{"OnFailure": {"Destination": queue}}] * len(called)


def test_the_code_of_functions_is_one_asset_without_what_only_people_use(rendered: Rendered) -> None:
    functions = rendered.template.of_type("AWS::Lambda::Function").values()
    (key,) = {function["Code"]["S3Key"] for function in functions}
    code = rendered.template.path.parent / f"asset.{key.removesuffix('.zip')}"

    assert {path.name for path in code.iterdir()} == {"backup_actions"}
    assert (code / "backup_actions" / "runtime" / "task.py").is_file()
    assert not {"cli", "settings"} & {path.name for path in (code / "backup_actions").iterdir()}
    assert not list(code.rglob("__pycache__"))


def test_jobs_get_names_and_places_but_no_secrets_in_their_environment(template: Template) -> None:
    for job in template.of_type("AWS::Batch::JobDefinition").values():
        container = job["ContainerProperties"]
        assert container["Environment"] == [{"Name": "AWS_DEFAULT_REGION", "Value": REGION}]
        assert "Secrets" not in container
    # The region is the stack's, not that of whoever deployed it.
    assert '"Value": {"Ref": "AWS::Region"}' in json.dumps(template.document)


def test_a_job_writes_to_its_scratch_volume_only(template: Template) -> None:
    for job in template.of_type("AWS::Batch::JobDefinition").values():
        container = job["ContainerProperties"]
        writable = {point["ContainerPath"] for point in container["MountPoints"] if not point["ReadOnly"]}
        assert container["ReadonlyRootFilesystem"] is True
        assert writable <= {"/tmp", "/dev"}  # noqa: S108 - a path in a container
        in_memory = [mount["ContainerPath"] for mount in container["LinuxParameters"].get("Tmpfs", [])]
        assert in_memory == (["/run"] if container["Privileged"] else [])


def test_a_job_gets_the_signal_that_ends_it(template: Template) -> None:
    for job in template.of_type("AWS::Batch::JobDefinition").values():
        assert job["ContainerProperties"]["LinuxParameters"]["InitProcessEnabled"] is True


def test_queries_are_limited_and_their_results_encrypted_whatever_the_client_asks(template: Template) -> None:
    workgroup = template.only("AWS::Athena::WorkGroup")["WorkGroupConfiguration"]
    key = f"<{template.id_of('AWS::KMS::Key')}.Arn>"

    assert workgroup["EnforceWorkGroupConfiguration"] is True
    assert workgroup["BytesScannedCutoffPerQuery"] == 100 * 1024**3
    assert workgroup["ResultConfiguration"] == {
        "OutputLocation": f"s3://<{template.id_of('AWS::S3::Bucket')}>/athena-results/",
        "EncryptionConfiguration": {"EncryptionOption": "SSE_KMS", "KmsKey": key},
    }


def test_results_of_queries_end_by_themselves(template: Template) -> None:
    rules = template.only("AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]

    assert {"Id": "query-results", "Prefix": "athena-results/", "Status": "Enabled", "ExpirationInDays": 7} in rules


def test_the_catalogue_hears_of_every_kind_of_export_and_of_nothing_else(template: Template) -> None:
    (rule,) = (
        each
        for each in template.of_type("AWS::Events::Rule").values()
        if each.get("EventPattern", {}).get("detail", {}).get("status") == ["SUCCEEDED"]
    )

    assert {arn.rpartition(":")[2] for arn in rule["EventPattern"]["detail"]["stateMachineArn"]} == {
        "backup-actions-dynamodb-export",
        "backup-actions-rds-export",
    }
    assert template.only("AWS::Glue::Database")["DatabaseInput"]["Name"] == "backup_actions"


def test_the_check_of_an_account_asks_for_the_bootstrap_that_the_template_needs(template: Template) -> None:
    rule = json.dumps(template.document["Rules"]["CheckBootstrapVersion"])

    assert template.document["Parameters"]["BootstrapVersion"]["Default"] == BOOTSTRAP_PARAMETER
    assert f"version {BOOTSTRAP_VERSION} required" in rule
