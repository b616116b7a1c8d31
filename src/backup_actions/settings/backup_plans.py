"""The section ``backup_plans``: what AWS Backup backs up and when, and the vault that it is kept in."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, ValidationInfo, field_validator

from backup_actions.contract.settings import Limits
from backup_actions.settings.backup_types import BACKUP_TYPES
from backup_actions.settings.checks import Matching, Within
from backup_actions.settings.cron import cron_complaint, timezone_complaint
from backup_actions.settings.words import Days, KeyArn, Section, Tag, TagKey, TagValue, VaultName, region_of

# What is in cold storage is charged for that long.
# https://docs.aws.amazon.com/aws-backup/latest/devguide/API_Lifecycle.html
COLD_MINIMUM_DAYS = 90

# https://docs.aws.amazon.com/aws-backup/latest/devguide/point-in-time-recovery.html
CONTINUOUS_AT_MOST_DAYS = 35

# https://docs.aws.amazon.com/aws-backup/latest/devguide/aws-backup-limits.html
_POINT_TAGS_AT_MOST = 10

# AWS Backup joins it to the deployment's name, and stops at 50 characters.
# https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupPlanInput.html
PlanName: TypeAlias = Annotated[
    str, Matching(r"[A-Za-z0-9][A-Za-z0-9_-]{0,23}", "a plan's name is 1 to 24 letters, digits, hyphens or underscores")
]
VaultArn: TypeAlias = Annotated[
    str,
    Matching(
        r"arn:aws[a-z-]*:backup:[a-z0-9-]+:[0-9]{12}:backup-vault:[A-Za-z0-9_-]{2,50}",
        "it must be the ARN of a vault, arn:…:backup:region:account:backup-vault:name",
    ),
]
RoleArn: TypeAlias = Annotated[
    str,
    Matching(
        r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+", "it must be the ARN of a role, arn:…:iam::account:role/name"
    ),
]
Principal: TypeAlias = Annotated[
    str,
    Matching(
        r"arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[\w+=,.@/*-]*[\w+=,.@-][\w+=,.@/*-]*",
        "it must be the ARN of a role or user, arn:…:iam::account:role/name, in which * stands for any characters",
    ),
]
ResourceType: TypeAlias = Annotated[str, Within(Limits(one_of=tuple(BACKUP_TYPES)))]

# At least an hour, at most a hundred years.
# https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupRuleInput.html
Hours: TypeAlias = Annotated[int, Within(Limits(at_least=1, at_most=876_000))]

# https://docs.aws.amazon.com/aws-backup/latest/devguide/API_PutBackupVaultLockConfiguration.html
ChangeableDays: TypeAlias = Annotated[
    int, Within(Limits(at_least=3, at_most=36_500, why="AWS Backup wants 72 hours to think it over"))
]


class VaultLock(Section):
    """Nobody lets a backup of the vault go, or shortens its days, before they are over."""

    mode: Literal["governance", "compliance"] = Field(
        description="governance: who has the right to may take the lock away; compliance: nobody may, not even AWS."
    )
    min_days: Days = Field(1, description="The fewest days that a backup may be kept for.")
    max_days: Days | None = Field(
        None, description="The most days that a backup may be kept for; null: any, and for ever.", validate_default=True
    )
    changeable_days: ChangeableDays | None = Field(
        None,
        description="With compliance, and only then: days for which the lock can still be taken back.",
        validate_default=True,
    )

    @field_validator("max_days")
    @classmethod
    def _is_no_less_than_the_least(cls, days: int | None, info: ValidationInfo) -> int | None:
        if days is not None and days < info.data.get("min_days", 1):
            raise ValueError(f"it must be at least min_days, {info.data['min_days']}")
        return days

    @field_validator("changeable_days")
    @classmethod
    def _goes_with_compliance(cls, days: int | None, info: ValidationInfo) -> int | None:
        mode = info.data.get("mode")
        if mode == "compliance" and days is None:
            raise ValueError("it is required with mode: compliance, and at least 3")
        if mode == "governance" and days is not None:
            raise ValueError("leave it out: with it AWS Backup would make the lock one of compliance")
        return days


class Vault(Section):
    """The vault that all plans put their backups in."""

    name: VaultName = Field(description="Its name; vaults has to hold it, so that it is watched.")
    existing: bool = Field(False, description="Whether it exists and is left as it is; else the plans' stack makes it.")
    key_arn: KeyArn | None = Field(
        None, description="The KMS key of the vault, in the stack's region; null: the plans' stack makes one."
    )
    lock: VaultLock | None = Field(None, description="A lock on the vault; null: none.")
    deny_deletion: bool = Field(
        True,
        description="Whether the vault's policy denies everybody to let its backups go or to change their days. What "
        "deletion.policy says can still be done, by the role that does it and by no other.",
    )
    deny_deletion_except: tuple[Principal, ...] = Field(
        (), description="Roles and users to whom deny_deletion does not apply, for emergencies.", validate_default=True
    )

    @field_validator("key_arn")
    @classmethod
    def _key_is_in_the_stacks_region(cls, key_arn: str | None, info: ValidationInfo) -> str | None:
        region = region_of(info)
        if key_arn and region and (key_region := key_arn.split(":")[3]) != region:
            raise ValueError(f"the key is in {key_region}, and the vault needs one of its own region, {region}")
        return key_arn

    @field_validator("key_arn", "lock", "deny_deletion_except")
    @classmethod
    def _belongs_to_a_vault_of_the_stack(cls, given: object, info: ValidationInfo) -> object:
        if given and info.data.get("existing"):
            raise ValueError("leave it out: a vault that exists already is not the stack's to configure")
        return given

    @field_validator("deny_deletion_except")
    @classmethod
    def _excepts_from_something(cls, principals: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if principals and info.data.get("deny_deletion") is False:
            raise ValueError("leave it out: with deny_deletion: false nothing is denied")
        return principals

    @property
    def is_guarded(self) -> bool:
        """Whether the stack gives it a policy that denies letting its backups go."""
        return self.deny_deletion and not self.existing


def _cold_time_is_used(days: int | None, info: ValidationInfo) -> int | None:
    keep = info.data.get("keep_days")
    if days is not None and keep is not None and keep < days + COLD_MINIMUM_DAYS:
        raise ValueError(
            f"keep_days must then be at least {days + COLD_MINIMUM_DAYS}: what is in cold storage stays there "
            f"for {COLD_MINIMUM_DAYS} days"
        )
    return days


_KEEP_DAYS: Any = Field(description="Days for which it is kept; null: for ever.", examples=[35])
_COLD_AFTER_DAYS: Any = Field(None, description="Days after which it moves to cold storage; null: never.")


class Copy(Section):
    """A copy of every backup in another vault, of another region or account."""

    vault_arn: VaultArn = Field(
        description="The other vault; one of another account must be of the same organization.",
        examples=["arn:aws:backup:eu-west-1:111122223333:backup-vault:backups"],
    )
    keep_days: Days | None = _KEEP_DAYS
    cold_after_days: Days | None = _COLD_AFTER_DAYS

    _cold = field_validator("cold_after_days")(_cold_time_is_used)


class Selection(Section):
    """What a plan backs up: resources of these types, chosen by their tags."""

    resource_types: tuple[ResourceType, ...] = Field(
        ("EBS", "RDS", "Aurora", "DynamoDB"), description="Types of resources, by AWS Backup's own words."
    )
    all_of: dict[TagKey, TagValue] = Field({}, description="Tags of which a resource must carry every one.")
    any_of: tuple[Tag, ...] = Field(
        (), description="Tags of which a resource must carry at least one.", validate_default=True
    )

    @field_validator("resource_types")
    @classmethod
    def _has_types(cls, types: tuple[str, ...]) -> tuple[str, ...]:
        if not types:
            raise ValueError("it needs at least one")
        return types

    @field_validator("any_of")
    @classmethod
    def _chooses(cls, tags: tuple[Tag, ...], info: ValidationInfo) -> tuple[Tag, ...]:
        if not tags and not info.data.get("all_of", True):
            raise ValueError("all_of or any_of needs a tag: without one everything in the account would be backed up")
        return tags


class Plan(Section):
    """Backups of the selected resources, made by a schedule and kept for some time."""

    name: PlanName = Field(description="What its name ends with.", examples=["daily"])
    schedule: str = Field(
        description="When a backup is made: cron(minutes hours day-of-month month day-of-week year).",
        examples=["cron(0 3 ? * * *)"],
    )
    timezone: str = Field("Etc/UTC", description="The time zone of the schedule.")
    start_within_hours: Hours = Field(8, description="Hours in which a backup must have been begun.")
    complete_within_hours: Hours = Field(
        168, description="Hours in which it must be complete; else AWS Backup gives it up.", validate_default=True
    )
    keep_days: Days | None = _KEEP_DAYS
    cold_after_days: Days | None = _COLD_AFTER_DAYS
    select: Selection = Field(description="What is backed up.")
    continuous: bool = Field(
        False,
        description="Whether backups are continuous where that is possible: restorable to any second of 35 days.",
        validate_default=True,
    )
    copies: tuple[Copy, ...] = Field((), description="Where every backup is copied to.", validate_default=True)
    recovery_point_tags: dict[TagKey, TagValue] = Field(
        {}, description="Tags on the backups, beside those of the resource; offsite-copy and deletion ask for such."
    )

    @field_validator("schedule")
    @classmethod
    def _schedule_is_sound(cls, text: str) -> str:
        if complaint := cron_complaint(text):
            raise ValueError(complaint)
        return text

    @field_validator("timezone")
    @classmethod
    def _timezone_is_known(cls, name: str) -> str:
        if complaint := timezone_complaint(name):
            raise ValueError(complaint)
        return name

    @field_validator("complete_within_hours")
    @classmethod
    def _is_longer_than_the_start(cls, hours: int, info: ValidationInfo) -> int:
        if hours <= info.data.get("start_within_hours", 0):
            raise ValueError("it must be more than start_within_hours, or what begins late cannot be completed")
        return hours

    _cold = field_validator("cold_after_days")(_cold_time_is_used)

    @field_validator("select")
    @classmethod
    def _something_can_be_cold(cls, select: Selection, info: ValidationInfo) -> Selection:
        kinds = [BACKUP_TYPES[name] for name in select.resource_types]
        if info.data.get("cold_after_days") is not None and not any(kind.cold for kind in kinds):
            raise ValueError(f"cold_after_days has no meaning for {' and '.join(select.resource_types)}")
        return select

    @field_validator("continuous")
    @classmethod
    def _can_be_continuous(cls, continuous: bool, info: ValidationInfo) -> bool:
        if not continuous:
            return continuous
        if (keep := info.data.get("keep_days", 1)) is None or keep > CONTINUOUS_AT_MOST_DAYS:
            raise ValueError(
                f"keep_days must then be at most {CONTINUOUS_AT_MOST_DAYS}: AWS keeps continuous backups no longer"
            )
        if info.data.get("cold_after_days") is not None:
            raise ValueError("cold_after_days must then be null: continuous backups do not move to cold storage")
        select = info.data.get("select")
        if select and not any(BACKUP_TYPES[name].continuous for name in select.resource_types):
            raise ValueError(f"there are no continuous backups of {' and '.join(select.resource_types)}")
        return continuous

    @field_validator("copies")
    @classmethod
    def _copies_end_as_they_say(cls, copies: tuple[Copy, ...], info: ValidationInfo) -> tuple[Copy, ...]:
        places = [copy.vault_arn for copy in copies]
        for copy in copies:
            if places.count(copy.vault_arn) > 1:
                raise ValueError(f"{copy.vault_arn} stands here twice")
            # https://docs.aws.amazon.com/aws-backup/latest/devguide/recov-point-create-a-copy.html
            if copy.keep_days is None and info.data.get("keep_days") is not None:
                raise ValueError(
                    f"the copy in {copy.vault_arn} would end with the backup it is made of: AWS Backup keeps a copy "
                    "for ever only of what is itself kept for ever; write keep_days: 36500"
                )
        return copies

    @field_validator("recovery_point_tags")
    @classmethod
    def _tags_fit(cls, tags: dict[str, str]) -> dict[str, str]:
        if len(tags) > _POINT_TAGS_AT_MOST:
            raise ValueError(f"at most {_POINT_TAGS_AT_MOST} tags: AWS Backup puts no more on a recovery point")
        return tags


class BackupPlans(Section):
    """A stack beside that of the deployment: a vault, plans, and the role under which AWS Backup makes the backups."""

    vault: Vault = Field(description="The vault that all plans put their backups in.")
    role_arn: RoleArn | None = Field(
        None, description="The role under which AWS Backup works; null: the plans' stack makes one."
    )
    plans: tuple[Plan, ...] = Field(description="What is backed up, when, and for how long it is kept.")

    @field_validator("plans")
    @classmethod
    def _has_some_and_each_once(cls, plans: tuple[Plan, ...]) -> tuple[Plan, ...]:
        if not plans:
            raise ValueError("it needs at least one")
        names = [plan.name for plan in plans]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two plans are called {name}")
        return plans

    @field_validator("plans")
    @classmethod
    def _keep_to_the_lock(cls, plans: tuple[Plan, ...], info: ValidationInfo) -> tuple[Plan, ...]:
        vault = info.data.get("vault")
        lock = vault.lock if vault else None
        for plan in plans:
            if lock and plan.keep_days is not None and plan.keep_days < lock.min_days:
                raise ValueError(
                    f"{plan.name} keeps backups for {plan.keep_days} days, and the vault's lock takes none that is "
                    f"kept for less than {lock.min_days}: every one would fail"
                )
            if lock and lock.max_days is not None and (plan.keep_days is None or plan.keep_days > lock.max_days):
                raise ValueError(
                    f"{plan.name} keeps backups {'for ever' if plan.keep_days is None else f'{plan.keep_days} days'}, "
                    f"and the vault's lock takes none that is kept for more than {lock.max_days}: every one would fail"
                )
        return plans
