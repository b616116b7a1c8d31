"""Snapshots of databases are copied, shared and deleted in the embedded RDS as in RDS, between two accounts.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CopySnapshot.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/share-encrypted-snapshot.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from tests.local.services.accounts import (
    AWAY,
    COPIED_SECONDS,
    GIVER,
    GONE_SECONDS,
    HOME,
    TAKER,
    Accounts,
    client,
    events_about,
    refusal,
)

from backup_actions.contract import Statement
from backup_actions_local.services.rds_records import OptionGroup

if TYPE_CHECKING:
    from backup_actions_local.cloud import Cloud
    from backup_actions_local.services.keys import Key
    from backup_actions_local.services.rds_records import DatabaseSnapshot

NOUNS = {False: "DBSnapshot", True: "DBClusterSnapshot"}
METHODS = {False: "db_snapshot", True: "db_cluster_snapshot"}


@dataclass
class Stage:
    """Databases and their snapshots of one kind in two accounts."""

    accounts: Accounts
    clusters: bool

    def backup(self, key: Key | None = None, **about: Any) -> DatabaseSnapshot:
        """A finished snapshot of AWS Backup's in the giver's account."""
        name, databases = self.accounts.name(), self.accounts.giver.databases
        engine = "aurora-postgresql" if self.clusters else "postgres"
        database = databases.make(name, None, engine=engine, kms_key_id=key.arn if key else "")
        tags = about.pop("tags", {})
        return databases.take_snapshot(database, f"awsbackup:job-{name}", tags=tags, takes_seconds=0, **about)

    def call(self, cloud: Cloud, verb: str, region: str = HOME, role: str = "", **params: Any) -> Mapping[str, Any]:
        """``{noun}`` in the names of parameters is that of the kind."""
        noun, method = NOUNS[self.clusters], METHODS[self.clusters]
        named = {name.replace("_", noun): value for name, value in params.items()}
        answer: Mapping[str, Any] = getattr(client(cloud, "rds", region, role), verb.replace("{}", method))(**named)
        return answer

    def copy(self, cloud: Cloud, source: str, region: str = HOME, role: str = "", **more: Any) -> str:
        """Begin a copy; its ARN."""
        asked = {"Source_Identifier": source, "Target_Identifier": self.accounts.name(), **more}
        answer = self.call(cloud, "copy_{}", region, role, **asked)
        return str(answer[NOUNS[self.clusters]][f"{NOUNS[self.clusters]}Arn"])

    def copied(self, cloud: Cloud, source: str, region: str = HOME, **more: Any) -> str:
        """A copy that has had its time; its ARN."""
        arn = self.copy(cloud, source, region, **more)
        self.accounts.pass_time(COPIED_SECONDS)
        return arn

    def shared(self, key: Key | None = None) -> DatabaseSnapshot:
        """A copy in the giver's account which the taker may copy."""
        source = self.backup(self.accounts.giver.keys.managed_by("rds") if key else None)
        arn = self.copied(self.accounts.giver, source.arn, **({"KmsKeyId": key.arn} if key else {}))
        self.share(arn, [TAKER])
        return self.accounts.giver.databases.snapshot(arn)

    def share(self, arn: str, accounts: list[str], way: str = "ValuesToAdd", region: str = HOME) -> None:
        """Or no more, with the other way."""
        asked: dict[str, Any] = {"_Identifier": arn.rpartition(":")[2], "AttributeName": "restore", way: accounts}
        self.call(self.accounts.giver, "modify_{}_attribute", region, **asked)

    def described(self, cloud: Cloud, region: str = HOME, **params: Any) -> list[Mapping[str, Any]]:
        """What is said of snapshots."""
        found: list[Mapping[str, Any]] = self.call(cloud, "describe_{}s", region, **params)[f"{NOUNS[self.clusters]}s"]
        return found

    def one(self, cloud: Cloud, arn: str, region: str = HOME) -> Mapping[str, Any]:
        """What is said of one's own."""
        return self.described(cloud, region, _Identifier=arn.rpartition(":")[2])[0]

    def status(self, cloud: Cloud, arn: str) -> str:
        """Its status."""
        return str(self.one(cloud, arn)["Status"])


@pytest.fixture(name="stage", params=[False, True], ids=["instance", "cluster"])
def _stage(request: pytest.FixtureRequest, accounts: Accounts) -> Iterator[Stage]:
    yield Stage(accounts, request.param)
    accounts.pass_time(COPIED_SECONDS)
    accounts.giver.mishaps.assert_all_happened()


@pytest.fixture(name="instances")
def _instances(accounts: Accounts) -> Stage:
    return Stage(accounts, clusters=False)


@pytest.fixture(name="clusters")
def _clusters(accounts: Accounts) -> Stage:
    return Stage(accounts, clusters=True)


def refused(stage: Stage, cloud: Cloud, verb: str, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        stage.call(cloud, verb, **params)
    return refusal(caught.value)


# ----------------------------------------------------------------------------------------------------- in one account


def test_a_copy_takes_its_time_and_is_the_accounts_own(stage: Stage) -> None:
    giver, key = stage.accounts.giver, stage.accounts.giver.keys.make()
    source = stage.backup(giver.keys.managed_by("rds"), tags={"encryption_key": "offsite"})
    arn = stage.copy(giver, source.arn, KmsKeyId=key.arn, Tags=[{"Key": "run", "Value": "r"}])
    before = stage.status(giver, arn)
    stage.accounts.pass_time(COPIED_SECONDS)
    copy = stage.one(giver, arn)

    assert (before, copy["Status"]) == ("copying" if stage.clusters else "creating", "available")
    assert (copy["SnapshotType"], copy["KmsKeyId"]) == ("manual", key.arn)
    assert copy["TagList"] == [{"Key": "run", "Value": "r"}]
    assert giver.databases.snapshot(arn).image is source.image


def test_a_copy_keeps_its_key_and_takes_the_tags_when_that_is_said(stage: Stage) -> None:
    key = stage.accounts.giver.keys.make()
    source = stage.backup(key, tags={"a": "b", "aws:backup:source": "x"})
    copy = stage.one(stage.accounts.giver, stage.copied(stage.accounts.giver, source.id, CopyTags=True))

    assert (copy["KmsKeyId"], copy["TagList"]) == (key.arn, [{"Key": "a", "Value": "b"}])


def test_only_another_regions_or_accounts_source_is_told_of_an_instances_copy(accounts: Accounts) -> None:
    instances, clusters = Stage(accounts, clusters=False), Stage(accounts, clusters=True)
    of_instance, of_cluster = instances.backup(), clusters.backup()
    near = instances.one(accounts.giver, instances.copy(accounts.giver, of_instance.arn))
    far = instances.one(accounts.giver, instances.copy(accounts.giver, of_instance.arn, AWAY), AWAY)
    cluster = clusters.one(accounts.giver, clusters.copy(accounts.giver, of_cluster.arn))

    assert "SourceDBSnapshotIdentifier" not in near
    assert (far["SourceDBSnapshotIdentifier"], far["SourceRegion"]) == (of_instance.arn, HOME)
    assert cluster["SourceDBClusterSnapshotArn"] == of_cluster.arn


@pytest.mark.parametrize("name", ["1st", "two--hyphens", "at-end-", "awsbackup:job", "too-long"])
def test_a_copys_name_is_made_of_letters_digits_and_single_hyphens(stage: Stage, name: str) -> None:
    longest = 63 if stage.clusters else 255
    wanted = "a" * (longest + 1) if name == "too-long" else name

    with pytest.raises(ClientError) as caught:
        stage.copy(stage.accounts.giver, stage.backup().arn, Target_Identifier=wanted)

    assert refusal(caught.value) == "InvalidParameterValue"


def test_a_name_is_had_once_and_in_lower_case(stage: Stage) -> None:
    giver, name = stage.accounts.giver, stage.accounts.name()
    arn = stage.copy(giver, stage.backup().arn, Target_Identifier=name.upper())

    with pytest.raises(ClientError) as caught:
        stage.copy(giver, stage.backup().arn, Target_Identifier=name)

    assert arn.endswith(f":{name}")
    assert refusal(caught.value) in {"DBSnapshotAlreadyExists", "DBClusterSnapshotAlreadyExistsFault"}


def test_what_is_not_available_cannot_be_copied(stage: Stage) -> None:
    copy = stage.copy(stage.accounts.giver, stage.backup().arn)

    with pytest.raises(ClientError) as caught:
        stage.copy(stage.accounts.giver, copy)

    assert refusal(caught.value) in {"InvalidDBSnapshotState", "InvalidDBClusterSnapshotStateFault"}


def test_an_unencrypted_instance_is_encrypted_by_copying_and_a_cluster_is_not(
    instances: Stage, clusters: Stage
) -> None:
    giver, key = instances.accounts.giver, instances.accounts.giver.keys.make()
    copy = instances.one(giver, instances.copy(giver, instances.backup().arn, KmsKeyId=key.id))

    assert (copy["Encrypted"], copy["KmsKeyId"]) == (True, key.arn)
    with pytest.raises(ClientError, match="unencrypted DB cluster snapshot"):
        clusters.copy(giver, clusters.backup().arn, KmsKeyId=key.arn)


def test_twenty_copies_are_under_way_at_once_in_a_region(stage: Stage) -> None:
    giver, source = stage.accounts.giver, stage.backup().arn
    stage.accounts.pass_time(COPIED_SECONDS)
    for _ in range(20):
        stage.copy(giver, source)

    with pytest.raises(ClientError, match=r"SnapshotQuotaExceeded.*Cannot copy more than 20"):
        stage.copy(giver, source)

    stage.copy(giver, source, AWAY)
    stage.accounts.pass_time(COPIED_SECONDS)
    stage.copied(giver, source)


def test_an_account_has_a_hundred_manual_snapshots_of_a_kind(stage: Stage) -> None:
    region, giver = "ap-south-1", stage.accounts.giver
    source = stage.backup()
    kind = "cluster-snapshot" if stage.clusters else "snapshot"
    for number in range(100):
        arn = f"arn:aws:rds:{region}:{GIVER}:{kind}:filler-{number}"
        giver.databases.keep_snapshot(replace(source, id=f"filler-{number}", arn=arn, kind="manual"))

    with pytest.raises(ClientError, match=r"SnapshotQuotaExceeded.*100 manual snapshots"):
        stage.copy(giver, source.arn, region)


def test_a_manual_snapshot_is_deleting_and_then_gone(stage: Stage) -> None:
    giver = stage.accounts.giver
    arn = stage.copied(giver, stage.backup().arn)
    answer = stage.call(giver, "delete_{}", _Identifier=arn.rpartition(":")[2])[NOUNS[stage.clusters]]
    meanwhile = stage.status(giver, arn)
    stage.accounts.pass_time(GONE_SECONDS)

    assert (answer["Status"], meanwhile) == ("deleted", "deleting")
    assert refused(stage, giver, "describe_{}s", _Identifier=arn.rpartition(":")[2]).startswith(NOUNS[stage.clusters])


def test_aws_backups_own_can_neither_be_shared_nor_deleted(stage: Stage) -> None:
    giver, source = stage.accounts.giver, stage.backup()
    states = {"InvalidDBSnapshotState", "InvalidDBClusterSnapshotStateFault"}

    assert refused(stage, giver, "delete_{}", _Identifier=source.id) in states
    asked = {"_Identifier": source.id, "AttributeName": "restore", "ValuesToAdd": [TAKER]}
    assert refused(stage, giver, "modify_{}_attribute", **asked) in states


def test_tags_of_a_copy_come_and_go(stage: Stage) -> None:
    giver = stage.accounts.giver
    arn = stage.copy(giver, stage.backup().arn, Tags=[{"Key": "a", "Value": "b"}])
    rds = client(giver, "rds")
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "c", "Value": "d"}])
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["a"])

    assert rds.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "c", "Value": "d"}]


# ------------------------------------------------------------------------------------------------------------- sharing


def test_others_see_what_is_shared_when_they_ask_for_it_by_its_arn_and_without_tags(stage: Stage) -> None:
    taker, snapshot = stage.accounts.taker, stage.shared(stage.accounts.shared_key())
    noun = NOUNS[stage.clusters]
    (seen,) = stage.described(taker, _Identifier=snapshot.arn, SnapshotType="shared")
    (same,) = stage.described(taker, _Identifier=snapshot.arn, IncludeShared=True)

    assert seen == same
    assert (seen[f"{noun}Identifier"], seen["SnapshotType"], seen["TagList"]) == (snapshot.arn, "shared", [])
    assert seen["KmsKeyId"] == snapshot.of.kms_key_id
    assert refused(stage, taker, "describe_{}s", _Identifier=snapshot.arn) == (
        "DBClusterSnapshotNotFoundFault" if stage.clusters else "DBSnapshotNotFound"
    )


def test_what_is_not_shared_any_more_is_not_seen_any_more(stage: Stage) -> None:
    snapshot = stage.shared()
    noun = NOUNS[stage.clusters]
    answer = stage.call(stage.accounts.giver, "describe_{}_attributes", _Identifier=snapshot.id)
    told = answer[f"{noun}AttributesResult"][f"{noun}Attributes"]
    stage.share(snapshot.arn, [TAKER], "ValuesToRemove")

    assert told == [{"AttributeName": "restore", "AttributeValues": [TAKER]}]
    assert snapshot.arn not in str(stage.described(stage.accounts.taker, SnapshotType="shared"))
    assert stage.described(stage.accounts.giver, SnapshotType="shared") == []


def test_the_default_key_is_not_shared_and_nothing_encrypted_is_public(stage: Stage) -> None:
    giver, key = stage.accounts.giver, stage.accounts.giver.keys.make()
    of_default = stage.copied(giver, stage.backup(giver.keys.managed_by("rds")).arn)
    of_own = stage.copied(giver, stage.backup(key).arn)

    with pytest.raises(ClientError, match="default service key"):
        stage.share(of_default, [TAKER])
    with pytest.raises(ClientError, match="publicly"):
        stage.share(of_own, ["all"])
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        stage.share(of_own, ["somebody"])


def test_options_that_last_keep_a_snapshot_from_being_shared(instances: Stage) -> None:
    giver, name = instances.accounts.giver, instances.accounts.name()
    group = OptionGroup(name=name, arn=f"arn:aws:rds:{HOME}:{GIVER}:og:{name}", engine="oracle-ee", lasting=("TDE",))
    giver.databases.make_option_group(group)
    database = giver.databases.make(name, None, engine="oracle-ee", option_group=name)
    source = giver.databases.take_snapshot(database, f"awsbackup:job-{name}", tags={}, takes_seconds=0)
    rds = client(giver, "rds")
    (described,) = rds.describe_option_groups(OptionGroupName=name)["OptionGroupsList"]
    (default,) = rds.describe_option_groups(OptionGroupName="default:postgres-17")["OptionGroupsList"]

    assert described["Options"] == [{"OptionName": "TDE", "Persistent": True, "Permanent": True}]
    assert (default["EngineName"], default["Options"]) == ("postgres", [])
    with pytest.raises(ClientError, match="OptionGroupNotFoundFault"):
        rds.describe_option_groups(OptionGroupName="nobodys")
    with pytest.raises(ClientError, match="TDE cannot be shared"):
        instances.share(instances.copied(giver, source.arn), [TAKER])


def test_a_snapshot_is_shared_with_twenty_accounts(stage: Stage) -> None:
    arn = stage.copied(stage.accounts.giver, stage.backup().arn)
    stage.share(arn, [f"{number:012d}" for number in range(20)])

    with pytest.raises(ClientError, match="SharedSnapshotQuotaExceeded"):
        stage.share(arn, [TAKER])


def test_what_everybody_may_copy_is_public(stage: Stage) -> None:
    arn = stage.copied(stage.accounts.giver, stage.backup().arn)
    stage.share(arn, ["all"])

    assert arn in str(stage.described(stage.accounts.taker, SnapshotType="public"))
    assert arn not in str(stage.described(stage.accounts.taker, IncludeShared=True))


# -------------------------------------------------------------------------------------------------- for another account


def test_a_shared_snapshot_is_copied_under_a_key_of_the_takers(stage: Stage) -> None:
    taker, key, snapshot = stage.accounts.taker, stage.accounts.own_key(), stage.shared(stage.accounts.shared_key())
    arn = stage.copied(taker, snapshot.arn, KmsKeyId=key.arn, CopyTags=True)
    copy = stage.one(taker, arn)

    assert (copy["Status"], copy["KmsKeyId"], copy["TagList"]) == ("available", key.arn, [])
    assert copy["SourceDBClusterSnapshotArn" if stage.clusters else "SourceDBSnapshotIdentifier"] == snapshot.arn
    assert taker.databases.snapshot(arn).image is snapshot.image


def test_an_encrypted_shared_snapshot_needs_a_key_and_the_sources_arn(stage: Stage) -> None:
    taker, snapshot = stage.accounts.taker, stage.shared(stage.accounts.shared_key())

    with pytest.raises(ClientError, match=r"KMSKeyNotAccessibleFault.*\[None\]"):
        stage.copy(taker, snapshot.arn)
    with pytest.raises(ClientError, match="not found"):
        stage.copy(taker, snapshot.id, KmsKeyId=stage.accounts.own_key().arn)


def test_what_is_not_shared_does_not_exist_for_another_accounts_administrator(stage: Stage) -> None:
    taker, own = stage.accounts.taker, stage.copied(stage.accounts.giver, stage.backup().arn)
    missing = "DBClusterSnapshotNotFoundFault" if stage.clusters else "DBSnapshotNotFound"

    for arn in (own, stage.shared().arn):
        assert refused(stage, taker, "delete_{}", _Identifier=arn) == missing
        assert refused(stage, taker, "describe_{}_attributes", _Identifier=arn) == missing
        sharing = {"_Identifier": arn, "AttributeName": "restore", "ValuesToAdd": [TAKER]}
        assert refused(stage, taker, "modify_{}_attribute", **sharing) == missing
    assert refused(stage, taker, "copy_{}", Source_Identifier=own, Target_Identifier="mine") == missing


def test_a_key_that_does_not_let_the_account_refuses_its_administrator_too(stage: Stage) -> None:
    snapshot, key = stage.shared(stage.accounts.giver.keys.make()), stage.accounts.own_key()

    with pytest.raises(ClientError, match="KMSKeyNotAccessibleFault"):
        stage.copy(stage.accounts.taker, snapshot.arn, KmsKeyId=key.arn)


READ = ("kms:Decrypt", "kms:DescribeKey", "kms:ReEncryptFrom", "kms:CreateGrant")
WRITE = ("kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptTo", "kms:CreateGrant")


def test_a_role_needs_both_the_key_policy_and_iam(stage: Stage) -> None:
    taker, key, shared_key = stage.accounts.taker, stage.accounts.own_key(), stage.accounts.shared_key()
    snapshot, any_snapshot = stage.shared(shared_key), f"arn:aws:rds:{HOME}:*:*snapshot:*"
    rds = Statement((f"rds:Copy{NOUNS[stage.clusters]}",), on=any_snapshot, because="a test")
    write = Statement(WRITE, on=key.arn)

    taker.roles.add("copier", [rds, write])
    with pytest.raises(ClientError, match=f"KMSKeyNotAccessibleFault.*{shared_key.id}"):
        stage.copy(taker, snapshot.arn, role="copier", KmsKeyId=key.arn)
    taker.roles.add("copier", [rds, write, Statement(READ, on=shared_key.arn)])
    stage.copy(taker, snapshot.arn, role="copier", KmsKeyId=key.arn)


def test_source_and_target_are_asked_for_by_tags_of_the_one_and_of_the_request(stage: Stage) -> None:
    giver, noun = stage.accounts.giver, NOUNS[stage.clusters]
    prefix = "cluster-snapshot" if stage.clusters else "snapshot"
    own = f"arn:aws:rds:{HOME}:{GIVER}:{prefix}"
    chosen = {"StringEquals": {f"rds:{prefix}-tag/encryption_key": "offsite"}}
    marked = {"StringEquals": {"aws:RequestTag/ours": "yes"}}
    statements = [
        Statement((f"rds:Copy{noun}",), on=f"{own}:awsbackup:*", when=chosen, because="a test"),
        Statement((f"rds:Copy{noun}", "rds:AddTagsToResource"), on=f"{own}:thing-*", when=marked, because="a test"),
    ]
    giver.roles.add("copier", statements)
    right, wrong = stage.backup(tags={"encryption_key": "offsite"}), stage.backup(tags={"encryption_key": "none"})
    tags = [{"Key": "ours", "Value": "yes"}]

    stage.copy(giver, right.arn, role="copier", Tags=tags)
    for source, given in ((wrong, tags), (right, [])):
        with pytest.raises(ClientError, match="AccessDenied"):
            stage.copy(giver, source.arn, role="copier", Tags=given)


# ---------------------------------------------------------------------------------------------- what happens meanwhile


def _delete(stage: Stage, snapshot: DatabaseSnapshot, _copy: str) -> None:
    stage.call(stage.accounts.giver, "delete_{}", _Identifier=snapshot.id)


def _unshare(stage: Stage, snapshot: DatabaseSnapshot, _copy: str) -> None:
    stage.share(snapshot.arn, [TAKER], "ValuesToRemove")


def _disable(stage: Stage, snapshot: DatabaseSnapshot, _copy: str) -> None:
    client(stage.accounts.giver, "kms").disable_key(KeyId=snapshot.of.kms_key_id)


def _schedule_deletion(stage: Stage, snapshot: DatabaseSnapshot, _copy: str) -> None:
    client(stage.accounts.giver, "kms").schedule_key_deletion(KeyId=snapshot.of.kms_key_id, PendingWindowInDays=7)


def _revoke(stage: Stage, snapshot: DatabaseSnapshot, _copy: str) -> None:
    kms, key = client(stage.accounts.giver, "kms"), snapshot.of.kms_key_id
    (grant,) = kms.list_grants(KeyId=key)["Grants"]
    assert (grant["GranteePrincipal"], grant["IssuingAccount"]) == ("rds.amazonaws.com", f"arn:aws:iam::{TAKER}:root")
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])


def _disable_own(stage: Stage, _snapshot: DatabaseSnapshot, copy: str) -> None:
    key = stage.accounts.taker.databases.snapshot(copy).of.kms_key_id
    client(stage.accounts.taker, "kms").disable_key(KeyId=key)


@pytest.mark.parametrize("meanwhile", [_delete, _unshare, _disable, _schedule_deletion, _revoke, _disable_own])
def test_a_copy_fails_when_source_sharing_or_a_key_goes_meanwhile(
    stage: Stage, meanwhile: Callable[[Stage, DatabaseSnapshot, str], None]
) -> None:
    taker, snapshot = stage.accounts.taker, stage.shared(stage.accounts.shared_key())
    arn = stage.copy(taker, snapshot.arn, KmsKeyId=stage.accounts.own_key().arn)
    stage.accounts.pass_time(60)
    meanwhile(stage, snapshot, arn)
    stage.accounts.pass_time(1)

    assert stage.status(taker, arn) == "failed"
    assert "RDS-EVENT-0197" not in str(events_about(taker, arn))


@pytest.mark.parametrize("which", ["source", "target"])
def test_a_copy_does_not_begin_with_a_disabled_key(stage: Stage, which: str) -> None:
    own, shared_key = stage.accounts.own_key(), stage.accounts.shared_key()
    snapshot = stage.shared(shared_key)
    cloud, key = (stage.accounts.giver, shared_key) if which == "source" else (stage.accounts.taker, own)
    client(cloud, "kms").disable_key(KeyId=key.id)

    with pytest.raises(ClientError, match=f"KMSKeyNotAccessibleFault.*{which}.*{key.id}"):
        stage.copy(stage.accounts.taker, snapshot.arn, KmsKeyId=own.arn)


def test_no_grant_is_left_when_a_copy_has_ended(stage: Stage) -> None:
    own, shared_key = stage.accounts.own_key(), stage.accounts.shared_key()
    arn = stage.copy(stage.accounts.taker, stage.shared(shared_key).arn, KmsKeyId=own.arn)
    during = (len(own.grants), len(shared_key.grants))
    stage.accounts.pass_time(COPIED_SECONDS)

    assert stage.status(stage.accounts.taker, arn) == "available"
    assert (during, len(own.grants), len(shared_key.grants)) == ((1, 1), 0, 0)


def test_a_copy_that_is_deleted_while_it_is_made_is_given_up(stage: Stage) -> None:
    giver = stage.accounts.giver
    arn = stage.copy(giver, stage.backup().arn)
    stage.call(giver, "delete_{}", _Identifier=arn.rpartition(":")[2])
    stage.accounts.pass_time(COPIED_SECONDS)

    assert refused(stage, giver, "describe_{}s", _Identifier=arn.rpartition(":")[2]).startswith(NOUNS[stage.clusters])
    numbers = [event["EventID"] for event in events_about(giver, arn)]
    assert numbers == (["RDS-EVENT-0074"] if stage.clusters else ["RDS-EVENT-0196", "RDS-EVENT-0190"])


def test_a_planned_copy_fails_and_another_never_ends(stage: Stage) -> None:
    giver, mishaps = stage.accounts.giver, stage.accounts.giver.mishaps
    mishaps.snapshot_copy_fails()
    failing = stage.copied(giver, stage.backup().arn)
    mishaps.snapshot_copy_never_ends()
    endless = stage.copied(giver, stage.backup().arn)
    stage.accounts.pass_time(24 * 3600)

    assert stage.status(giver, failing) == "failed"
    assert stage.status(giver, endless) == ("copying" if stage.clusters else "creating")
    for arn in (failing, endless):
        stage.call(giver, "delete_{}", _Identifier=arn.rpartition(":")[2])
    stage.accounts.pass_time(GONE_SECONDS)


# ------------------------------------------------------------------------------------------------ events, other regions


def test_the_copying_account_hears_of_its_copy_by_the_new_name(instances: Stage, clusters: Stage) -> None:
    giver = instances.accounts.giver
    source = instances.backup()
    arn = instances.copied(giver, source.arn)
    started, finished = events_about(giver, arn)
    of_cluster = clusters.copied(giver, clusters.backup().arn)

    assert [event["EventID"] for event in (started, finished)] == ["RDS-EVENT-0196", "RDS-EVENT-0197"]
    assert finished["SourceIdentifier"] == arn.rpartition(":")[2]
    assert finished["Message"] == f"Finished copy of snapshot {source.id} in region {HOME}"
    assert [event["EventID"] for event in events_about(giver, of_cluster)] == ["RDS-EVENT-0074", "RDS-EVENT-0075"]


def test_another_regions_copy_is_there_and_not_here(stage: Stage) -> None:
    giver, key = stage.accounts.giver, stage.accounts.shared_key(AWAY)
    source = stage.backup(giver.keys.make())

    with pytest.raises(ClientError, match="Must specify new KMS key"):
        stage.copy(giver, source.arn, AWAY)
    arn = stage.copied(giver, source.arn, AWAY, KmsKeyId=key.arn, SourceRegion=HOME)

    assert stage.one(giver, arn, AWAY)["Status"] == "available"
    assert arn not in str(stage.described(giver))
    assert events_about(giver, arn) == []
    with pytest.raises(ClientError, match="KMSKeyNotAccessibleFault"):
        stage.copy(giver, source.arn, KmsKeyId=key.arn)


def test_what_is_shared_in_another_region_is_copied_from_there(instances: Stage) -> None:
    giver, taker, key = instances.accounts.giver, instances.accounts.taker, instances.accounts.shared_key(AWAY)
    arn = instances.copied(giver, instances.backup().arn, AWAY, KmsKeyId=key.arn)
    instances.share(arn, [TAKER], region=AWAY)
    copy = instances.copied(taker, arn, KmsKeyId=instances.accounts.own_key().arn)

    assert instances.described(taker, AWAY, SnapshotType="shared")[-1]["DBSnapshotArn"] == arn
    assert instances.status(taker, copy) == "available"
    assert [event["EventID"] for event in events_about(taker, copy)] == ["RDS-EVENT-0059", "RDS-EVENT-0060"]


def test_a_copy_is_restored_as_any_other_snapshot(instances: Stage) -> None:
    taker, key = instances.accounts.taker, instances.accounts.own_key()
    copy = instances.copied(taker, instances.shared(instances.accounts.shared_key()).arn, KmsKeyId=key.arn)
    rds, name = client(taker, "rds"), instances.accounts.name()
    rds.restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier=name, DBSnapshotIdentifier=copy.rpartition(":")[2], DBInstanceClass="db.t4g.small"
    )
    instances.accounts.pass_time(1000)
    (restored,) = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    instances.accounts.pass_time(1000)

    assert (restored["DBInstanceStatus"], restored["KmsKeyId"]) == ("available", key.arn)


def test_nothing_is_restored_with_a_disabled_key(instances: Stage) -> None:
    giver, key = instances.accounts.giver, instances.accounts.giver.keys.make()
    source, rds = instances.backup(key), client(giver, "rds")
    client(giver, "kms").disable_key(KeyId=key.id)

    with pytest.raises(ClientError, match="KMSKeyNotAccessibleFault"):
        rds.restore_db_instance_from_db_snapshot(
            DBInstanceIdentifier=instances.accounts.name(), DBSnapshotIdentifier=source.id
        )


def test_the_rest_of_rds_is_in_one_region(instances: Stage) -> None:
    with pytest.raises(ClientError, match=f"NotEmbedded.*rds:DescribeDBInstances in the region {AWAY}"):
        client(instances.accounts.giver, "rds", AWAY).describe_db_instances()
