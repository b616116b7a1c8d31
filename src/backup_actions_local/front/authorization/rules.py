"""The words that the table is written in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from backup_actions_local.front.policies import Check, Context

Params = Mapping[str, Any]
TagsOf = Callable[[str], Mapping[str, str]]
"""The tags of the resource with this ARN; empty if it has none or there is no such resource."""
KeyOf = Callable[[str], str | None]
"""The ARN of the KMS key that encrypts the snapshot, volume or bucket with this ARN, or that has it as an alias."""
OwnerOf = Callable[[str], str]
"""The account whose EBS snapshot this ARN names, which tells none; empty if there is no such snapshot."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Where the call is made, and what is known of resources besides their names."""

    account: str
    region: str
    tags_of: TagsOf = lambda arn: {}
    key_of: KeyOf = lambda arn: None
    partition: str = "aws"
    owner_of: OwnerOf = lambda arn: ""

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something of this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def as_arn(self, service: str, kind: str, name_or_arn: str) -> str:
        """Most parameters take a name or an ARN: make it an ARN, ``kind`` with its separator (``job/``)."""
        return name_or_arn if name_or_arn.startswith("arn:") else self.arn(service, kind + name_or_arn)


Resources = Callable[[Params, Facts], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Keys:
    """Condition keys that a check carries: their names in the reference, and their values for a call."""

    names: tuple[str, ...]
    values: Callable[[Params, Facts, str], Context]


@dataclass(frozen=True, slots=True)
class Needs:
    """A call needs this action on these resources, with these condition keys, always or under a condition."""

    action: str
    resource_type: str | None
    """Its name in the reference; None where the action knows no resources but ``*``."""
    resources: Callable[[Params, Facts], Iterable[str]]
    keys: tuple[Keys, ...] = ()
    when: Callable[[Params, Facts], bool] | None = None
    later: bool = False
    """Whether the call is answered without it, and what it began fails when nobody waits for the answer any more."""

    def checks(self, params: Params, facts: Facts) -> Iterable[Check]:
        """The questions to IAM, one a resource."""
        if self.when is not None and not self.when(params, facts):
            return
        for resource in self.resources(params, facts):
            context: dict[str, str | tuple[str, ...]] = {}
            for keys in self.keys:
                context.update(keys.values(params, facts, resource))
            yield Check(self.action, resource, context)


def everything(_params: Params, _facts: Facts) -> tuple[str, ...]:
    """The resource of actions that know no other."""
    return ("*",)


def on_everything(action: str, *keys: Keys) -> tuple[Needs, ...]:
    """An action that can only be allowed on ``*``."""
    return (Needs(action, None, everything, keys),)


RESOURCE_TAGS = Keys(
    ("aws:ResourceTag/${TagKey}",),
    lambda params, facts, arn: {f"aws:ResourceTag/{key}": value for key, value in facts.tags_of(arn).items()},
)
"""The tags that the resource has."""


def request_tags(tags_of_request: Callable[[Params], Mapping[str, str]]) -> Keys:
    """The tags that the call gives to the resource."""

    def values(params: Params, _facts: Facts, _arn: str) -> Context:
        tags = tags_of_request(params)
        if not tags:
            return {}
        return {**{f"aws:RequestTag/{key}": value for key, value in tags.items()}, "aws:TagKeys": tuple(sorted(tags))}

    return Keys(("aws:RequestTag/${TagKey}", "aws:TagKeys"), values)


def parameters(**key_of_member: str) -> Keys:
    """Condition keys that are parameters of the call, ``Member="service:Key"``."""

    def values(params: Params, _facts: Facts, _arn: str) -> Context:
        given = ((key, params.get(member)) for member, key in key_of_member.items())
        return {
            key: str(value).lower() if isinstance(value, bool) else str(value)
            for key, value in given
            if value is not None
        }

    return Keys(tuple(key_of_member.values()), values)


def via(service: str) -> Keys:
    """Marks the use of a key by a service on the caller's behalf."""
    return Keys(
        ("kms:ViaService",), lambda params, facts, arn: {"kms:ViaService": f"{service}.{facts.region}.amazonaws.com"}
    )


def constant(key: str, value: str) -> Keys:
    """A condition key that always has this value in such a call."""
    return Keys((key,), lambda params, facts, arn: {key: value})


def passing_role(member: str, service: str) -> Needs:
    """The role that the call names is handed to a service, ``export.rds.amazonaws.com``."""
    return Needs(
        "iam:PassRole", "role", lambda params, facts: (params[member],), (constant("iam:PassedToService", service),)
    )
