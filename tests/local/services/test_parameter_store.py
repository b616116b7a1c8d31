"""The embedded Parameter Store: a secret is seen by those who may use its key, and by nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from backup_actions.contract import Statement
from backup_actions_local.cloud import Cloud

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

    from backup_actions_local.seaweed import ObjectServer

NAME, SECRET = "/run/secret", "open sesame"
PARAMETER = "arn:aws:ssm:us-east-1:111122223333:parameter/run/secret"
KEY = "arn:aws:kms:us-east-1:111122223333:key/of-the-stack"
PUT = Statement(("ssm:PutParameter", "ssm:AddTagsToResource"), on=PARAMETER)
GET = Statement(("ssm:GetParameter",), on=PARAMETER)


@pytest.fixture(name="cloud", scope="module")
def _cloud(tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("cloud"), flow_objects, mode="inline") as cloud:
        yield cloud
        assert cloud.parameters.parameters == {}


@pytest.fixture(name="ssm")
def _ssm(cloud: Cloud) -> Iterator[SSMClient]:
    """The administrator's client; no parameter outlives a test."""
    client = cloud.administrator.client("ssm")
    yield client
    for parameter in client.describe_parameters()["Parameters"]:
        client.delete_parameter(Name=parameter["Name"])


def put(client: SSMClient, **more: Any) -> None:
    client.put_parameter(**{"Name": NAME, "Value": SECRET, "Type": "SecureString", "KeyId": KEY, **more})


def client_of(cloud: Cloud, *statements: Statement) -> SSMClient:
    cloud.roles.add("somebody", statements)
    return cloud.session("somebody").client("ssm")


def test_a_secret_is_shown_decrypted_alone(ssm: SSMClient) -> None:
    put(ssm)

    assert ssm.get_parameter(Name=NAME, WithDecryption=True)["Parameter"]["Value"] == SECRET
    assert SECRET not in str(ssm.get_parameter(Name=NAME))
    assert SECRET not in str(ssm.describe_parameters())


def test_writing_a_secret_needs_its_key(cloud: Cloud, ssm: SSMClient) -> None:
    through_ssm = {
        "StringEquals": {
            "kms:ViaService": "ssm.us-east-1.amazonaws.com",
            "kms:EncryptionContext:PARAMETER_ARN": PARAMETER,
        }
    }
    with pytest.raises(ClientError, match=f"kms:Encrypt on resource: {KEY}"):
        put(client_of(cloud, PUT))
    with pytest.raises(ClientError, match=f"kms:GenerateDataKey on resource: {KEY}"):
        put(client_of(cloud, PUT, Statement(("kms:Encrypt",), on=KEY)), Tier="Advanced")
    put(client_of(cloud, PUT, Statement(("kms:Encrypt",), on=KEY, when=through_ssm)))

    assert ssm.get_parameter(Name=NAME)["Parameter"]["Version"] == 1


def test_reading_a_secret_needs_its_key(cloud: Cloud, ssm: SSMClient) -> None:
    put(ssm)
    without = client_of(cloud, GET)

    assert SECRET not in str(without.get_parameter(Name=NAME))
    with pytest.raises(ClientError, match=f"kms:Decrypt on resource: {KEY}"):
        without.get_parameter(Name=NAME, WithDecryption=True)
    reader = client_of(cloud, GET, Statement(("kms:Decrypt",), on=KEY))
    assert reader.get_parameter(Name=NAME, WithDecryption=True)["Parameter"]["Value"] == SECRET


def test_a_tag_needs_a_permission_of_its_own(cloud: Cloud, ssm: SSMClient) -> None:
    tags = [{"Key": "run", "Value": "r"}]
    writer = client_of(cloud, Statement(("ssm:PutParameter",), on=PARAMETER), Statement(("kms:Encrypt",), on=KEY))
    with pytest.raises(ClientError, match="ssm:AddTagsToResource"):
        put(writer, Tags=tags)
    put(ssm, Tags=tags)

    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=NAME)["TagList"] == tags
    assert cloud.parameters.tags_of(PARAMETER) == {"run": "r"}


def test_a_parameter_is_overwritten_when_asked_for_alone(ssm: SSMClient) -> None:
    put(ssm)
    with pytest.raises(ClientError, match="ParameterAlreadyExists"):
        put(ssm)
    put(ssm, Value="another", Overwrite=True)

    parameter = ssm.get_parameter(Name=NAME, WithDecryption=True)["Parameter"]
    assert (parameter["Value"], parameter["Version"]) == ("another", 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"Overwrite": True, "Tags": [{"Key": "a", "Value": "b"}]},
        {"Name": "/aws/secret"},
        {"Name": "with space"},
        {"Value": "x" * 4097},
    ],
    ids=["tags-and-overwrite", "reserved-name", "name-with-space", "too-long"],
)
def test_what_parameter_store_refuses_is_refused(ssm: SSMClient, wrong: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        put(ssm, **wrong)


def test_what_is_deleted_is_not_found(ssm: SSMClient) -> None:
    put(ssm)
    ssm.delete_parameter(Name=NAME)

    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name=NAME)
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.delete_parameter(Name=NAME)
