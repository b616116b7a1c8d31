"""Where archives, evidence and the ledger lie. All of it outlives the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from backup_actions.ledger.table import EXPIRES, INDEXES, ITEM_KEY, POINT_KEY
from backup_actions_infrastructure.athena import RESULTS_FOLDER
from backup_actions_infrastructure.messages import topic_arn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from constructs import Construct

    from backup_actions.settings import DeploymentSettings

# A job that lives longer than its attempts may, and every retry of it, is over by then.
_UNFINISHED_UPLOADS_END_AFTER_DAYS = 7

# EventBridge and CloudWatch write to the topic themselves, in nobody's name.
_PUBLISHERS = ("events.amazonaws.com", "cloudwatch.amazonaws.com")


def stack_key(scope: Construct, settings: DeploymentSettings, announcing: Iterable[str]) -> kms.Key:
    """The key of archives and notifications, and of the topics with these ARNs, to which only our own roles publish.

    The account's IAM policies decide who may use it: people with the right to read archives need no change of the key.
    """
    # Whoever may publish to the topic may use the key for that; the topic's policy and IAM say who may.
    # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    for_the_topic = {"kms:EncryptionContext:aws:sns:topicArn": topic_arn(settings)}
    through_sns = {
        "kms:EncryptionContext:aws:sns:topicArn": [topic_arn(settings), *announcing],
        "kms:CallerAccount": Aws.ACCOUNT_ID,
        # So spelt in every partition. https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
        "kms:ViaService": f"sns.{Aws.REGION}.amazonaws.com",
    }
    messages = ["kms:Decrypt", "kms:GenerateDataKey"]
    key = kms.Key(
        scope,
        "Key",
        description=f"{settings.name}: archives of backups, and notifications about them",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.RETAIN,
        policy=iam.PolicyDocument(
            statements=[
                _on_key("TheAccountDecides", iam.AccountRootPrincipal(), ["kms:*"]),
                _on_key("ThroughSns", iam.AnyPrincipal(), messages, {"StringEquals": through_sns}),
                *(
                    _on_key(f"Publisher{number}", iam.ServicePrincipal(name), messages, {"StringEquals": for_the_topic})
                    for number, name in enumerate(_PUBLISHERS, start=1)
                ),
            ]
        ),
    )
    key.add_alias(f"alias/{settings.name}")
    return key


def _on_key(
    sid: str, who: iam.IPrincipal, actions: list[str], conditions: Mapping[str, Mapping[str, Any]] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, principals=[who], actions=actions, resources=["*"], conditions=conditions)


def archive_key(scope: Construct, settings: DeploymentSettings, made: kms.IKey) -> kms.IKey:
    """The key of the archive bucket: the one that the settings name, else the stack's own."""
    named = settings.archive_bucket.key_arn
    return kms.Key.from_key_arn(scope, "ArchiveKey", named) if named else made


def archive_bucket(scope: Construct, settings: DeploymentSettings, key: kms.IKey) -> s3.IBucket:
    """The bucket that archives go to: made with everything the settings say, or an existing one left as it is."""
    chosen = settings.archive_bucket
    if chosen.name:
        return s3.Bucket.from_bucket_name(scope, "Bucket", chosen.name)
    made = s3.Bucket(
        scope,
        "Bucket",
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        versioned=True,
        object_lock_enabled=True if chosen.object_lock else None,
        object_lock_default_retention=_retention(settings),
        lifecycle_rules=_lifecycle(settings),
        removal_policy=RemovalPolicy.RETAIN,
    )
    if logs := chosen.access_logs:
        # Set on the resource: the construct would also try to change the policy of a bucket that is not ours.
        cast("s3.CfnBucket", made.node.default_child).logging_configuration = s3.CfnBucket.LoggingConfigurationProperty(
            destination_bucket_name=logs.bucket, log_file_prefix=logs.prefix
        )
    return made


def ledger_table(scope: Construct) -> dynamodb.Table:
    """The ledger: one item per recovery point and one per point and action."""
    table = dynamodb.Table(
        scope,
        "Ledger",
        partition_key=_text(POINT_KEY),
        sort_key=_text(ITEM_KEY),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        # With a key of our own every reader of the ledger would need rights on that key too, and it holds no secret.
        encryption=dynamodb.TableEncryption.AWS_MANAGED,
        deletion_protection=True,
        time_to_live_attribute=EXPIRES,
        removal_policy=RemovalPolicy.RETAIN,
    )
    for index in INDEXES:
        table.add_global_secondary_index(
            index_name=index.name, partition_key=_text(index.hash_key), sort_key=_text(index.range_key)
        )
    return table


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def _retention(settings: DeploymentSettings) -> s3.ObjectLockRetention | None:
    lock = settings.archive_bucket.object_lock
    if not lock:
        return None
    days = Duration.days(lock.days)
    # The default retention also covers what services write on our behalf: they send no retention of their own.
    return (
        s3.ObjectLockRetention.governance(days)
        if lock.mode == "governance"
        else s3.ObjectLockRetention.compliance(days)
    )


def _lifecycle(settings: DeploymentSettings) -> list[s3.LifecycleRule]:
    bucket = settings.archive_bucket
    colder = [
        s3.Transition(storage_class=storage_class, transition_after=Duration.days(days))
        for storage_class, days in (
            (s3.StorageClass.GLACIER, bucket.lifecycle.glacier),
            (s3.StorageClass.DEEP_ARCHIVE, bucket.lifecycle.deep_archive),
        )
        if days is not None
    ]
    rules = [
        s3.LifecycleRule(
            id="unfinished-uploads",
            abort_incomplete_multipart_upload_after=Duration.days(_UNFINISHED_UPLOADS_END_AFTER_DAYS),
        ),
        s3.LifecycleRule(
            id="old-versions",
            noncurrent_version_expiration=Duration.days(bucket.noncurrent_days),
        ),
    ]
    if settings.athena.enabled and not settings.athena.results:
        results_end = Duration.days(settings.athena.results_days)
        rules.append(s3.LifecycleRule(id="query-results", prefix=RESULTS_FOLDER, expiration=results_end))
    if colder:
        rules.append(s3.LifecycleRule(id="colder", transitions=colder))
    if days := bucket.lifecycle.expiration:
        rules.append(s3.LifecycleRule(id="end", expiration=Duration.days(days)))
    else:
        rules.append(s3.LifecycleRule(id="delete-markers", expired_object_delete_marker=True))
    return rules
