"""The only door to botocore. Clients are made once, on first use, and passed in; no module makes one at import."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config

from backup_actions.aws.requests import Requests

if TYPE_CHECKING:
    import boto3
    from types_boto3_backup import BackupClient
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_ebs import EBSClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_glue import GlueClient
    from types_boto3_kms import KMSClient
    from types_boto3_rds import RDSClient
    from types_boto3_s3 import S3Client
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient
    from types_boto3_ssm import SSMClient
    from types_boto3_stepfunctions import SFNClient
    from types_boto3_sts import STSClient

# Five tries with jittered, growing waits; the workflow's own retries come on top where a step is worth it.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5}, user_agent_extra="aws-backup-actions")

# S3 parts carry a CRC64NVME of ours, which S3 checks. botocore does not see a checksum given by the caller and would
# also SHA-256 every byte to sign the payload, four times the CPU of everything else; TLS and the CRC protect the body.
_S3_CONFIG = _CONFIG.merge(
    Config(s3={"payload_signing_enabled": False, "addressing_style": "auto"}, max_pool_connections=32)
)

# aws.patience paces these calls and tries them again. A block is half a MiB: one that takes longer will not come.
_EBS_CONFIG = _CONFIG.merge(
    Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=40,
        connect_timeout=10,
        read_timeout=20,
    )
)


class _Session:
    """botocore's own. That of boto3 makes the same clients, but loads a transfer manager that nobody here uses."""

    def __init__(self, region: str | None) -> None:
        self._session = botocore.session.get_session()
        if region:
            self._session.set_config_variable("region", region)
        self._session.get_scoped_config()  # a profile that is not there is missed now, as boto3 does

    @property
    def region_name(self) -> str | None:
        region: str | None = self._session.get_config_variable("region")
        return region

    def client(self, service_name: str, *, config: Config, region_name: str | None = None) -> Any:
        return self._session.create_client(service_name, config=config, region_name=region_name)


class Clients:
    """Clients by service, made when first asked for. Endpoints and credentials come from the environment.

    The region does as well, unless one is given.
    """

    def __init__(self, session: boto3.Session | None = None, *, region: str | None = None) -> None:
        self._session: boto3.Session | _Session = session or _Session(region)
        self.requests = Requests()
        """Those to S3 and EBS that were answered: what is asked often, and paid for by the request."""
        self._others: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The client of any service by botocore's name, configured as the ones below; what is below is the same one."""
        known = service.replace("-", "_")
        if isinstance(getattr(Clients, known, None), cached_property):
            return getattr(self, known)
        if service not in self._others:
            session: Any = self._session  # whose stubs want the name as a literal
            self._others[service] = session.client(service, config=_CONFIG)
        return self._others[service]

    @property
    def region(self) -> str:
        """The region that all clients speak to."""
        return str(self._session.region_name)

    def rds_in(self, region: str) -> RDSClient:
        """RDS of another region."""
        return self._session.client("rds", config=_CONFIG, region_name=region)

    def ec2_in(self, region: str) -> EC2Client:
        """EC2 of another region."""
        return self._session.client("ec2", config=_CONFIG, region_name=region)

    def sqs_in(self, region: str) -> SQSClient:
        """SQS of another region."""
        return self._session.client("sqs", config=_CONFIG, region_name=region)

    @cached_property
    def backup(self) -> BackupClient:
        """AWS Backup."""
        return self._session.client("backup", config=_CONFIG)

    @cached_property
    def cloudformation(self) -> Any:
        """CloudFormation: what a stack says of itself."""
        return self._session.client("cloudformation", config=_CONFIG)

    @cached_property
    def cloudwatch(self) -> CloudWatchClient:
        """CloudWatch: the metrics of our own."""
        return self._session.client("cloudwatch", config=_CONFIG)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """DynamoDB: the ledger."""
        return self._session.client("dynamodb", config=_CONFIG)

    @cached_property
    def ebs(self) -> EBSClient:
        """EBS direct: the blocks of snapshots. For ``PatientCalls``: it tries nothing twice by itself."""
        client = self._session.client("ebs", config=_EBS_CONFIG)
        client.meta.events.register("after-call", self.requests.count)
        return client

    @cached_property
    def ec2(self) -> EC2Client:
        """EC2: volumes and snapshots."""
        return self._session.client("ec2", config=_CONFIG)

    @cached_property
    def glue(self) -> GlueClient:
        """Glue: the tables that Athena knows."""
        return self._session.client("glue", config=_CONFIG)

    @cached_property
    def iam(self) -> Any:
        """IAM: roles of services, which are looked at before a deployment."""
        return self._session.client("iam", config=_CONFIG)

    @cached_property
    def rds(self) -> RDSClient:
        """RDS: snapshots of databases."""
        return self._session.client("rds", config=_CONFIG)

    @cached_property
    def s3(self) -> S3Client:
        """S3, with the payload signed by our own checksum."""
        client = self._session.client("s3", config=_S3_CONFIG)
        client.meta.events.register("after-call", self.requests.count)
        return client

    @cached_property
    def kms(self) -> KMSClient:
        """KMS: whether a key can be used."""
        return self._session.client("kms", config=_CONFIG)

    @cached_property
    def service_quotas(self) -> Any:
        """Service Quotas: what an account may have at a time."""
        return self._session.client("service-quotas", config=_CONFIG)

    @cached_property
    def sns(self) -> SNSClient:
        """SNS: announcements to other accounts."""
        return self._session.client("sns", config=_CONFIG)

    @cached_property
    def sqs(self) -> SQSClient:
        """SQS: the dead-letter queue, and messages to other accounts."""
        return self._session.client("sqs", config=_CONFIG)

    @cached_property
    def ssm(self) -> SSMClient:
        """Systems Manager: parameters that hold a secret for the life of a run."""
        return self._session.client("ssm", config=_CONFIG)

    @cached_property
    def sts(self) -> STSClient:
        """STS: whose credentials they are."""
        return self._session.client("sts", config=_CONFIG)

    @cached_property
    def resourcegroupstaggingapi(self) -> Any:
        """The tagging API: resources of every service by their tags."""
        return self._session.client("resourcegroupstaggingapi", config=_CONFIG)

    @cached_property
    def stepfunctions(self) -> SFNClient:
        """Step Functions: executions."""
        return self._session.client("stepfunctions", config=_CONFIG)
