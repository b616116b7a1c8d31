"""Snapshots of volumes are copied, shared and deleted in the embedded EC2 as in EC2, between two accounts.

https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html
https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from tests.local.services.accounts import (
    AWAY,
    COPIED_SECONDS,
    GIVER,
    HOME,
    TAKER,
    Accounts,
    client,
    events_about,
    refusal,
)

from backup_actions.contract import Statement

if TYPE_CHECKING:
    from pathlib import Path

    from backup_actions_local.cloud import Cloud
    from backup_actions_local.services.keys import Key

NO_KEY = "Given key ID is not accessible"


@dataclass
class Stage:
    """A volume in the giver's account, and snapshots of it."""

    accounts: Accounts
    image: Path

    def backup(self, key: Key | None = None, **about: Any) -> str:
        """A snapshot, AWS Backup's unless it is said otherwise."""
        store = self.accounts.giver.store
        volume = store.make_volume(self.image, zone="us-east-1a", kms_key_id=key.arn if key else "")
        return store.take_snapshot(volume, **{"managed_by_backup": True, **about})

    def copy(self, cloud: Cloud, source: str, region: str = HOME, role: str = "", **more: Any) -> str:
        """Begin a copy; its id."""
        asked = {"SourceRegion": HOME, "SourceSnapshotId": source, **more}
        return str(client(cloud, "ec2", region, role).copy_snapshot(**asked)["SnapshotId"])

    def copied(self, cloud: Cloud, source: str, region: str = HOME, **more: Any) -> str:
        """A copy that has had its time; its id."""
        snapshot_id = self.copy(cloud, source, region, **more)
        self.accounts.pass_time(COPIED_SECONDS)
        return snapshot_id

    def shared(self, key: Key) -> str:
        """A copy in the giver's account, under that key, which the taker may copy."""
        copy = self.copied(self.accounts.giver, self.backup(), Encrypted=True, KmsKeyId=key.arn)
        self.share(copy, TAKER)
        return copy

    def share(self, snapshot_id: str, account: str, way: str = "Add", region: str = HOME) -> None:
        """Or no more, with ``Remove``."""
        client(self.accounts.giver, "ec2", region).modify_snapshot_attribute(
            SnapshotId=snapshot_id,
            Attribute="createVolumePermission",
            CreateVolumePermission={way: [{"UserId": account}]},
        )

    def described(self, cloud: Cloud, region: str = HOME, **params: Any) -> list[Mapping[str, Any]]:
        """What is said of snapshots."""
        found: list[Mapping[str, Any]] = client(cloud, "ec2", region).describe_snapshots(**params)["Snapshots"]
        return found

    def one(self, cloud: Cloud, snapshot_id: str, region: str = HOME) -> Mapping[str, Any]:
        """What is said of one."""
        return self.described(cloud, region, SnapshotIds=[snapshot_id])[0]


@pytest.fixture(name="stage")
def _stage(accounts: Accounts, image: Path) -> Iterator[Stage]:
    yield Stage(accounts, image)
    accounts.pass_time(COPIED_SECONDS)
    accounts.giver.mishaps.assert_all_happened()


def told(cloud: Cloud, snapshot_id: str) -> Mapping[str, Any]:
    """The last event about a snapshot."""
    return events_about(cloud, f"arn:aws:ec2::{HOME}:snapshot/{snapshot_id}")[-1]


def test_a_copy_takes_its_time_and_has_the_same_bytes(stage: Stage) -> None:
    giver, source = stage.accounts.giver, stage.backup(tags={"a": "b"})
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "run", "Value": "r"}]}]
    copy = stage.copy(giver, source, TagSpecifications=tags, Description="off-site")
    before = stage.one(giver, copy)["State"]
    stage.accounts.pass_time(COPIED_SECONDS)
    described = stage.one(giver, copy)

    assert (before, described["State"], described["Encrypted"]) == ("pending", "completed", False)
    assert (described["VolumeId"], described["Description"]) == ("vol-ffffffff", "off-site")
    assert described["Tags"] == [{"Key": "run", "Value": "r"}]
    assert giver.store.snapshot(copy).image.read_bytes() == stage.image.read_bytes()


def test_a_volume_is_made_of_a_copy_as_of_any_other_snapshot(stage: Stage) -> None:
    giver = stage.accounts.giver
    copy = stage.copied(giver, stage.backup())
    volume = client(giver, "ec2").create_volume(AvailabilityZone="us-east-1a", SnapshotId=copy)["VolumeId"]

    assert giver.store.volume(volume).image.read_bytes() == stage.image.read_bytes()


def test_the_key_of_a_copy_is_the_one_that_is_named_or_that_of_ebs(stage: Stage) -> None:
    giver, key = stage.accounts.giver, stage.accounts.giver.keys.make()
    named = stage.copied(giver, stage.backup(), Encrypted=True, KmsKeyId=key.id)
    unnamed = stage.copied(giver, stage.backup(key))

    assert stage.one(giver, named)["KmsKeyId"] == key.arn
    assert stage.one(giver, unnamed)["KmsKeyId"] == giver.keys.managed_by("ebs").arn
    with pytest.raises(ClientError, match="InvalidParameterDependency"):
        stage.copy(giver, stage.backup(), KmsKeyId=key.arn)


def test_a_snapshot_that_is_not_complete_or_not_there_is_not_copied(stage: Stage) -> None:
    giver = stage.accounts.giver

    with pytest.raises(ClientError, match="IncorrectState"):
        stage.copy(giver, stage.backup(takes_seconds=60))
    with pytest.raises(ClientError, match=r"InvalidSnapshot\.NotFound"):
        stage.copy(giver, stage.backup(), SourceRegion=AWAY)


def test_twenty_copies_are_under_way_at_once_in_a_region(stage: Stage) -> None:
    giver, source = stage.accounts.giver, stage.backup()
    for _ in range(20):
        stage.copy(giver, source)

    with pytest.raises(ClientError, match=r"ResourceLimitExceeded.*Too many snapshot copies in progress"):
        stage.copy(giver, source)

    stage.copy(giver, source, AWAY)


def test_aws_backups_own_can_neither_be_shared_nor_deleted(stage: Stage) -> None:
    giver, source = stage.accounts.giver, stage.backup()

    with pytest.raises(ClientError, match="managed by the AWS Backup service"):
        stage.share(source, TAKER)
    with pytest.raises(ClientError, match="managed by the AWS Backup service"):
        client(giver, "ec2").delete_snapshot(SnapshotId=source)


def test_the_default_key_is_not_shared_and_nothing_encrypted_is_public(stage: Stage) -> None:
    giver = stage.accounts.giver
    of_default = stage.copied(giver, stage.backup(), Encrypted=True)
    of_own = stage.copied(giver, stage.backup(), Encrypted=True, KmsKeyId=giver.keys.make().arn)

    with pytest.raises(ClientError, match=r"OperationNotPermitted.*EBS default key cannot be shared"):
        stage.share(of_default, TAKER)
    with pytest.raises(ClientError, match=r"OperationNotPermitted.*publicly"):
        client(giver, "ec2").modify_snapshot_attribute(SnapshotId=of_own, OperationType="add", GroupNames=["all"])
    with pytest.raises(ClientError, match=r"InvalidUserID\.Malformed"):
        stage.share(of_own, "somebody")


def test_others_see_what_is_shared_and_not_its_tags(stage: Stage) -> None:
    giver, taker, key = stage.accounts.giver, stage.accounts.taker, stage.accounts.shared_key()
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "a", "Value": "b"}]}]
    copy = stage.copied(giver, stage.backup(), Encrypted=True, KmsKeyId=key.arn, TagSpecifications=tags)
    with pytest.raises(ClientError, match=r"InvalidSnapshot\.NotFound"):
        stage.one(taker, copy)
    stage.share(copy, TAKER)
    seen = stage.one(taker, copy)

    assert (seen["OwnerId"], seen["KmsKeyId"], seen.get("Tags", [])) == (GIVER, key.arn, [])
    ways: list[dict[str, Any]] = [{"OwnerIds": [GIVER]}, {"RestorableByUserIds": ["self"]}, {}]
    for asked in ways:
        assert copy in {each["SnapshotId"] for each in stage.described(taker, **asked)}
    assert copy not in {each["SnapshotId"] for each in stage.described(taker, OwnerIds=["self"])}
    attribute = client(giver, "ec2").describe_snapshot_attribute(SnapshotId=copy, Attribute="createVolumePermission")
    assert attribute["CreateVolumePermissions"] == [{"UserId": TAKER}]


def test_the_other_account_hears_that_something_is_shared_with_it(stage: Stage) -> None:
    copy = stage.shared(stage.accounts.shared_key())
    event = told(stage.accounts.taker, copy)

    assert (event["event"], event["result"], event["source"]) == ("shareSnapshot", "succeeded", GIVER)
    assert "shareSnapshot" not in str(told(stage.accounts.giver, copy))


def test_what_is_not_ones_own_cannot_be_changed_by_another_accounts_administrator(stage: Stage) -> None:
    copy, ec2 = stage.shared(stage.accounts.shared_key()), client(stage.accounts.taker, "ec2")
    calls: list[Callable[[], Any]] = [
        lambda: ec2.delete_snapshot(SnapshotId=copy),
        lambda: ec2.modify_snapshot_attribute(SnapshotId=copy, OperationType="add", UserIds=["777788889999"]),
        lambda: ec2.describe_snapshot_attribute(SnapshotId=copy, Attribute="createVolumePermission"),
    ]
    codes = []
    for way in ("Add", "Remove"):
        stage.share(copy, TAKER, way)
        for call in calls:
            with pytest.raises(ClientError) as caught:
                call()
            codes.append(refusal(caught.value))

    assert codes == ["AuthFailure"] * 3 + ["InvalidSnapshot.NotFound"] * 3


def test_a_shared_snapshot_is_copied_under_a_key_of_the_takers_and_both_are_told(stage: Stage) -> None:
    taker, key = stage.accounts.taker, stage.accounts.own_key()
    shared = stage.shared(stage.accounts.shared_key())
    copy = stage.copied(taker, shared, Encrypted=True, KmsKeyId=key.arn)
    described, event = stage.one(taker, copy), told(taker, copy)

    assert (described["State"], described["KmsKeyId"], described["OwnerId"]) == ("completed", key.arn, TAKER)
    assert taker.store.snapshot(copy).image.read_bytes() == stage.image.read_bytes()
    assert (event["event"], event["result"], event["cause"]) == ("copySnapshot", "succeeded", "")
    assert event["snapshot_id"] == f"arn:aws:ec2::{HOME}:snapshot/{copy}"
    assert event["source"] == f"arn:aws:ec2::{HOME}:snapshot/{shared}"
    assert (key.grants, copy == shared) == ({}, False)


def test_nobody_hears_of_a_key_that_may_not_be_used_before_the_copy_has_failed(stage: Stage) -> None:
    taker, unshared_key = stage.accounts.taker, stage.accounts.giver.keys.make()
    copy = stage.copy(taker, stage.shared(unshared_key), Encrypted=True, KmsKeyId=stage.accounts.own_key().arn)
    before = stage.one(taker, copy)
    stage.accounts.pass_time(10)
    after, event = stage.one(taker, copy), told(taker, copy)

    assert (before["State"], after["State"], after["StateMessage"]) == ("pending", "error", NO_KEY)
    assert (event["result"], event["cause"]) == ("failed", NO_KEY)


def test_a_role_needs_both_the_key_policy_and_iam(stage: Stage) -> None:
    taker, own, shared_key = stage.accounts.taker, stage.accounts.own_key(), stage.accounts.shared_key()
    shared, any_snapshot = stage.shared(shared_key), "arn:aws:ec2:*::snapshot/*"
    copy = Statement(("ec2:CopySnapshot",), on=any_snapshot, because="a test")
    reading = ("kms:DescribeKey", "kms:Decrypt", "kms:ReEncryptFrom", "kms:CreateGrant")
    read = Statement(reading, on=shared_key.arn)
    write = Statement((*reading, "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptTo"), on=own.arn)
    states = []
    for statements in ([copy, write], [copy, read], [copy, read, write]):
        taker.roles.add("copier", statements)
        made = stage.copied(taker, shared, role="copier", Encrypted=True, KmsKeyId=own.arn)
        states.append(stage.one(taker, made)["State"])

    assert states == ["error", "error", "completed"]


def test_source_and_copy_are_asked_for_one_after_the_other(stage: Stage) -> None:
    taker, shared = stage.accounts.taker, stage.shared(stage.accounts.shared_key())
    tags: dict[str, Any] = {
        "TagSpecifications": [{"ResourceType": "snapshot", "Tags": [{"Key": "ours", "Value": "yes"}]}]
    }
    marked = {"StringEquals": {"aws:RequestTag/ours": "yes"}}
    create = {"StringEquals": {"ec2:CreateAction": "CopySnapshot"}}

    def copier(owner: str) -> None:
        from_owner, any_snapshot = {"StringEquals": {"ec2:Owner": owner}}, f"arn:aws:ec2:{HOME}::snapshot/*"
        statements = [
            Statement(("ec2:CopySnapshot",), on=any_snapshot, when=from_owner, because="a test"),
            Statement(("ec2:CopySnapshot",), on=any_snapshot, when=marked, because="a test"),
            Statement(("ec2:CreateTags",), on=any_snapshot, when=create, because="a test"),
        ]
        taker.roles.add("copier", statements)

    copier(GIVER)
    stage.copy(taker, shared, role="copier", **tags)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        stage.copy(taker, shared, role="copier")
    copier(TAKER)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        stage.copy(taker, shared, role="copier", **tags)


def test_with_whom_something_is_shared_can_be_a_condition(stage: Stage) -> None:
    giver = stage.accounts.giver
    copy = stage.copied(giver, stage.backup(), Encrypted=True, KmsKeyId=stage.accounts.shared_key().arn)
    only = {"StringEquals": {"ec2:Add/userId": TAKER}}
    giver.roles.add(
        "sharer",
        [
            Statement(
                ("ec2:ModifySnapshotAttribute",), on=f"arn:aws:ec2:{HOME}::snapshot/*", when=only, because="a test"
            )
        ],
    )
    ec2 = client(giver, "ec2", role="sharer")

    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        ec2.modify_snapshot_attribute(SnapshotId=copy, OperationType="add", UserIds=["777788889999"])
    ec2.modify_snapshot_attribute(SnapshotId=copy, CreateVolumePermission={"Add": [{"UserId": TAKER}]})


def _delete(stage: Stage, shared: str, _key: Key) -> None:
    client(stage.accounts.giver, "ec2").delete_snapshot(SnapshotId=shared)


def _unshare(stage: Stage, shared: str, _key: Key) -> None:
    stage.share(shared, TAKER, "Remove")


def _disable(stage: Stage, _shared: str, key: Key) -> None:
    client(stage.accounts.giver, "kms").disable_key(KeyId=key.id)


def _revoke(_stage: Stage, _shared: str, key: Key) -> None:
    (grant,) = key.grants.values()
    grant.end()


@pytest.mark.parametrize(
    ("meanwhile", "cause"),
    [
        (_delete, "Source snapshot ID is not valid"),
        (_unshare, "Source snapshot ID is not valid"),
        (_disable, NO_KEY),
        (_revoke, NO_KEY),
    ],
)
def test_a_copy_fails_when_source_sharing_or_a_key_goes_meanwhile(
    stage: Stage, meanwhile: Callable[[Stage, str, Key], None], cause: str
) -> None:
    taker, shared_key = stage.accounts.taker, stage.accounts.shared_key()
    shared = stage.shared(shared_key)
    copy = stage.copy(taker, shared, Encrypted=True, KmsKeyId=stage.accounts.own_key().arn)
    stage.accounts.pass_time(60)
    meanwhile(stage, shared, shared_key)
    stage.accounts.pass_time(1)
    described = stage.one(taker, copy)

    assert (described["State"], described["StateMessage"]) == ("error", cause)
    assert told(taker, copy)["cause"] == cause


def test_a_planned_copy_fails_and_another_never_ends(stage: Stage) -> None:
    giver, mishaps = stage.accounts.giver, stage.accounts.giver.mishaps
    mishaps.snapshot_copy_fails()
    failing = stage.copied(giver, stage.backup())
    mishaps.snapshot_copy_never_ends()
    endless = stage.copied(giver, stage.backup())
    stage.accounts.pass_time(24 * 3600)
    states = [stage.one(giver, copy)["State"] for copy in (failing, endless)]
    client(giver, "ec2").delete_snapshot(SnapshotId=endless)

    assert states == ["error", "pending"]


def test_a_copy_that_is_deleted_while_it_is_made_is_gone_with_its_bytes(stage: Stage) -> None:
    giver = stage.accounts.giver
    copy = stage.copy(giver, stage.backup())
    image = giver.store.snapshot(copy).image
    client(giver, "ec2").delete_snapshot(SnapshotId=copy)
    stage.accounts.pass_time(COPIED_SECONDS)

    assert not image.exists()
    with pytest.raises(ClientError, match=r"InvalidSnapshot\.NotFound"):
        stage.one(giver, copy)


def test_another_regions_copy_is_there_and_not_here(stage: Stage) -> None:
    giver, taker, key = stage.accounts.giver, stage.accounts.taker, stage.accounts.shared_key(AWAY)
    copy = stage.copied(giver, stage.backup(), AWAY, Encrypted=True, KmsKeyId=key.arn)
    stage.share(copy, TAKER, region=AWAY)
    asked: dict[str, Any] = {"SourceRegion": AWAY, "Encrypted": True, "KmsKeyId": stage.accounts.own_key().arn}
    back = stage.copied(taker, copy, **asked)

    assert stage.one(giver, copy, AWAY)["State"] == stage.one(taker, back)["State"] == "completed"
    assert events_about(giver, f"arn:aws:ec2::{AWAY}:snapshot/{copy}") == []
    with pytest.raises(ClientError, match=r"InvalidSnapshot\.NotFound"):
        stage.one(giver, copy)


def test_a_volume_of_what_another_account_shares_is_not_embedded_and_says_so(stage: Stage) -> None:
    shared = stage.copied(stage.accounts.giver, stage.backup())
    stage.share(shared, TAKER)

    with pytest.raises(ClientError, match="volumes of snapshots that another account shares") as refused:
        client(stage.accounts.taker, "ec2").create_volume(SnapshotId=shared, AvailabilityZone="us-east-1a")

    assert refusal(refused.value) == "NotEmbedded"
