"""The kinds of values that settings are made of, each with its rule and the source of the rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from backup_actions.contract.settings import Limits
from backup_actions.settings.checks import Matching, Within

REGION = "region"
"""The key of the validation context under which the stack's region, where it is a sound one, reaches every section."""

_PARTITIONS: Mapping[str, str] = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}
"""Beginnings of region names outside of the partition ``aws``, as botocore's endpoint data has them."""


class Section(BaseModel):
    """A part of the settings: typed exactly, nothing unknown in it, never changed."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, data: Any) -> Any:
        """A heading with nothing below it reads as null in YAML."""
        return {} if data is None else data


Account: TypeAlias = Annotated[
    str, Matching(r"[0-9]{12}", 'it must be the twelve digits of an account, in quotes: "111122223333"')
]

Region: TypeAlias = Annotated[
    str, Matching(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}", "it must be the name of a region, for instance us-east-1")
]

# https://docs.aws.amazon.com/aws-backup/latest/devguide/API_CreateBackupVault.html
VaultName: TypeAlias = Annotated[
    str, Matching(r"[A-Za-z0-9_-]{2,50}", "a vault's name is 2 to 50 letters, digits, hyphens or underscores")
]

# A role is called <prefix>-<action>-<step> and IAM stops at 64 characters.
Prefix: TypeAlias = Annotated[
    str,
    Matching(
        r"(?=.{1,24}$)[a-z][a-z0-9]*(-[a-z0-9]+)*",
        "it must be lower-case words joined by single hyphens, at most 24 characters in all",
    ),
]

# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
_TAG_CHARACTERS = r"[\w .:/=+@-]"
TagKey: TypeAlias = Annotated[
    str,
    Matching(
        rf"(?![aA][wW][sS]:){_TAG_CHARACTERS}{{1,128}}",
        "a tag's key is 1 to 128 letters, digits, spaces or _ . : / = + - @, and does not begin with aws:",
    ),
]
TagValue: TypeAlias = Annotated[
    str,
    Matching(rf"{_TAG_CHARACTERS}{{0,256}}", "a tag's value is at most 256 letters, digits, spaces or _ . : / = + - @"),
]

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BucketName: TypeAlias = Annotated[
    str,
    Matching(
        r"(?=.{3,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*",
        "a bucket's name is 3 to 63 lower-case letters, digits, hyphens or dots",
    ),
]

KeyArn: TypeAlias = Annotated[
    str,
    Matching(
        r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+",
        "it must be the ARN of the key itself, arn:…:kms:region:account:key/id: an alias can be pointed elsewhere",
    ),
]

Email: TypeAlias = Annotated[str, Matching(r"[^@\s]+@[^@\s]+\.[^@\s]+", "it must be an e-mail address")]

ImageUri: TypeAlias = Annotated[
    str,
    Matching(
        r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+(:[A-Za-z0-9._-]{1,128})?(@sha256:[0-9a-f]{64})?",
        "it must be an image URI, registry/repository:tag or …@sha256:…",
    ),
]

# A hundred years: what S3 allows for object lock and AWS Backup for a retention.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
Days: TypeAlias = Annotated[int, Within(Limits(at_least=1, at_most=36_500))]


class Tag(Section):
    """A key and its value."""

    key: TagKey = Field(description="The tag's key.")
    value: TagValue = Field(description="The tag's value.")


def partition_of(region: str) -> str:
    """The partition of a region: what ARNs there begin with."""
    return next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")


def region_of(info: ValidationInfo) -> str | None:
    """The stack's region, or None while it is not known to be sound."""
    region = (info.context or {}).get(REGION)
    return str(region) if region else None
