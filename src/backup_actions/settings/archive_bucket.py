"""The section ``archive_bucket``: where archives are kept, for how long, and who may not shorten that."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from backup_actions.settings.words import BucketName, Days, KeyArn, Region, Section, partition_of, region_of

# What leaves a class earlier is charged for the whole time.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html
GLACIER_MINIMUM_DAYS = 90
DEEP_ARCHIVE_MINIMUM_DAYS = 180


class Lifecycle(Section):
    """When archives move to colder classes and when they end; each number counts days since the archive was written."""

    glacier: Days | None = Field(None, description="Days after which archives move to Glacier Flexible Retrieval.")
    deep_archive: Days | None = Field(None, description="Days after which archives move to Glacier Deep Archive.")
    expiration: Days | None = Field(
        None, description="Days after which archives are deleted; null keeps them for ever."
    )

    @field_validator("deep_archive")
    @classmethod
    def _glacier_time_is_used(cls, days: int | None, info: ValidationInfo) -> int | None:
        glacier = info.data.get("glacier")
        if days is not None and glacier is not None and days < glacier + GLACIER_MINIMUM_DAYS:
            raise ValueError(
                f"it must be at least {glacier + GLACIER_MINIMUM_DAYS}: archives go to glacier after {glacier} days, "
                f"and S3 charges for at least {GLACIER_MINIMUM_DAYS} days there"
            )
        return days

    @field_validator("expiration")
    @classmethod
    def _colder_time_is_used(cls, days: int | None, info: ValidationInfo) -> int | None:
        for colder, minimum_days in (("deep_archive", DEEP_ARCHIVE_MINIMUM_DAYS), ("glacier", GLACIER_MINIMUM_DAYS)):
            since = info.data.get(colder)
            if days is not None and since is not None and days < since + minimum_days:
                raise ValueError(
                    f"it must be at least {since + minimum_days}: archives go to {colder} after {since} days, "
                    f"and S3 charges for at least {minimum_days} days there"
                )
        return days


class AccessLogs(Section):
    """Where S3 delivers its server access logs."""

    bucket: BucketName = Field(description="The bucket that receives the logs; it must not have object lock itself.")
    prefix: str = Field("", description="What the logs' keys begin with.")


class ObjectLock(Section):
    """The bucket's default retention: nobody deletes an archive before its end."""

    mode: Literal["governance", "compliance"] = Field(
        description="governance lets a role with a special permission delete; compliance lets nobody, not even root."
    )
    days: Days = Field(description="Days for which a new object is locked.")


class ArchiveBucket(Section):
    """The bucket that archives go to."""

    name: BucketName | None = Field(
        None,
        description="An existing bucket, whose owner sets its lifecycle, lock and logs; null: the stack makes one.",
    )
    region: Region | None = Field(
        None,
        description="The bucket's region. Only the stack's own is possible: exports and jobs write within one region.",
    )
    key_arn: KeyArn | None = Field(
        None, description="The KMS key that encrypts archives, in the stack's region; null: the stack makes one."
    )
    storage_class: Literal["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR"] = Field(
        "STANDARD",
        description="The class that archives are written in: one that can be read at once, because verification does.",
    )
    lifecycle: Lifecycle = Field(Lifecycle(), description="When archives move to colder classes and when they end.")
    access_logs: AccessLogs | None = Field(None, description="Where S3 delivers access logs; null: nowhere.")
    object_lock: ObjectLock | None = Field(
        None, description="The bucket's default retention; null: none. It cannot be taken back once it is on."
    )
    noncurrent_days: Days = Field(30, description="Days for which overwritten and deleted versions are still kept.")

    @field_validator("region")
    @classmethod
    def _is_the_stacks_region(cls, region: str | None, info: ValidationInfo) -> str | None:
        stack_region = region_of(info)
        if region and stack_region and region != stack_region:
            raise ValueError(
                f"it must be the stack's region, {stack_region}: exports and jobs write to a bucket of their own region"
            )
        return region

    @field_validator("key_arn")
    @classmethod
    def _key_is_in_the_stacks_region(cls, key_arn: str | None, info: ValidationInfo) -> str | None:
        stack_region = region_of(info)
        if key_arn and stack_region and (key_region := key_arn.split(":")[3]) != stack_region:
            raise ValueError(f"the key is in {key_region}, and S3 needs one in the bucket's region, {stack_region}")
        if key_arn and stack_region and key_arn.split(":")[1] != (partition := partition_of(stack_region)):
            raise ValueError(f"ARNs of {stack_region} begin with arn:{partition}:")
        return key_arn

    @field_validator("lifecycle", "access_logs", "object_lock")
    @classmethod
    def _belongs_to_a_bucket_of_the_stack(cls, section: Section | None, info: ValidationInfo) -> Section | None:
        if info.data.get("name") and section not in {None, Lifecycle()}:
            raise ValueError("leave it out: the bucket named in archive_bucket.name is not the stack's to configure")
        return section

    @field_validator("object_lock")
    @classmethod
    def _ends_before_expiration(cls, lock: ObjectLock | None, info: ValidationInfo) -> ObjectLock | None:
        lifecycle = info.data.get("lifecycle")
        if lock and lifecycle and lifecycle.expiration and lifecycle.expiration < lock.days:
            raise ValueError(
                f"archives expire after {lifecycle.expiration} days and would still be locked until day {lock.days}: "
                "S3 could only hide them and go on charging"
            )
        return lock
