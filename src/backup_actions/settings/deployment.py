"""The settings of one deployment, as the file has them, checked."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationInfo, field_validator

from backup_actions.costs import known_regions
from backup_actions.settings.archive_bucket import ArchiveBucket
from backup_actions.settings.athena import Athena
from backup_actions.settings.backup_plans import BackupPlans
from backup_actions.settings.imports import Imports
from backup_actions.settings.network import Network
from backup_actions.settings.proving import Proving
from backup_actions.settings.watching import Watching
from backup_actions.settings.words import (
    Account,
    Days,
    Email,
    ImageUri,
    Prefix,
    Region,
    Section,
    Tag,
    TagKey,
    TagValue,
    VaultName,
    partition_of,
    region_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from backup_actions.contract import Action, Settings

# AWS allows 50 tags on a resource; the stack adds some of its own.
_TAGS_AT_MOST = 40

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LogRetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]  # fmt: skip


class Deletion(Section):
    """What happens to a backup once every chosen action has succeeded and was verified."""

    policy: Literal["keep", "shorten", "delete"] = Field(
        "keep", description="keep leaves the backup alone, shorten brings its end forward, delete deletes it."
    )
    shorten_to_days: Days | None = Field(
        None,
        description="With shorten, and only then: days after its creation at which the backup ends.",
        validate_default=True,
    )
    after_unrestorable: bool = Field(
        False, description="Delete or shorten although nothing that was produced can restore the resource."
    )
    backup_tag: Tag | None = Field(None, description="Delete or shorten only backups that carry this tag; null: all.")

    @field_validator("shorten_to_days")
    @classmethod
    def _goes_with_shorten(cls, days: int | None, info: ValidationInfo) -> int | None:
        policy = info.data.get("policy")
        if policy == "shorten" and days is None:
            raise ValueError("it is required with policy: shorten")
        if policy in {"keep", "delete"} and days is not None:
            raise ValueError(f"it has a meaning only with policy: shorten; the policy is {policy}")
        return days


class Notifications(Section):
    """Who is told of success and failure."""

    email: tuple[Email, ...] = Field((), description="Addresses that are subscribed to the notification topic.")
    success: Literal["each", "digest", "none"] = Field(
        "digest",
        description="How successes are told: each at once, those of a day in a digest, or none; failures are at once.",
    )


class ActionSection(Section):
    """What every action's section has; each action adds its own settings."""

    enabled: bool = Field(True, description="Whether the action is used.")
    select: dict[TagKey, TagValue] = Field(
        {}, description="Only recovery points that carry all of these tags are handled; {}: all."
    )


class ActionSections(Section):
    """One section for each installed action, under the action's name; made for the actions at hand."""


class DeploymentSettings(Section):
    """Everything that one deployment is told. Made by ``load`` or ``from_mapping``."""

    account: Account = Field(
        description="The AWS account, twelve digits in quotes: as a number it would lose leading zeros.",
        examples=["111122223333"],
    )
    region: Region = Field(description="The region of the vaults, the bucket and the stack.", examples=["us-east-1"])
    zones: tuple[str, ...] = Field(
        description="Availability zones of the region, in which volumes and jobs may be placed: runs begin in "
        "different ones, and a second one helps when the first has no capacity.",
        json_schema_extra={"minItems": 1},
        examples=[["us-east-1a", "us-east-1b"]],
    )
    imports: Imports | None = Field(
        None, description="For a separated account, and only there: what it imports. It watches no vaults then."
    )
    vaults: tuple[VaultName, ...] = Field(
        (),
        description="The AWS Backup vaults that are watched: at least one, and with imports none.",
        examples=[["backups"]],
        validate_default=True,
    )
    name: Prefix = Field("backup-actions", description="What the name of everything that is made begins with.")
    tags: dict[TagKey, TagValue] = Field({}, description="Tags put on everything that is made.")
    security_tag: Tag = Field(
        Tag(key="backup-actions", value="yes"),
        description="The tag on everything that a workflow makes; roles can only remove what carries it.",
        validate_default=True,
    )
    deletion: Deletion = Field(
        Deletion(), description="What happens to a backup once every chosen action has succeeded and was verified."
    )
    backup_plans: BackupPlans | None = Field(
        None, description="A vault and plans, made as a stack of their own; null: backups are planned elsewhere."
    )
    archive_bucket: ArchiveBucket = Field(ArchiveBucket(), description="The bucket that archives go to.")
    athena: Athena = Field(Athena(), description="Exports as tables that Athena can be asked about.")
    notifications: Notifications = Field(Notifications(), description="Who is told of success and failure.")
    network: Network = Field(Network(), description="Where the hosts of jobs stand, and how they reach AWS.")
    watching: Watching = Field(Watching(), description="How the deployment looks after itself.")
    proving: Proving = Field(Proving(), description="How often archives are proven again.")
    worker_image: ImageUri | None = Field(
        None, description="The image of the Batch jobs; null: built from containers/worker at deployment."
    )
    vcpus_per_zone: int = Field(
        32,
        ge=2,
        le=10_000,
        description="vCPUs that jobs have in each zone at most; a job has two, more jobs wait. Hosts have 2 to 16 "
        "vCPUs, more only where a job wants them. What the account has of Spot bounds all zones together.",
    )
    log_retention_days: LogRetentionDays = Field(90, description="Days for which logs are kept.")
    actions: ActionSections = Field(
        ActionSections(),
        description="One section for each installed action; without one it is used with its defaults, and on imports "
        "not at all.",
        validate_default=True,
    )

    @field_validator("zones")
    @classmethod
    def _zones_are_of_the_region(cls, zones: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        region = region_of(info)
        for zone in zones:
            if region and not re.fullmatch(rf"{region}[a-z]", zone):
                raise ValueError(f"{zone} is no availability zone of {region}; they read {region}a, {region}b, …")
        return zones

    @field_validator("zones", "vaults")
    @classmethod
    def _has_some_and_each_once(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        is_separated = info.field_name == "vaults" and info.data.get("imports") is not None
        if is_separated and names:
            raise ValueError("a deployment that imports watches no vaults")
        if not is_separated and not names:
            raise ValueError("it needs at least one")
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} stands here twice")
        return names

    @field_validator("tags")
    @classmethod
    def _tags_fit(cls, tags: dict[str, str]) -> dict[str, str]:
        if len(tags) > _TAGS_AT_MOST:
            raise ValueError(f"at most {_TAGS_AT_MOST} tags: AWS allows 50 on a resource and some are the stack's own")
        return tags

    @field_validator("security_tag")
    @classmethod
    def _security_tag_stands_alone(cls, tag: Tag, info: ValidationInfo) -> Tag:
        if tag.key in info.data.get("tags", {}):
            raise ValueError(f"its key {tag.key} is used in tags too: then roles could remove more than they made")
        return tag

    @field_validator("athena")
    @classmethod
    def _results_are_not_locked(cls, athena: Athena, info: ValidationInfo) -> Athena:
        bucket = info.data.get("archive_bucket")
        if athena.enabled and not athena.results and bucket and bucket.object_lock:
            raise ValueError("results needs a place in another bucket: object_lock would keep every result of a query")
        return athena

    @field_validator("network")
    @classmethod
    def _subnets_are_of_the_zones(cls, network: Network, info: ValidationInfo) -> Network:
        if zones := info.data.get("zones"):
            network.require_subnets(zones)
        return network

    @field_validator("watching")
    @classmethod
    def _costs_can_be_known(cls, watching: Watching, info: ValidationInfo) -> Watching:
        region = region_of(info)
        if watching.monthly_cost_usd and region and region not in known_regions():
            known = ", ".join(known_regions())
            raise ValueError(f"monthly_cost_usd needs the prices of {region}, and only those of {known} are known")
        return watching

    @field_validator("actions")
    @classmethod
    def _somebody_acts_on_imports(cls, actions: ActionSections, info: ValidationInfo) -> ActionSections:
        imports: Imports | None = info.data.get("imports")
        waits = imports is not None and imports.acknowledge_after_actions
        if waits and not any(getattr(actions, name).enabled for name in actions.model_fields_set):
            raise ValueError("imports.acknowledge_after_actions waits for actions, and none is enabled here")
        return actions

    @property
    def glue_database(self) -> str:
        """The database of exports: Athena's names have no hyphens."""
        return self.name.replace("-", "_")

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn``, ``aws-us-gov``, …: what ARNs of this region begin with."""
        return partition_of(self.region)

    def enabled(self, actions: Iterable[Action]) -> tuple[Action, ...]:
        """Those of the actions that these settings use: of imports only those that have a section."""
        return tuple(
            action
            for action in actions
            if self._section_of(action).enabled and (self.imports is None or self._is_named(action))
        )

    def settings_of(self, action: Action) -> Settings:
        """The action's own settings, as the class that the action itself declares."""
        section = self._section_of(action)
        return action.settings(**{f.name: getattr(section, f.name) for f in dataclasses.fields(action.settings)})

    def selection_of(self, action: Action) -> Mapping[str, str]:
        """The tags that a recovery point must carry for this action: those of ``select``, and the action's own."""
        return {**self._section_of(action).select, **self.settings_of(action).selection()}

    def _is_named(self, action: Action) -> bool:
        return action.name.replace("-", "_") in self.actions.model_fields_set

    def _section_of(self, action: Action) -> ActionSection:
        section = getattr(self.actions, action.name.replace("-", "_"))
        assert isinstance(section, ActionSection)  # noqa: S101 - these settings were made for the action
        return section
