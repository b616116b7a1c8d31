"""Keys of the embedded KMS: their states, policies and grants, seen from two accounts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from tests.local.services.accounts import AWAY, GIVER, HOME, TAKER, client, refusal

from backup_actions.contract import Statement

if TYPE_CHECKING:
    from tests.local.services.accounts import Accounts

DAY_SECONDS = 24 * 3600


@pytest.fixture(name="kms")
def _kms(accounts: Accounts) -> Any:
    return client(accounts.giver, "kms")


def made(kms: Any, **params: Any) -> str:
    return str(kms.create_key(**params)["KeyMetadata"]["Arn"])


def code(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return refusal(caught.value)


def test_a_key_says_whose_it_is_and_in_which_state(kms: Any) -> None:
    arn = made(kms, Description="for a test")
    about = kms.describe_key(KeyId=arn.rpartition("/")[2])["KeyMetadata"]

    assert (about["Arn"], about["AWSAccountId"], about["KeyManager"]) == (arn, GIVER, "CUSTOMER")
    assert (about["Enabled"], about["KeyState"], about["Description"]) == (True, "Enabled", "for a test")


def test_a_key_is_disabled_and_enabled(kms: Any) -> None:
    arn = made(kms)
    kms.disable_key(KeyId=arn)
    disabled = kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"]
    kms.enable_key(KeyId=arn)

    assert (disabled, kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"]) == ("Disabled", "Enabled")


def test_a_key_waits_for_its_deletion_which_can_be_called_off(accounts: Accounts, kms: Any) -> None:
    kept, lost = made(kms), made(kms)
    for arn in (kept, lost):
        kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    pending = kms.describe_key(KeyId=kept)["KeyMetadata"]
    kms.cancel_key_deletion(KeyId=kept)
    accounts.pass_time(8 * DAY_SECONDS)

    assert (pending["KeyState"], "DeletionDate" in pending) == ("PendingDeletion", True)
    assert kms.describe_key(KeyId=kept)["KeyMetadata"]["KeyState"] == "Disabled"
    assert code(kms.describe_key, KeyId=lost) == "NotFoundException"
    assert accounts.giver.keys.at(lost) is None


def test_states_follow_each_other_only_as_they_can(kms: Any) -> None:
    arn = made(kms)

    assert code(kms.cancel_key_deletion, KeyId=arn) == "KMSInvalidStateException"
    assert code(kms.schedule_key_deletion, KeyId=arn, PendingWindowInDays=3) == "ValidationException"
    kms.schedule_key_deletion(KeyId=arn)
    assert code(kms.enable_key, KeyId=arn) == "KMSInvalidStateException"
    assert code(kms.schedule_key_deletion, KeyId=arn) == "KMSInvalidStateException"


def test_a_policy_is_kept_as_it_was_given(kms: Any) -> None:
    allow = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{TAKER}:root"}, "Action": "kms:*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    arn = made(kms)
    kms.put_key_policy(KeyId=arn, Policy=json.dumps(policy))

    assert json.loads(kms.get_key_policy(KeyId=arn)["Policy"]) == policy
    assert code(kms.put_key_policy, KeyId=arn, Policy="{}") == "MalformedPolicyDocumentException"
    unknown = json.dumps({"Statement": [{**allow, "NotAction": "kms:*"}]})
    assert code(kms.put_key_policy, KeyId=arn, Policy=unknown) == "NotEmbedded"


def test_a_key_is_found_by_its_alias_and_aws_keeps_its_own(accounts: Accounts, kms: Any) -> None:
    arn, name = made(kms), f"alias/{accounts.name()}"
    kms.create_alias(AliasName=name, TargetKeyId=arn)

    assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == arn
    assert kms.describe_key(KeyId="alias/aws/rds")["KeyMetadata"]["KeyManager"] == "AWS"
    assert code(kms.create_alias, AliasName=name, TargetKeyId=arn) == "AlreadyExistsException"
    assert code(kms.create_alias, AliasName="alias/aws/mine", TargetKeyId=arn) == "NotAuthorizedException"
    assert code(kms.describe_key, KeyId="alias/nobodys") == "NotFoundException"
    assert code(kms.revoke_grant, KeyId=arn, GrantId="nobodys") == "NotFoundException"


def test_a_key_is_in_one_region(accounts: Accounts) -> None:
    arn = made(client(accounts.giver, "kms", AWAY))

    assert f":{AWAY}:" in arn
    with pytest.raises(ClientError, match=f"NotFoundException.*Invalid arn {AWAY}"):
        client(accounts.giver, "kms", HOME).describe_key(KeyId=arn)


def test_a_stranger_needs_the_policy_and_iam_and_an_administrator_is_one_only_at_home(accounts: Accounts) -> None:
    open_key, closed_key = accounts.shared_key(), accounts.giver.keys.make()
    administrator = client(accounts.taker, "kms")
    accounts.taker.roles.add("looker", [Statement(("kms:DescribeKey",), on=open_key.arn)])
    accounts.taker.roles.add("nobody", [])
    nobody = client(accounts.taker, "kms", role="nobody")

    assert administrator.describe_key(KeyId=open_key.arn)["KeyMetadata"]["AWSAccountId"] == GIVER
    assert client(accounts.taker, "kms", role="looker").describe_key(KeyId=open_key.arn)["KeyMetadata"]["Enabled"]
    assert code(nobody.describe_key, KeyId=open_key.arn) == "AccessDeniedException"
    for call in ("describe_key", "disable_key", "get_key_policy"):
        assert code(getattr(administrator, call), KeyId=closed_key.arn) == "AccessDeniedException"
    assert code(administrator.disable_key, KeyId=open_key.arn) == "AccessDeniedException"
    assert code(administrator.decrypt, KeyId=closed_key.arn, CiphertextBlob=b"x") == "AccessDeniedException"
    assert code(administrator.schedule_key_deletion, KeyId=closed_key.arn) == "AccessDeniedException"
