"""A key of one's own: whether it can be used, and lets the roles of the deployment use it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from backup_actions.account.results import good, wrong
from backup_actions.account.surroundings import unless
from backup_actions.lifecycle.key_policy import key_policy_needed
from backup_actions.lifecycle.key_policy_judged import key_policy_objections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backup_actions.account.results import Result
    from backup_actions.account.surroundings import Surroundings

_KEY = "archive_bucket.key_arn"


def key(around: Surroundings) -> Iterator[Result]:
    """Whether the key is there, enabled, encrypts, and has a policy that gives what is needed."""
    arn = around.settings.archive_bucket.key_arn
    if arn is None:
        return
    answer = unless(("NotFoundException",), lambda: around.clients.kms.describe_key(KeyId=arn))
    if answer is None:
        yield wrong(_KEY, f"there is no key {arn}")
        return
    described = answer["KeyMetadata"]
    if described.get("KeyState") != "Enabled":
        yield wrong(_KEY, f"the key is {described.get('KeyState')}")
    elif described.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
        yield wrong(_KEY, f"the key is {described.get('KeySpec')}: S3 needs a symmetric one")
    elif described.get("KeyManager") == "AWS":
        yield wrong(_KEY, "the key is AWS's own, whose policy nobody can change")
    else:
        yield from _policy(around, arn)


def _policy(around: Surroundings, arn: str) -> Iterator[Result]:
    document = json.loads(around.clients.kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
    objections = key_policy_objections(document, key_policy_needed(around.settings, around.actions))
    for objection in objections:
        yield wrong(_KEY, f"{objection}; `backup-actions check --key-policy` prints what is needed")
    if not objections:
        yield good(_KEY, "its policy lets the roles of the deployment use it")
