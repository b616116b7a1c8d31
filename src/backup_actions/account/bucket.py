"""A bucket that is there already, and the one that receives access logs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from backup_actions.account.results import good, look, wrong
from backup_actions.account.surroundings import unless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backup_actions.account.results import Result
    from backup_actions.account.surroundings import Surroundings

_BUCKET, _LOGS = "archive_bucket.name", "archive_bucket.access_logs"
_ABSENT = ("404", "NoSuchBucket")
_LOGGING = "logging.s3.amazonaws.com"


def region(around: Surroundings) -> Iterator[Result]:
    """Whether the bucket is there, in the stack's region."""
    if name := around.settings.archive_bucket.name:
        yield from _place(around, _BUCKET, name)


def versions(around: Surroundings) -> Iterator[Result]:
    """Whether what is overwritten or deleted by mistake can be had back."""
    if name := around.settings.archive_bucket.name:
        status = around.clients.s3.get_bucket_versioning(**_whose(around, name)).get("Status", "never switched on")
        if status == "Enabled":
            yield good(_BUCKET, "keeps versions")
        else:
            yield look(_BUCKET, f"keeps no versions ({status}): what somebody deletes or overwrites is gone")


def lock(around: Surroundings) -> Iterator[Result]:
    """Whether the bucket's lock leaves room for the results of queries."""
    if name := around.settings.archive_bucket.name:
        days = _lock(around, name)
        athena = around.settings.athena
        if days and athena.enabled and not athena.results:
            yield wrong(_BUCKET, f"is locked ({days}): athena.results needs a place in another bucket")
        else:
            yield good(_BUCKET, f"is locked ({days})" if days else "has no lock")


def encryption(around: Surroundings) -> Iterator[Result]:
    """Whether what is written without naming a key is encrypted with the one of the settings."""
    if name := around.settings.archive_bucket.name:
        kind, used = _encryption(around, name)
        named = around.settings.archive_bucket.key_arn
        if not kind.startswith("aws:kms") or used == named:
            yield good(_BUCKET, f"encrypts with {used or kind}")
        elif named:
            yield look(_BUCKET, f"encrypts with {used or 'the key of S3'}; archives name {named} themselves")
        else:
            yield wrong(_BUCKET, f"encrypts with {used or 'the key of S3'}: name a key as archive_bucket.key_arn")


def public_access(around: Surroundings) -> Iterator[Result]:
    """Whether nobody can make its objects public."""
    if name := around.settings.archive_bucket.name:
        s3, whose = around.clients.s3, _whose(around, name)
        answer = unless(("NoSuchPublicAccessBlockConfiguration",), lambda: s3.get_public_access_block(**whose))
        blocked: dict[str, Any] = {**answer["PublicAccessBlockConfiguration"]} if answer else {}
        status = unless(("NoSuchBucketPolicy",), lambda: s3.get_bucket_policy_status(**whose))
        if status and status["PolicyStatus"].get("IsPublic"):
            yield wrong(_BUCKET, "its policy makes it public")
        elif len(blocked) == 4 and all(blocked.values()):
            yield good(_BUCKET, "blocks public access")
        else:
            yield look(_BUCKET, "does not block public access itself; the account may do it")


def unfinished_uploads(around: Surroundings) -> Iterator[Result]:
    """Whether uploads that nobody finishes end by themselves."""
    if name := around.settings.archive_bucket.name:
        s3, whose = around.clients.s3, _whose(around, name)
        codes = ("NoSuchLifecycleConfiguration",)
        answer = unless(codes, lambda: s3.get_bucket_lifecycle_configuration(**whose))
        rules = answer["Rules"] if answer else []
        if any(rule["Status"] == "Enabled" and "AbortIncompleteMultipartUpload" in rule for rule in rules):
            yield good(_BUCKET, "ends unfinished uploads")
        else:
            yield look(_BUCKET, "has no lifecycle rule that ends unfinished uploads: they are paid for until then")


def access_logs(around: Surroundings) -> Iterator[Result]:
    """Whether S3 can deliver logs there: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html."""
    if not (logs := around.settings.archive_bucket.access_logs):
        return
    place = list(_place(around, _LOGS, logs.bucket))
    yield from place
    if days := _lock(around, logs.bucket):
        yield wrong(_LOGS, f"{logs.bucket} is locked ({days}): S3 delivers no logs there")
    kind, _ = _encryption(around, logs.bucket)
    if kind.startswith("aws:kms"):
        yield wrong(_LOGS, f"{logs.bucket} encrypts with {kind}: S3 delivers logs only to buckets with AES256")
    if not _lets_logs_in(around, logs.bucket):
        yield look(_LOGS, f"the policy of {logs.bucket} does not name {_LOGGING}, which delivers the logs")


BUCKET_CHECKS: tuple[tuple[str, Callable[[Surroundings], Iterator[Result]]], ...] = (
    *((_BUCKET, check) for check in (region, versions, lock, encryption, public_access, unfinished_uploads)),
    (_LOGS, access_logs),
)


def _whose(around: Surroundings, name: str) -> dict[str, str]:
    """A bucket of this name that is another account's is refused."""
    return {"Bucket": name, "ExpectedBucketOwner": around.settings.account}


def _place(around: Surroundings, subject: str, name: str) -> Iterator[Result]:
    answer = unless(
        (*_ABSENT, "301", "PermanentRedirect"), lambda: around.clients.s3.head_bucket(**_whose(around, name))
    )
    found, wanted = answer.get("BucketRegion", around.settings.region) if answer else None, around.settings.region
    if found is None:
        yield wrong(subject, f"there is no bucket {name} of this account in {wanted}")
    elif found != wanted:
        yield wrong(subject, f"{name} is in {found}, and has to be in {wanted}")
    else:
        yield good(subject, f"{name} is in {found}")


def _lock(around: Surroundings, name: str) -> str:
    """The default retention in words; empty without a lock."""
    codes = ("ObjectLockConfigurationNotFoundError",)
    answer = unless(codes, lambda: around.clients.s3.get_object_lock_configuration(**_whose(around, name)))
    if answer is None:
        return ""
    rule = answer["ObjectLockConfiguration"].get("Rule", {}).get("DefaultRetention", {})
    if not rule:
        return ""
    return f"{str(rule.get('Mode', '')).lower()}, " + (
        f"{rule['Days']} days" if "Days" in rule else f"{rule['Years']} years"
    )


def _encryption(around: Surroundings, name: str) -> tuple[str, str]:
    """The kind, and the key where one is named."""
    codes = ("ServerSideEncryptionConfigurationNotFoundError",)
    answer = unless(codes, lambda: around.clients.s3.get_bucket_encryption(**_whose(around, name)))
    rules = answer["ServerSideEncryptionConfiguration"]["Rules"] if answer else []
    default = rules[0].get("ApplyServerSideEncryptionByDefault") if rules else None
    return (str(default["SSEAlgorithm"]), default.get("KMSMasterKeyID", "")) if default else ("AES256", "")


def _lets_logs_in(around: Surroundings, name: str) -> bool:
    answer = unless(("NoSuchBucketPolicy",), lambda: around.clients.s3.get_bucket_policy(**_whose(around, name)))
    statements = json.loads(answer["Policy"])["Statement"] if answer else []
    return any(_LOGGING in json.dumps(each.get("Principal")) for each in statements if each["Effect"] == "Allow")
