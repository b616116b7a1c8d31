"""Names of APIs in a workflow: Step Functions writes the members of every service as the SDK for Java 2 does.

The rules are those of its code generator: ``DBSnapshotIdentifier`` becomes ``DbSnapshotIdentifier``, ``jobQueue``
``JobQueue``, ``InvalidExportSourceStateFault`` ``InvalidExportSourceStateException``.
https://github.com/aws/aws-sdk-java-v2/tree/master/utils (StringUtils, CodegenNamingUtils)
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import botocore.session

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel


@dataclass(frozen=True, slots=True)
class Sdk:
    """How one service is called in a workflow, by botocore, and in the names and causes of its errors."""

    botocore: str
    prefix: str
    """Of error names: ``Ec2`` in ``Ec2.Ec2Exception``."""
    fallback: str
    """The exception for every error that the service's model does not name."""
    label: str
    """The service in the cause."""


# botocore's names of the services that it calls otherwise than the SDK for Java 2 does.
_BOTOCORE_NAMES = {
    "applicationdiscovery": "discovery",
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "costandusagereport": "cur",
    "costexplorer": "ce",
    "databasemigration": "dms",
    "directory": "ds",
    "directoryservicedata": "ds-data",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "elasticsearch": "es",
    "eventbridge": "events",
    "iotdataplane": "iot-data",
    "iotjobsdataplane": "iot-jobs-data",
    "lexmodelbuilding": "lex-models",
    "lexmodelsv2": "lexv2-models",
    "lexruntimev2": "lexv2-runtime",
    "marketplacemetering": "meteringmarketplace",
    "migrationhub": "mgh",
    "serverlessapplicationrepository": "serverlessrepo",
    "sfn": "stepfunctions",
    "simpledb": "sdb",
}

# The optimized integrations still show the prefixes of the SDK for Java 1: Lambda.AWSLambdaException,
# StepFunctions.ExecutionAlreadyExistsException.
OPTIMIZED = {
    "batch": Sdk("batch", "Batch", "AWSBatchException", "AWSBatch"),
    "dynamodb": Sdk("dynamodb", "DynamoDB", "AmazonDynamoDBException", "AmazonDynamoDBv2"),
    "lambda": Sdk("lambda", "Lambda", "AWSLambdaException", "AWSLambda"),
    "sns": Sdk("sns", "SNS", "AmazonSNSException", "AmazonSNS"),
    "sqs": Sdk("sqs", "SQS", "AmazonSQSException", "AmazonSQS"),
    "states": Sdk("stepfunctions", "StepFunctions", "AWSStepFunctionsException", "AWSStepFunctions"),
}


@cache
def aws_sdk(service: str) -> Sdk | None:
    """The service that a workflow calls ``aws-sdk:<service>:…``; None if there is none."""
    name = _BOTOCORE_NAMES.get(service) or _names_without_hyphens().get(service, "")
    if not name:
        return None
    prefix = service_prefix(service_model(name).service_id)
    return Sdk(name, prefix, f"{prefix}Exception", prefix) if prefix.lower() == service else None


def service_prefix(service_id: str) -> str:
    """The prefix of the errors of a service: ``DynamoDb`` of ``DynamoDB``; in lower case workflows call it so."""
    name = "".join(word.capitalize() for word in _words(re.sub(r"[^A-Za-z0-9]", " ", service_id)))
    return name.removeprefix("Amazon").removeprefix("Aws").removesuffix("Service")


@cache
def _names_without_hyphens() -> dict[str, str]:
    return {name.replace("-", ""): name for name in botocore.session.get_session().get_available_services()}


def member_name(name: str) -> str:
    """The name of a parameter or result in a workflow, given botocore's."""
    uncapitalized = uncapitalize(name)
    return uncapitalized[:1].upper() + uncapitalized[1:]


def uncapitalize(name: str) -> str:
    """Lower the first letter, and with it those of a leading acronym: ``DBName`` is ``dbName``, ``ETag`` ``eTag``."""
    begin = re.match(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]+(?![a-z])|[A-Z]", name)
    return name if begin is None else begin[0].lower() + name[begin.end() :]


def exception_name(shape: str) -> str:
    """The class of the SDK for Java 2 for an error shape."""
    name = "".join(word.capitalize() for word in _words(shape))
    return name if name.endswith("Exception") else f"{name.removesuffix('Fault')}Exception"


def _words(name: str) -> list[str]:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[0-9])(?=[A-Za-z])", " ", name).split()


@cache
def service_model(botocore_name: str) -> ServiceModel:
    """botocore's description of a service; reading it is slow, so it is kept."""
    return botocore.session.get_session().get_service_model(botocore_name)


def operation_model(sdk: Sdk, action: str) -> OperationModel | None:
    """The operation that a workflow calls ``createVolume``, None if there is none."""
    model = service_model(sdk.botocore)
    name = next((name for name in model.operation_names if name[:1].lower() + name[1:] == action), None)
    return None if name is None else model.operation_model(name)
