"""KMS keys: whether they can be used, whom their policies let use them, and the grants that services were given.

https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from backup_actions_local.front.resource_policies import ResourcePolicy
from backup_actions_local.services.identifiers import Identifiers

if TYPE_CHECKING:
    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.place import Place

ENABLED, DISABLED, PENDING_DELETION = "Enabled", "Disabled", "PendingDeletion"
_MANAGED = "alias/aws/"
# What a service that copies snapshots asks for, read and write.
_OPERATIONS = ("Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo")


@dataclass(eq=False, slots=True, kw_only=True)
class Grant:
    """A service may use the key for one thing, until the grant is revoked or retired."""

    id: str
    key: Key
    grantee: str
    """The service, ``rds.amazonaws.com``."""
    issued_in: str
    """The account on whose behalf it was given."""
    created: datetime

    @property
    def is_good(self) -> bool:
        """Whether the service can use the key at this moment."""
        return self.key.state == ENABLED and self.key.grants.get(self.id) is self

    def end(self) -> None:
        """It is no more, also if it was not there any more."""
        self.key.grants.pop(self.id, None)

    def answer(self) -> dict[str, Any]:
        """The grant as ListGrants has it."""
        return {
            "KeyId": self.key.arn,
            "GrantId": self.id,
            "CreationDate": self.created,
            "GranteePrincipal": self.grantee,
            "IssuingAccount": f"arn:{self.key.arn.split(':')[1]}:iam::{self.issued_in}:root",
            "Operations": list(_OPERATIONS),
        }


@dataclass(eq=False, slots=True, kw_only=True)
class Key:
    """A symmetric key for encryption."""

    arn: str
    policy: Mapping[str, Any]
    rules: ResourcePolicy
    """What the policy says."""
    created: datetime
    description: str = ""
    manager: str = "CUSTOMER"
    """``AWS`` for a service's own in this account, whose policy nobody changes."""
    state: str = ENABLED
    deleted_at: datetime | None = None
    """When it will be, in the state PendingDeletion."""
    grants: dict[str, Grant] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The last part of its ARN."""
        return self.arn.rpartition("/")[2]

    @property
    def region(self) -> str:
        """The one region that it can be used in."""
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        """Whose it is."""
        return self.arn.split(":")[4]

    @property
    def is_default(self) -> bool:
        """Whether a service made it for those who name no key."""
        return self.manager == "AWS"


class Keys:
    """The keys of one account, in whatever region. A world may be prepared with keys that nobody makes."""

    def __init__(self, *, clock: SimulatedClock, place: Place) -> None:
        self._clock, self._place = clock, place
        self._identifiers = Identifiers(f"kms {place.account}")
        self._keys: dict[str, Key] = {}
        self._deleted: set[str] = set()
        self._default_policy = _policy_for_iam(place)
        self._default_rules = ResourcePolicy.from_document(self._default_policy, rules_alone=True)
        self.aliases: dict[str, str] = {}
        """The ARN of an alias → that of its key."""

    def make(
        self, key_id: str = "", *, description: str = "", policy: Mapping[str, Any] | None = None, region: str = ""
    ) -> Key:
        """A new key, with an id of its own unless one is given; without a policy IAM decides everything.

        Raises NotEmbedded for a policy with anything that is not known here, ValueError for what is no policy.
        """
        key = self._new(self._arn(f"key/{key_id or self._identifiers.uuid()}", region))
        key.description = description
        if policy is not None:
            self.put_policy(key, policy)
        return key

    def put_policy(self, key: Key, policy: Mapping[str, Any]) -> None:
        """The key has this policy from now on. Raises NotEmbedded, ValueError."""
        key.rules = ResourcePolicy.from_document(policy, rules_alone=True)
        key.policy = policy
        self._clock.changed()

    def managed_by(self, service: str, *, region: str = "") -> Key:
        """The key that a service (``rds``, ``ebs``) uses for those who name none."""
        alias = self._arn(f"{_MANAGED}{service}", region)
        if alias not in self.aliases:
            key = self.make(policy=_policy_of_managed(service, self._place.account), region=region)
            key.manager, key.description = "AWS", f"Default key that protects my {service.upper()} data"
            self.aliases[alias] = key.arn
        return self._keys[self.aliases[alias]]

    def find(self, identifier: str, *, region: str = "") -> Key | None:
        """By id, ARN, alias or alias's ARN; a service's own is made when somebody first names it."""
        name = identifier if identifier.startswith(("arn:", "alias/")) else f"key/{identifier}"
        arn = name if name.startswith("arn:") else self._arn(name, region)
        kind, _, rest = arn.split(":", 5)[-1].partition("/")
        if kind == "alias" and rest.startswith("aws/") and arn.split(":")[4] == self._place.account:
            return self.managed_by(rest.removeprefix("aws/"), region=arn.split(":")[3])
        self._settle()
        return self._keys.get(self.aliases.get(arn, arn))

    def arn_of(self, alias: str) -> str | None:
        """The ARN of the key that has this alias, given as an ARN."""
        key = self.find(alias) if ":alias/" in alias else None
        return key.arn if key else None

    def at(self, arn: str) -> Key | None:
        """The key of what is encrypted with it; None of another account's. What nobody has made is as if just made."""
        key = self.find(arn)
        named = arn if arn.startswith("arn:") else self._arn(f"key/{arn}", "")
        if key is not None or named in self._deleted or named.split(":")[4] != self._place.account:
            return key
        return self._new(named)

    def can_use(self, arn: str) -> bool:
        """Whether what is encrypted with the account's own key can be read, by whoever may; no key is no hindrance."""
        key = self.at(arn) if arn else None
        return not arn or (key is not None and key.state == ENABLED)

    def rules_of(self, arn: str) -> ResourcePolicy:
        """What the policy of the key with this ARN says, whether somebody has made it or not."""
        key = self.find(arn)
        return key.rules if key else self._default_rules

    def grant(self, key: Key, service: str, *, issued_in: str) -> Grant:
        """The service may use the key of this or another account on somebody's behalf."""
        grant_id = self._identifiers.uuid().replace("-", "")
        grant = Grant(
            id=grant_id, key=key, grantee=f"{service}.amazonaws.com", issued_in=issued_in, created=self._now()
        )
        key.grants[grant_id] = grant
        return grant

    def change(self, key: Key, state: str, *, deleted_at: datetime | None = None) -> None:
        """The key is in another state, and whoever waits with it in use hears of it."""
        key.state, key.deleted_at = state, deleted_at
        self._clock.changed()

    def revoke(self, grant: Grant) -> None:
        """The service cannot use the key any more."""
        grant.end()
        self._clock.changed()

    def pending_until(self, days: int) -> datetime:
        """When a key is deleted whose deletion is asked for now."""
        return self._now() + timedelta(days=days)

    def _new(self, arn: str) -> Key:
        key = Key(arn=arn, policy=self._default_policy, rules=self._default_rules, created=self._now())
        self._keys[arn] = key
        return key

    def _settle(self) -> None:
        now = self._now()
        for key in [key for key in self._keys.values() if key.deleted_at is not None and now >= key.deleted_at]:
            key.grants.clear()
            self._deleted.add(key.arn)
            self._keys.pop(key.arn, None)

    def _now(self) -> datetime:
        return self._clock.now()

    def _arn(self, resource: str, region: str) -> str:
        place = self._place
        return f"arn:{place.partition}:kms:{region or place.region}:{place.account}:{resource}"


def _policy_for_iam(place: Place) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html ."""
    root = f"arn:{place.partition}:iam::{place.account}:root"
    statement = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _policy_of_managed(service: str, account: str) -> Mapping[str, Any]:
    """Everybody of the account, through the service, and nobody else.

    https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-cmk
    """
    through = "ec2" if service == "ebs" else service
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [
            "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*",
            "kms:ReEncrypt*",
        ],
        "Resource": "*",
        "Condition": {
            "StringEquals": {"kms:CallerAccount": account},
            "StringLike": {"kms:ViaService": f"{through}.*.amazonaws.com"},
        },
    }  # fmt: skip
    return {"Version": "2012-10-17", "Statement": [statement]}
