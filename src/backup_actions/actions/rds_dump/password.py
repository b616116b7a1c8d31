"""The password of a restored database: made here, told to RDS, kept where only the jobs of the run can read it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backup_actions.aws import World, translated
from backup_actions.errors import AwsCallFailed

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient
    from types_boto3_ssm.type_defs import TagTypeDef

Event = Mapping[str, Any]

# 40 characters, of which none is forbidden; MySQL and MariaDB take 41 at most.
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html
_RANDOM_BYTES = 30


def set_password(world: World, event: Event) -> Mapping[str, str]:
    """The database has a password that nobody had before, and the parameter holds it; it is not in the answer.

    Another call replaces both. The parameter comes first: RDS is never told a password that could be lost.
    """
    password = secrets.token_urlsafe(_RANDOM_BYTES)
    _keep(world.clients.ssm, event, password)
    rds = world.clients.rds
    with translated():
        if event["kind"] == "cluster":
            rds.modify_db_cluster(
                DBClusterIdentifier=event["cluster"], MasterUserPassword=password, ApplyImmediately=True
            )
        else:
            rds.modify_db_instance(
                DBInstanceIdentifier=event["instance"], MasterUserPassword=password, ApplyImmediately=True
            )
    return {"parameter": event["parameter"]}


def password_of(ssm: SSMClient, parameter: str) -> str:
    """What the parameter holds."""
    with translated():
        return ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]["Value"]


def _keep(ssm: SSMClient, event: Event, password: str) -> None:
    """Tags are taken for a new parameter only, and an existing one is only overwritten on demand.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
    """
    tags: list[TagTypeDef] = [{"Key": key, "Value": value} for key, value in event["tags"].items()]
    about = "The password of a temporary database; it goes with the run"
    name, key = event["parameter"], event["key"]
    try:
        with translated():
            ssm.put_parameter(Name=name, Value=password, Type="SecureString", KeyId=key, Description=about, Tags=tags)
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] != "ParameterAlreadyExists":
            raise
        with translated():
            ssm.put_parameter(Name=name, Value=password, Type="SecureString", KeyId=key, Overwrite=True)
