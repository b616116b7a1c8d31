"""Whoever holds every right in one account against the other: each ends as the threat table of docs/offsite.md says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.flow.dumps import QUICK
from tests.flow.offsite import (
    ACKNOWLEDGEMENTS,
    ANNOUNCEMENTS,
    IMPORT,
    SEPARATED,
    SOURCE,
    THIRD,
    Accounts,
    buried,
    snapshots,
    two_accounts,
)
from tests.flow.offsite_promises import broken

from backup_actions.model.offsite import Acknowledgement, Announcement, sha256_of
from backup_actions_local.cloud import Cloud
from backup_actions_local.front.sessions import bound_session
from backup_actions_local.services.place import Place

if TYPE_CHECKING:
    from backup_actions.offsite.imports import Import
    from backup_actions_local.seaweed import ObjectServer

Attack = Callable[[boto3.Session, Accounts], object]


@pytest.fixture(name="accounts", scope="module")
def _accounts(tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer) -> Iterator[Accounts]:
    """A cluster of the source was imported; nothing of the tests below changes that."""
    with two_accounts(tmp_path_factory.mktemp("attacked"), flow_objects, policy="keep", durations=QUICK) as accounts:
        accounts.back_up(accounts.database(engine="aurora-postgresql"))
        assert len(snapshots(accounts.separated)) == 1, accounts.importing[0].cause
        yield accounts


@pytest.fixture(name="thief")
def _thief(accounts: Accounts) -> boto3.Session:
    """Somebody who may do everything in the source account."""
    return accounts.source.cloud.administrator


# -------------------------------------------------------------------------------- what belongs to the separated account


MADE_BY_A_THIEF = "made-by-a-thief"


def genuine(accounts: Accounts) -> Import:
    """The one import of a backup."""
    (imported,) = (each for each in accounts.imports() if each.announcement.run != MADE_BY_A_THIEF)
    return imported


def imported_arn(accounts: Accounts) -> str:
    return genuine(accounts).imported_arn


def import_key(accounts: Accounts) -> str:
    return next(each.key_arn for each in snapshots(accounts.separated) if each.arn == imported_arn(accounts))


def queue_url(accounts: Accounts) -> str:
    sqs = accounts.separated.cloud.administrator.client("sqs")
    return str(sqs.get_queue_url(QueueName=f"{IMPORT}-announcements")["QueueUrl"])


ON_THE_SNAPSHOT: Mapping[str, Attack] = {
    "describe": lambda thief, they: thief.client("rds").describe_db_cluster_snapshots(
        DBClusterSnapshotIdentifier=imported_arn(they), IncludeShared=True
    ),
    "copy": lambda thief, they: thief.client("rds").copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=imported_arn(they),
        TargetDBClusterSnapshotIdentifier="stolen",
        KmsKeyId=genuine(they).announcement.key_arn,
    ),
    "restore": lambda thief, they: thief.client("rds").restore_db_cluster_from_snapshot(
        SnapshotIdentifier=imported_arn(they), DBClusterIdentifier="stolen", Engine="aurora-postgresql"
    ),
    "share": lambda thief, they: thief.client("rds").modify_db_cluster_snapshot_attribute(
        DBClusterSnapshotIdentifier=imported_arn(they), AttributeName="restore", ValuesToAdd=[SOURCE]
    ),
    "tag": lambda thief, they: thief.client("rds").add_tags_to_resource(
        ResourceName=imported_arn(they), Tags=[{"Key": "backup-actions", "Value": "no"}]
    ),
    "delete": lambda thief, they: thief.client("rds").delete_db_cluster_snapshot(
        DBClusterSnapshotIdentifier=imported_arn(they)
    ),
}

ON_THE_KEY: Mapping[str, Attack] = {
    "describe the key": lambda thief, they: thief.client("kms").describe_key(KeyId=import_key(they)),
    "read the key's grants": lambda thief, they: thief.client("kms").list_grants(KeyId=import_key(they)),
    "disable the key": lambda thief, they: thief.client("kms").disable_key(KeyId=import_key(they)),
    "delete the key": lambda thief, they: thief.client("kms").schedule_key_deletion(
        KeyId=import_key(they), PendingWindowInDays=7
    ),
    "change the key's policy": lambda thief, they: thief.client("kms").put_key_policy(
        KeyId=import_key(they), PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Statement": []})
    ),
}

ON_THE_MACHINERY: Mapping[str, Attack] = {
    "stop an execution": lambda thief, they: thief.client("stepfunctions").stop_execution(
        executionArn=they.importing[0].arn
    ),
    "start an execution": lambda thief, they: thief.client("stepfunctions").start_execution(
        stateMachineArn=they.importing[0].machine.arn, input="{}"
    ),
    "read the queue": lambda thief, they: thief.client("sqs").receive_message(QueueUrl=queue_url(they)),
    "send to the queue": lambda thief, they: thief.client("sqs").send_message(
        QueueUrl=queue_url(they), MessageBody="{}"
    ),
    "change the queue": lambda thief, they: thief.client("sqs").set_queue_attributes(
        QueueUrl=queue_url(they), Attributes={"VisibilityTimeout": "0"}
    ),
    "call the function": lambda thief, they: thief.client("lambda").invoke(
        FunctionName=they.separated.cloud.place.arn("lambda", f"function:{IMPORT}-announcements"), Payload=b"{}"
    ),
}

ATTACKS = {**ON_THE_SNAPSHOT, **ON_THE_KEY, **ON_THE_MACHINERY}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_administrator_of_the_source_is_nobody_in_the_separated_account(
    accounts: Accounts, thief: boto3.Session, attack: str
) -> None:
    before = snapshots(accounts.separated)

    with pytest.raises(ClientError) as refused:
        ATTACKS[attack](thief, accounts)

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in {400, 403, 404}
    assert snapshots(accounts.separated) == before
    assert {run.status for run in accounts.importing} == {"SUCCEEDED"}


def test_keys_of_the_source_s_administrator_open_nothing_at_the_separated_account(accounts: Accounts) -> None:
    stolen = accounts.source.cloud.roles.issue("administrator")
    elsewhere = bound_session(stolen, url=accounts.separated.cloud.front.url, region="us-east-1")

    with pytest.raises(ClientError) as refused:
        elsewhere.client("rds").delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=imported_arn(accounts))

    assert refused.value.response["Error"]["Code"] in {"InvalidClientTokenId", "SignatureDoesNotMatch"}


def test_nothing_in_the_separated_account_trusts_the_source(accounts: Accounts) -> None:
    """No role is for it, and no policy of a key, topic or queue names it but as the topic that may send."""
    deployment = accounts.separated.deployment
    statements = str([(role, granted) for role, granted in deployment.roles()])

    assert f"iam::{SOURCE}:" not in statements


# ---------------------------------------------------------------------------------------------------- the announcements


@pytest.fixture(name="true", scope="module")
def _true(accounts: Accounts) -> Announcement:
    """What could be said of a snapshot that the thief has made and shared; nobody has said it yet."""
    cloud, original = accounts.source.cloud, genuine(accounts).announcement
    rds, name = cloud.administrator.client("rds"), MADE_BY_A_THIEF
    with cloud.clock.actor():
        made = rds.copy_db_cluster_snapshot(
            SourceDBClusterSnapshotIdentifier=original.recovery_point_arn,
            TargetDBClusterSnapshotIdentifier=name,
            KmsKeyId=original.key_arn,
        )["DBClusterSnapshot"]
        cloud.clock.sleep(3600)
        rds.modify_db_cluster_snapshot_attribute(
            DBClusterSnapshotIdentifier=name, AttributeName="restore", ValuesToAdd=[SEPARATED]
        )
    return replace(original, snapshot_arn=made["DBClusterSnapshotArn"], run=MADE_BY_A_THIEF)


def published(accounts: Accounts, *texts: str) -> None:
    """The thief publishes this on the topic of announcements, and everything that follows has ended."""
    place, sns = accounts.source.cloud.place, accounts.source.cloud.administrator.client("sns")
    with accounts.source.cloud.clock.actor():
        for text in texts:
            sns.publish(TopicArn=place.arn("sns", ANNOUNCEMENTS), Message=text)
    accounts.wait()


def text_of(announcement: Announcement, **lies: object) -> str:
    """The announcement with these fields instead: also such as the class would not have."""
    return json.dumps({**json.loads(announcement.to_bytes()), **lies})


def arn_of(announcement: Announcement, old: str, new: str) -> str:
    return announcement.snapshot_arn.replace(old, new)


FORGERIES: Mapping[str, Callable[[Announcement, Accounts], str]] = {
    "no JSON": lambda true, they: "{",
    "nested without end": lambda true, they: "[" * 5000,
    "longer than any": lambda true, they: text_of(true) + " " * 200_000,
    "a field more": lambda true, they: text_of(true, importer="arn:aws:iam::111122223333:root"),
    "another version of the format": lambda true, they: text_of(true, format_version=2),
    "an acknowledgement": lambda true, they: acknowledged(true).to_bytes().decode(),
    "an envelope within the envelope": lambda true, they: json.dumps(
        {"Type": "Notification", "Message": text_of(true)}
    ),
    "a snapshot of a third account": lambda true, they: text_of(true, snapshot_arn=arn_of(true, SOURCE, THIRD)),
    "the import itself": lambda true, they: text_of(true, snapshot_arn=imported_arn(they)),
    "a snapshot of another region": lambda true, they: text_of(
        true, snapshot_arn=arn_of(true, "us-east-1", "eu-west-1")
    ),
    "all snapshots": lambda true, they: text_of(true, snapshot_arn=arn_of(true, MADE_BY_A_THIEF, "*")),
    "a snapshot that is not there": lambda true, they: text_of(true, snapshot_arn=true.snapshot_arn + "-2"),
    "an instance's": lambda true, they: text_of(true, snapshot_arn=arn_of(true, "cluster-snapshot", "snapshot")),
    "AWS Backup's own": lambda true, they: text_of(true, snapshot_arn=true.recovery_point_arn),
    "larger": lambda true, they: text_of(true, size_gib=true.size_gib + 1),
    "of another engine": lambda true, they: text_of(true, engine="aurora-mysql"),
    "of another version": lambda true, they: text_of(true, engine_version="11.1"),
    "younger": lambda true, they: text_of(true, created_at="2027-01-01T00:00:00+00:00"),
    "under another key": lambda true, they: text_of(true, key_arn=true.key_arn[:-1] + "0"),
    "under the separated account's key": lambda true, they: text_of(true, key_arn=import_key(they)),
    "of a third account's database": lambda true, they: text_of(
        true, resource_arn=true.resource_arn.replace(SOURCE, THIRD)
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_an_announcement_that_is_not_true_is_a_dead_letter_and_nothing_else(
    accounts: Accounts, true: Announcement, forgery: str
) -> None:
    before, runs = snapshots(accounts.separated), len(accounts.importing)
    seen = len(accounts.separated.cloud.audit.entries)

    published(accounts, FORGERIES[forgery](true, accounts))

    (letter,) = buried(accounts.separated)
    assert letter["MessageAttributes"]
    assert (snapshots(accounts.separated), len(accounts.importing)) == (before, runs)
    done = {
        f"{entry.service}:{entry.operation}"
        for entry in accounts.separated.cloud.audit.entries[seen:]
        if entry.caller and not entry.caller.is_administrator
    }
    assert done <= {"rds:DescribeDBClusterSnapshots", "rds:DescribeDBSnapshots", "dynamodb:GetItem", "sqs:SendMessage"}


def test_an_old_announcement_is_acknowledged_again_and_nothing_else(accounts: Accounts) -> None:
    before, runs = snapshots(accounts.separated), len(accounts.importing)

    published(accounts, genuine(accounts).announcement.to_bytes().decode())

    assert (snapshots(accounts.separated), len(accounts.importing)) == (before, runs)
    assert buried(accounts.source) == buried(accounts.separated) == []


def test_a_flood_of_messages_is_buried_and_what_is_true_among_them_is_imported(
    accounts: Accounts, true: Announcement
) -> None:
    """Also when it is worth nothing: what to keep is the source's to know, and what was there stays."""
    flood = [text_of(true, size_gib=number) for number in range(100, 140)]

    published(accounts, *flood[:20], true.to_bytes().decode(), *flood[20:])

    assert len(buried(accounts.separated)) == len(flood)
    assert {each.announcement.run for each in accounts.imports() if each.is_verified} == {
        MADE_BY_A_THIEF,
        genuine(accounts).announcement.run,
    }


# ------------------------------------------------------------------------------------------------- and everybody else


@pytest.fixture(name="stranger", scope="module")
def _stranger(
    accounts: Accounts, tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer
) -> Iterator[boto3.Session]:
    """Somebody who may do everything in an account that is none of the two."""
    with Cloud(
        tmp_path_factory.mktemp("stranger"),
        flow_objects,
        clock=accounts.source.cloud.clock,
        mode="inline",
        place=Place(account=THIRD),
        neighbours=accounts.neighbours,
    ) as cloud:
        yield cloud.administrator


def source_queue(accounts: Accounts) -> str:
    sqs = accounts.source.cloud.administrator.client("sqs")
    return str(sqs.get_queue_url(QueueName=ACKNOWLEDGEMENTS)["QueueUrl"])


def source_topic(accounts: Accounts) -> str:
    return accounts.source.cloud.place.arn("sns", ANNOUNCEMENTS)


INTRUSIONS: Mapping[str, Attack] = {
    "announce": lambda stranger, they: stranger.client("sns").publish(TopicArn=source_topic(they), Message="{}"),
    "listen": lambda stranger, they: stranger.client("sns").subscribe(
        TopicArn=source_topic(they), Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{THIRD}:listening"
    ),
    "acknowledge": lambda stranger, they: stranger.client("sqs").send_message(
        QueueUrl=source_queue(they), MessageBody="{}"
    ),
    "announce to the queue": lambda stranger, they: stranger.client("sqs").send_message(
        QueueUrl=queue_url(they), MessageBody="{}"
    ),
    "copy what is shared with another": lambda stranger, they: stranger.client("rds").copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=f"arn:aws:rds:us-east-1:{SOURCE}:cluster-snapshot:{MADE_BY_A_THIEF}",
        TargetDBClusterSnapshotIdentifier="stolen",
        KmsKeyId=f"arn:aws:kms:us-east-1:{THIRD}:key/own",
    ),
    "use the export key": lambda stranger, they: stranger.client("kms").describe_key(
        KeyId=genuine(they).announcement.key_arn
    ),
}


@pytest.mark.parametrize("intrusion", INTRUSIONS)
def test_a_third_account_is_nobody_in_either(
    accounts: Accounts, true: Announcement, stranger: boto3.Session, intrusion: str
) -> None:
    assert true.run == MADE_BY_A_THIEF, "a copy is shared with the separated account alone"

    with pytest.raises(ClientError) as refused:
        INTRUSIONS[intrusion](stranger, accounts)

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in {400, 403, 404}


# ------------------------------------------------------------------------------------------------ the acknowledgements


LIES: Mapping[str, Mapping[str, Any]] = {
    "of other words": {"announcement_sha256": "0" * 64},
    "of another run": {"run": "another-run"},
    "of another size": {"size_gib": 7},
    "of what was never announced": {"snapshot_arn": f"arn:aws:rds:us-east-1:{SOURCE}:cluster-snapshot:production"},
    "imported by the source itself": {"imported_arn": f"arn:aws:rds:us-east-1:{SOURCE}:cluster-snapshot:offsite-1"},
    "imported by a third account": {"imported_arn": f"arn:aws:rds:us-east-1:{THIRD}:cluster-snapshot:offsite-1"},
    "imported as something else": {"imported_arn": f"arn:aws:rds:us-east-1:{SEPARATED}:snapshot:offsite-1"},
}


def test_a_false_acknowledgement_is_a_dead_letter_and_lets_no_backup_go(
    tmp_path: Path, flow_objects: ObjectServer
) -> None:
    """All of them arrive while the run waits; the import itself has come to nothing."""

    def lie(accounts: Accounts) -> None:
        announced = accounts.imports()[0].announcement
        sqs, url = accounts.separated.cloud.administrator.client("sqs"), source_queue(accounts)
        for text in (*(acknowledged(announced, **lie).to_bytes().decode() for lie in LIES.values()), "{", "x" * 70_000):
            sqs.send_message(QueueUrl=url, MessageBody=text)

    with two_accounts(tmp_path, flow_objects, importing={"attempts": 1}, durations=QUICK) as accounts:
        accounts.separated.cloud.mishaps.snapshot_copy_fails()
        accounts.separated.when(IMPORT, "PutBack", lambda: lie(accounts))
        accounts.back_up(accounts.database(engine="aurora-postgresql"))

        assert accounts.copying.error == "NotAcknowledged"
        assert accounts.source.point is not None
        assert accounts.acknowledgement() is None
        assert len(buried(accounts.source)) == len(LIES) + 2
        assert broken(accounts) == []


def acknowledged(announcement: Announcement, **lies: Any) -> Acknowledgement:
    """What the separated account would say of it."""
    true = Acknowledgement(
        announcement_sha256=sha256_of(announcement.to_bytes()),
        snapshot_arn=announcement.snapshot_arn,
        run=announcement.run,
        imported_arn=announcement.snapshot_arn.replace(SOURCE, SEPARATED),
        imported_at="2026-01-16T00:00:00+00:00",
        kept_until="2026-02-20T00:00:00+00:00",
        size_gib=announcement.size_gib,
    )
    return replace(true, **lies)
