"""Whatever a message claims, nothing is asked of AWS unless all of it is of a form that can do no harm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.offsite.separated import (
    DATABASE,
    DISK,
    HERE,
    KINDS,
    SETTINGS,
    SOURCE,
    STRANGER,
    TOPIC,
    Separated,
    announcing,
    notification,
)

from backup_actions.errors import AnnouncementRefused, MalformedMessage
from backup_actions.model.arn import Arn
from backup_actions.model.offsite import Announcement, sha256_of
from backup_actions.offsite.claims import MOST_BYTES, claimed_in
from backup_actions_local.clock import START

OURS = Arn.parse(f"arn:aws:states:us-east-1:{HERE}:stateMachine:backup-actions-offsite-import")
RDS, EC2 = "arn:aws:rds:us-east-1", "arn:aws:ec2:us-east-1"


def altered(announced: Announcement = DATABASE, **fields: Any) -> str:
    """The announcement's notification with other values, whatever they are."""
    told = {**json.loads(announced.to_bytes()), **fields}
    return notification(json.dumps(told, sort_keys=True, separators=(",", ":")))


def confusable(text: str) -> str:
    """The same to the eye: a Cyrillic letter in place of a Latin one."""
    return text.replace("a", "\N{CYRILLIC SMALL LETTER A}")


ATTACKS: Mapping[str, str] = {
    "no JSON": "pay the ransom",
    "nothing": "{}",
    "a list": "[]",
    "nested sixty thousand times": "[" * 60_000,
    "a number that takes a day to read": '{"Type": ' + "9" * 50_000 + "}",
    "a bomb": "x" * (MOST_BYTES + 1),
    "a bomb in the envelope": notification("x" * (MOST_BYTES - 1000)),
    "no notification": json.dumps({"Type": "SubscriptionConfirmation", "TopicArn": TOPIC, "Token": "t"}),
    "an announcement without an envelope": DATABASE.to_bytes().decode(),
    "no topic": notification(DATABASE.to_bytes().decode(), TopicArn=None),
    "a message that is no text": notification(DATABASE.to_bytes().decode(), Message=json.loads(DATABASE.to_bytes())),
    "another topic of the source": notification(DATABASE.to_bytes().decode(), TopicArn=f"{TOPIC}-2"),
    "a stranger's topic": notification(DATABASE.to_bytes().decode(), TopicArn=TOPIC.replace(SOURCE, STRANGER)),
    "a topic of confusable letters": notification(DATABASE.to_bytes().decode(), TopicArn=confusable(TOPIC)),
    "an envelope in the envelope": notification(announcing(DATABASE)),
    "JSON nested in the announcement": altered(engine={"name": {"name": "postgres"}}),
    "a list of snapshots": altered(snapshot_arn=[DATABASE.snapshot_arn]),
    "another field": altered(and_then="delete it"),
    "the same field twice": notification(DATABASE.to_bytes().decode().replace("{", '{"run":"Execution",', 1)),
    "the same in other words": notification(json.dumps(json.loads(DATABASE.to_bytes()), indent=1)),
    "an unknown kind": altered(resource_type="S3"),
    "a lone surrogate": altered(engine="post\ud800gres"),
    "a line break in a name": altered(resource_arn=f"{DATABASE.resource_arn}\nX"),
    # ------------------------------------------------------------------------------------------------ the snapshot
    "a stranger's snapshot": altered(snapshot_arn=f"{RDS}:{STRANGER}:snapshot:payroll"),
    "a snapshot of our own": altered(snapshot_arn=f"{RDS}:{HERE}:snapshot:offsite-0123456789abcdef"),
    "a snapshot of nobody": altered(snapshot_arn=f"{RDS}::snapshot:payroll"),
    "AWS Backup's own snapshot": altered(snapshot_arn=f"{RDS}:{SOURCE}:snapshot:awsbackup:job-0000"),
    "an automated snapshot": altered(snapshot_arn=f"{RDS}:{SOURCE}:snapshot:rds:shop-2026-11-22"),
    "every snapshot": altered(snapshot_arn=f"{RDS}:{SOURCE}:snapshot:*"),
    "any one-letter snapshot": altered(snapshot_arn=f"{RDS}:{SOURCE}:snapshot:?"),
    "a snapshot of confusable letters": altered(snapshot_arn=f"{RDS}:{SOURCE}:snapshot:{confusable('payroll')}"),
    "digits of another script": altered(snapshot_arn=f"{RDS}:{SOURCE}:snapshot:a\N{ARABIC-INDIC DIGIT ONE}"),
    "a snapshot's name that is too long": altered(snapshot_arn=f"{RDS}:{SOURCE}:snapshot:{'a' * 256}"),
    "a path in a snapshot's name": altered(snapshot_arn=f"{RDS}:{SOURCE}:snapshot:../../evidence"),
    "a cluster's snapshot as an instance's": altered(snapshot_arn=f"{RDS}:{SOURCE}:cluster-snapshot:shop"),
    "a snapshot of another region": altered(snapshot_arn=f"arn:aws:rds:eu-west-1:{SOURCE}:snapshot:shop"),
    "a snapshot of another partition": altered(snapshot_arn=f"arn:aws-cn:rds:us-east-1:{SOURCE}:snapshot:shop"),
    "a disk's snapshot with an account": altered(DISK, snapshot_arn=f"{EC2}:{SOURCE}:snapshot/snap-0123456789abcdef0"),
    "no id of a disk's snapshot": altered(DISK, snapshot_arn=f"{EC2}::snapshot/snap-*"),
    # ------------------------------------------------------------------------------------ resource, backup, key, words
    "a stranger's database": altered(resource_arn=f"{RDS}:{STRANGER}:db:shop"),
    "our own database": altered(resource_arn=f"{RDS}:{HERE}:db:shop"),
    "a path in an account": altered(resource_arn="arn:aws:rds:us-east-1:../../evidence:db:shop"),
    "a path in a region": altered(resource_arn=f"arn:aws:rds:../us-east-1:{SOURCE}:db:shop"),
    "every database": altered(resource_arn=f"{RDS}:{SOURCE}:db:*"),
    "a database as a disk": altered(DISK, resource_arn=f"{RDS}:{SOURCE}:db:shop"),
    "a cluster as a database": altered(resource_arn=f"{RDS}:{SOURCE}:cluster:shop"),
    "a stranger's backup": altered(recovery_point_arn=f"{RDS}:{STRANGER}:snapshot:awsbackup:job-0000"),
    "a backup of confusable letters": altered(recovery_point_arn=confusable(DATABASE.recovery_point_arn)),
    "a backup with a star": altered(recovery_point_arn=f"{RDS}:{SOURCE}:snapshot:awsbackup:*"),
    "a stranger's key": altered(key_arn=DATABASE.key_arn.replace(SOURCE, STRANGER)),
    "our own key": altered(key_arn=DATABASE.key_arn.replace(SOURCE, HERE)),
    "a key of another region": altered(key_arn=DATABASE.key_arn.replace("us-east-1", "eu-west-1")),
    "an alias, which can be pointed elsewhere": altered(key_arn=f"arn:aws:kms:us-east-1:{SOURCE}:alias/export"),
    "any key": altered(key_arn=f"arn:aws:kms:us-east-1:{SOURCE}:key/*"),
    "no engine": altered(engine=""),
    "an engine of confusable letters": altered(engine=confusable("mariadb")),
    "a version that is a program": altered(engine_version="17; DROP TABLE imports"),
    "a disk with an engine": altered(DISK, engine="postgres"),
    "no time": altered(created_at="yesterday"),
    "a time without its zone": altered(created_at="2025-11-22T05:00:00"),
    "a time to come": altered(created_at="2099-01-01T00:00:00+00:00"),
    "no size": altered(size_gib=0),
    "a size that is a text": altered(size_gib="20"),
    "a size beyond any disk": altered(size_gib=1 << 40),
    "a run that is a path": altered(run="../../run"),
}


@pytest.mark.parametrize("message", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_is_refused_and_nothing_is_asked_of_aws(message: str) -> None:
    separated = Separated()
    for announced in KINDS.values():
        separated.share(announced)

    heard = separated.hear(message, times_received=1)

    assert heard["buried"]
    assert separated.aws.called.operations == ["SendMessage"]
    assert [sent[1:] for sent in separated.aws.sent] == [(message, heard["buried"])]
    assert separated.table.items == {}


@pytest.mark.parametrize("message", ATTACKS.values(), ids=ATTACKS)
def test_what_is_said_of_an_attack_is_short_and_can_be_printed(message: str) -> None:
    with pytest.raises((MalformedMessage, AnnouncementRefused)) as refused:
        claimed_in(message, SETTINGS, here=OURS, now=START)

    assert len(str(refused.value)) < 400
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("announced", KINDS.values(), ids=KINDS)
def test_a_sound_announcement_is_taken_with_its_source_and_the_hash_of_its_very_bytes(announced: Announcement) -> None:
    claimed = claimed_in(announcing(announced), SETTINGS, here=OURS, now=START)

    assert claimed.announcement == announced
    assert claimed.sha256 == sha256_of(announced.to_bytes())
    assert claimed.source.account == SOURCE


def test_a_snapshot_may_be_in_the_region_of_the_source_or_in_ours() -> None:
    abroad = Arn.parse(f"arn:aws:states:eu-west-1:{HERE}:stateMachine:m")

    assert claimed_in(announcing(DATABASE), SETTINGS, here=abroad, now=START).region == "us-east-1"
    with pytest.raises(AnnouncementRefused, match="neither in eu-west-1 nor in us-east-1"):
        claimed_in(
            altered(snapshot_arn=f"arn:aws:rds:eu-south-1:{SOURCE}:snapshot:a"), SETTINGS, here=abroad, now=START
        )


def test_an_account_imports_nothing_from_itself() -> None:
    at_home = Arn.parse(f"arn:aws:states:us-east-1:{SOURCE}:stateMachine:m")

    with pytest.raises(AnnouncementRefused, match="this account itself"):
        claimed_in(announcing(DATABASE), SETTINGS, here=at_home, now=START)
