"""KMS as far as keys for snapshots go: made, described, disabled, deleted, given a policy; their grants.

Error codes: the botocore model. https://docs.aws.amazon.com/kms/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from backup_actions.errors import NotEmbedded
from backup_actions_local.calls import Call, Handler, Refused
from backup_actions_local.services.keys import DISABLED, ENABLED, PENDING_DELETION, Key, Keys
from backup_actions_local.services.paging import only

_WINDOW_DAYS = (7, 30)


class Kms:
    """The operations. ``of_others`` finds a key of another account by its ARN, whoever may use it."""

    name = "kms"
    everywhere = frozenset(
        {
            "CreateKey", "DescribeKey", "EnableKey", "DisableKey", "ScheduleKeyDeletion", "CancelKeyDeletion",
            "GetKeyPolicy", "PutKeyPolicy", "CreateAlias", "ListGrants", "RevokeGrant",
        }
    )  # fmt: skip

    def __init__(self, keys: Keys, *, of_others: Callable[[str], Key | None]) -> None:
        self._keys, self._of_others = keys, of_others

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        return {
            "CreateKey": self._create,
            "DescribeKey": self._describe,
            "EnableKey": lambda call: self._set(call, ENABLED),
            "DisableKey": lambda call: self._set(call, DISABLED),
            "ScheduleKeyDeletion": self._schedule_deletion,
            "CancelKeyDeletion": self._cancel_deletion,
            "GetKeyPolicy": self._get_policy,
            "PutKeyPolicy": self._put_policy,
            "CreateAlias": self._create_alias,
            "ListGrants": self._list_grants,
            "RevokeGrant": self._revoke_grant,
        }

    def _create(self, call: Call) -> Mapping[str, Any]:
        only(call, "Description", "Policy", "KeyUsage", "KeySpec", "Origin")
        policy = call.params.get("Policy")
        key = self._keys.make(description=call.params.get("Description") or "", region=call.region)
        if policy:
            self._give_policy(key, policy)
        return {"KeyMetadata": _metadata(key)}

    def _describe(self, call: Call) -> Mapping[str, Any]:
        only(call, "KeyId")
        return {"KeyMetadata": _metadata(self._key(call))}

    def _set(self, call: Call, state: str) -> Mapping[str, Any]:
        only(call, "KeyId")
        key = self._own(call)
        if key.state == PENDING_DELETION:
            raise Refused("KMSInvalidStateException", f"{key.arn} is pending deletion.")
        self._keys.change(key, state)
        return {}

    def _schedule_deletion(self, call: Call) -> Mapping[str, Any]:
        only(call, "KeyId", "PendingWindowInDays")
        key, days = self._own(call), call.params.get("PendingWindowInDays") or _WINDOW_DAYS[1]
        if not _WINDOW_DAYS[0] <= days <= _WINDOW_DAYS[1]:
            raise Refused("ValidationException", "PendingWindowInDays must be between 7 and 30")
        if key.state == PENDING_DELETION:
            raise Refused("KMSInvalidStateException", f"{key.arn} is pending deletion.")
        deleted_at = self._keys.pending_until(days)
        self._keys.change(key, PENDING_DELETION, deleted_at=deleted_at)
        answer = {"KeyId": key.arn, "DeletionDate": deleted_at}
        return answer | {"KeyState": key.state, "PendingWindowInDays": days}

    def _cancel_deletion(self, call: Call) -> Mapping[str, Any]:
        only(call, "KeyId")
        key = self._own(call)
        if key.state != PENDING_DELETION:
            raise Refused("KMSInvalidStateException", f"{key.arn} is not pending deletion.")
        self._keys.change(key, DISABLED)
        return {"KeyId": key.arn}

    def _get_policy(self, call: Call) -> Mapping[str, Any]:
        only(call, "KeyId", "PolicyName")
        return {"Policy": json.dumps(self._own(call).policy), "PolicyName": "default"}

    def _put_policy(self, call: Call) -> Mapping[str, Any]:
        only(call, "KeyId", "PolicyName", "Policy")
        self._give_policy(self._own(call), call.params["Policy"])
        return {}

    def _create_alias(self, call: Call) -> Mapping[str, Any]:
        only(call, "AliasName", "TargetKeyId")
        name, key = call.params["AliasName"], self._own(call, "TargetKeyId")
        if name.startswith("alias/aws/"):
            raise Refused("NotAuthorizedException", "Aliases that begin with alias/aws/ are reserved.")
        alias = f"{key.arn.rpartition(':')[0]}:{name}"
        if alias in self._keys.aliases:
            raise Refused("AlreadyExistsException", f"An alias with the name {alias} already exists")
        self._keys.aliases[alias] = key.arn
        return {}

    def _list_grants(self, call: Call) -> Mapping[str, Any]:
        only(call, "KeyId", "GrantId", "GranteePrincipal")
        grants = list(self._own(call).grants.values())
        wanted = {"id": call.params.get("GrantId"), "grantee": call.params.get("GranteePrincipal")}
        for attribute, value in wanted.items():
            grants = [grant for grant in grants if value in {None, getattr(grant, attribute)}]
        return {"Grants": [grant.answer() for grant in grants], "Truncated": False}

    def _revoke_grant(self, call: Call) -> Mapping[str, Any]:
        only(call, "KeyId", "GrantId")
        grant = self._own(call).grants.get(call.params["GrantId"])
        if grant is None:
            raise Refused("NotFoundException", f"Grant ID {call.params['GrantId']} not found")
        self._keys.revoke(grant)
        return {}

    def _give_policy(self, key: Key, text: str) -> None:
        try:
            self._keys.put_policy(key, json.loads(text))
        except ValueError as wrong:
            raise Refused("MalformedPolicyDocumentException", f"The key policy is not valid: {wrong}") from wrong
        except NotEmbedded as unknown:
            raise Refused("NotEmbedded", str(unknown), 501) from unknown

    def _own(self, call: Call, member: str = "KeyId") -> Key:
        found = self._keys.find(call.params[member], region=call.region)
        if found is None:
            raise _missing(call.params[member])
        return found

    def _key(self, call: Call) -> Key:
        """Another account's too, which its policy was asked about already."""
        identifier = call.params["KeyId"]
        region = identifier.split(":")[3] if identifier.startswith("arn:") else call.region
        if call.region not in {"", region}:
            raise Refused("NotFoundException", f"Invalid arn {region}")
        found = self._keys.find(identifier, region=call.region) or self._of_others(identifier)
        if found is None:
            raise _missing(identifier)
        return found


def _missing(identifier: str) -> Refused:
    return Refused("NotFoundException", f"Key '{identifier}' does not exist")


def _metadata(key: Key) -> dict[str, Any]:
    return {
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": key.created,
        "Enabled": key.state == ENABLED,
        "Description": key.description,
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": key.state,
        "Origin": "AWS_KMS",
        "KeyManager": key.manager,
        "KeySpec": "SYMMETRIC_DEFAULT",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": False,
    } | ({"DeletionDate": key.deleted_at} if key.deleted_at else {})
