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


def _sdk(botocore_name: str, prefix: str) -> Sdk:
    return Sdk(botocore_name, prefix, f"{prefix}Exception", prefix)


# The prefixes of the first group are those of the SDK for Java 2, of the second those of the SDK for Java 1, which the
# optimized integrations still show: Lambda.AWSLambdaException, StepFunctions.ExecutionAlreadyExistsException.
AWS_SDK = {
    "backup": _sdk("backup", "Backup"),
    "batch": _sdk("batch", "Batch"),
    "cloudwatch": _sdk("cloudwatch", "CloudWatch"),
    "dynamodb": _sdk("dynamodb", "DynamoDb"),
    "ec2": _sdk("ec2", "Ec2"),
    "rds": _sdk("rds", "Rds"),
    "s3": _sdk("s3", "S3"),
    "sfn": _sdk("stepfunctions", "Sfn"),
    "sns": _sdk("sns", "Sns"),
    "sqs": _sdk("sqs", "Sqs"),
}
OPTIMIZED = {
    "batch": Sdk("batch", "Batch", "AWSBatchException", "AWSBatch"),
    "dynamodb": Sdk("dynamodb", "DynamoDB", "AmazonDynamoDBException", "AmazonDynamoDBv2"),
    "lambda": Sdk("lambda", "Lambda", "AWSLambdaException", "AWSLambda"),
    "sns": Sdk("sns", "SNS", "AmazonSNSException", "AmazonSNS"),
    "sqs": Sdk("sqs", "SQS", "AmazonSQSException", "AmazonSQS"),
    "states": Sdk("stepfunctions", "StepFunctions", "AWSStepFunctionsException", "AWSStepFunctions"),
}


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
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[0-9])(?=[A-Za-z])", " ", shape).split()
    name = "".join(word.capitalize() for word in words)
    return name if name.endswith("Exception") else f"{name.removesuffix('Fault')}Exception"


@cache
def service_model(botocore_name: str) -> ServiceModel:
    """botocore's description of a service; reading it is slow, so it is kept."""
    return botocore.session.get_session().get_service_model(botocore_name)


def operation_model(sdk: Sdk, action: str) -> OperationModel | None:
    """The operation that a workflow calls ``createVolume``, None if there is none."""
    model = service_model(sdk.botocore)
    name = next((name for name in model.operation_names if name[:1].lower() + name[1:] == action), None)
    return None if name is None else model.operation_model(name)
