"""The section ``imports``: an account that takes off-site copies in, from whom, and how long they are kept."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field, field_validator

from backup_actions.contract.settings import Limits
from backup_actions.settings.checks import Matching, Within
from backup_actions.settings.words import Account, Days, Section

TopicArn: TypeAlias = Annotated[
    str,
    Matching(
        r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}",
        "it must be the ARN of a topic, arn:…:sns:region:account:name",
    ),
]
QueueUrl: TypeAlias = Annotated[
    str,
    Matching(
        r"https?://[A-Za-z0-9.:-]+/[0-9]{12}/[A-Za-z0-9_-]{1,80}",
        "it must be the URL of a queue, https://sqs.region.amazonaws.com/account/name",
    ),
]
# The role that copies names the snapshots and keys of each, and a role's policies share 10,240 characters.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
SOURCES_AT_MOST = 5

Count: TypeAlias = Annotated[int, Within(Limits(at_least=0, at_most=1000))]


class ImportSource(Section):
    """An account whose snapshots are imported; its stack prints what belongs here."""

    account: Account = Field(description="The source account, twelve digits in quotes.", examples=["111122223333"])
    announcements_topic_arn: TopicArn = Field(
        description="The topic on which it announces shared snapshots.",
        examples=["arn:aws:sns:us-east-1:111122223333:backup-actions-offsite-copy-announcements"],
    )
    acknowledgements_queue_url: QueueUrl = Field(
        description="The queue in which it waits for acknowledgements.",
        examples=["https://sqs.us-east-1.amazonaws.com/111122223333/backup-actions-offsite-copy-acknowledgements"],
    )


class Retention(Section):
    """What is kept of each resource, and for how long. The newest import, and what is under a hold, never goes."""

    days: Days = Field(35, description="Days for which every import is kept.")
    daily: Count = Field(0, description="Of so many days the newest import is kept as well.")
    weekly: Count = Field(0, description="Of so many weeks.")
    monthly: Count = Field(12, description="Of so many months.")
    yearly: Count = Field(7, description="Of so many years.")


class Imports(Section):
    """Makes this the deployment of a separated account: it watches no vaults, it imports what others share with it."""

    sources: tuple[ImportSource, ...] = Field(
        description=f"The accounts whose announcements are heard, at most {SOURCES_AT_MOST}.",
        json_schema_extra={"minItems": 1, "maxItems": SOURCES_AT_MOST},
    )
    retention: Retention = Field(Retention(), description="How long imports are kept.")
    attempts: Annotated[int, Within(Limits(at_least=1, at_most=20))] = Field(
        5, description="How often an import is tried before it becomes a dead letter."
    )
    per_source_and_day: Annotated[int, Within(Limits(at_least=1, at_most=10_000))] = Field(
        100,
        description="How many imports of one source are begun on one day (UTC) at the most: what it announces beyond "
        "that is a dead letter. It bounds what a source that was taken over can cost.",
    )
    acknowledge_after_actions: bool = Field(
        False,
        description="Acknowledge an import only when the actions enabled here have succeeded on it, too: with rds-dump "
        "after it was restored and its dump loaded and compared. An import that none of them handles is not "
        "acknowledged.",
    )

    @field_validator("sources")
    @classmethod
    def _each_account_once(cls, sources: tuple[ImportSource, ...]) -> tuple[ImportSource, ...]:
        if not sources:
            raise ValueError("it needs at least one")
        if len(sources) > SOURCES_AT_MOST:
            raise ValueError(f"at most {SOURCES_AT_MOST}: more than that is for another deployment")
        accounts = [source.account for source in sources]
        for source in sources:
            if accounts.count(source.account) > 1:
                raise ValueError(f"{source.account} stands here twice")
            if f":{source.account}:" not in source.announcements_topic_arn:
                raise ValueError(f"the topic {source.announcements_topic_arn} is not of the account {source.account}")
            if f"/{source.account}/" not in source.acknowledgements_queue_url:
                raise ValueError(
                    f"the queue {source.acknowledgements_queue_url} is not of the account {source.account}"
                )
        return sources
