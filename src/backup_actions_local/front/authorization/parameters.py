"""SSM's Parameter Store.

https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html
"""

from __future__ import annotations

from collections.abc import Mapping

from backup_actions_local.front.authorization.rules import (
    RESOURCE_TAGS,
    Facts,
    Keys,
    Needs,
    Params,
    Resources,
    on_everything,
    request_tags,
    via,
)
from backup_actions_local.front.policies import Context


def _arn(params: Params, facts: Facts, member: str = "Name") -> str:
    name = params[member]
    return name if name.startswith("arn:") else facts.arn("ssm", f"parameter/{name.removeprefix('/')}")


def _parameter(params: Params, facts: Facts) -> tuple[str, ...]:
    return (_arn(params, facts),)


def _tagged(params: Params, facts: Facts) -> tuple[str, ...]:
    return (_arn(params, facts, "ResourceId"),)


def _tags(params: Params) -> Mapping[str, str]:
    return {tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()}


def _written_key(*, advanced: bool) -> Resources:
    """The key under which a value is encrypted; SSM's own key lets everybody who may use SSM use it."""

    def resources(params: Params, facts: Facts) -> tuple[str, ...]:
        if params.get("Type") != "SecureString" or (params.get("Tier") == "Advanced") != advanced:
            return ()
        key = params.get("KeyId") or ""
        return (facts.as_arn("kms", "key/", key),) if key and not key.startswith("alias/aws/") else ()

    return resources


def _read_key(params: Params, facts: Facts) -> tuple[str, ...]:
    key = facts.key_of(_arn(params, facts)) if params.get("WithDecryption") else None
    return (facts.as_arn("kms", "key/", key),) if key else ()


def _encryption_context(params: Params, facts: Facts, _key: str) -> Context:
    return {"kms:EncryptionContext:PARAMETER_ARN": _arn(params, facts)}


def _overwrite(params: Params, _facts: Facts, _parameter: str) -> Context:
    return {"ssm:Overwrite": str(bool(params.get("Overwrite"))).lower()}


_OF_THE_PARAMETER = (
    via("ssm"),
    Keys(("kms:EncryptionContext:${EncryptionContextKey}",), _encryption_context),
)
_REQUEST_TAGS = request_tags(_tags)

SSM: Mapping[str, tuple[Needs, ...]] = {
    "PutParameter": (
        Needs("ssm:PutParameter", "parameter", _parameter, (_REQUEST_TAGS, Keys(("ssm:Overwrite",), _overwrite))),
        Needs(
            "ssm:AddTagsToResource",
            "parameter",
            _parameter,
            (_REQUEST_TAGS,),
            lambda params, facts: bool(_tags(params)),
        ),
        Needs("kms:Encrypt", "key", _written_key(advanced=False), _OF_THE_PARAMETER),
        Needs("kms:GenerateDataKey", "key", _written_key(advanced=True), _OF_THE_PARAMETER),
    ),
    "GetParameter": (
        Needs("ssm:GetParameter", "parameter", _parameter, (RESOURCE_TAGS,)),
        Needs("kms:Decrypt", "key", _read_key, _OF_THE_PARAMETER),
    ),
    "DeleteParameter": (Needs("ssm:DeleteParameter", "parameter", _parameter, (RESOURCE_TAGS,)),),
    "DescribeParameters": on_everything("ssm:DescribeParameters"),
    "ListTagsForResource": (Needs("ssm:ListTagsForResource", "parameter", _tagged, (RESOURCE_TAGS,)),),
}
