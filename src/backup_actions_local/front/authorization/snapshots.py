"""RDS and EC2: snapshots that are copied, shared and deleted.

What RDS asks of source and target, and which tags it shows in its own keys:
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAM.SpecifyingCustomTags.html
What EC2 asks of the source:
https://aws.amazon.com/blogs/storage/enhancing-resource-level-permissions-for-copying-amazon-ebs-snapshots/
What of the keys of both: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/share-encrypted-snapshot.html
https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html
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
    constant,
    request_tags,
)
from backup_actions_local.front.policies import Context

# ----------------------------------------------------------------------------------------------------------------- keys


def key_named(member: str) -> Resources:
    """The key that a parameter names by its ARN, id or alias; none if it names none."""

    def resources(params: Params, facts: Facts) -> tuple[str, ...]:
        wanted = params.get(member)
        if not wanted:
            return ()
        arn = facts.as_arn("kms", "" if wanted.startswith("alias/") else "key/", wanted)
        return (facts.key_of(arn) or arn,)

    return resources


def _via(service: str) -> Keys:
    """A key is used in its own region, also for a copy in another."""
    return Keys(
        ("kms:ViaService",),
        lambda params, facts, arn: {"kms:ViaService": f"{service}.{arn.split(':')[3]}.amazonaws.com"},
    )


def _uses_of_keys(service: str, old: Resources, new: Resources, *, later: bool) -> tuple[Needs, ...]:
    """The service reads with one key and writes with another, on the caller's behalf; EBS asks all of either."""
    via = _via(service)

    def both(params: Params, facts: Facts) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*old(params, facts), *new(params, facts))))

    read = both if service == "ec2" else old
    grants = (via, constant("kms:GrantIsForAWSResource", "true"))
    return (
        Needs("kms:DescribeKey", "key", both, (via,), later=later),
        Needs("kms:CreateGrant", "key", both, grants, later=later),
        Needs("kms:Decrypt", "key", read, (via,), later=later),
        Needs("kms:ReEncryptFrom", "key", read, (via,), later=later),
        Needs("kms:GenerateDataKeyWithoutPlaintext", "key", new, (via,), later=later),
        Needs("kms:ReEncryptTo", "key", new, (via,), later=later),
    )


# ------------------------------------------------------------------------------------------------------------------ RDS


def _tags(params: Params) -> Mapping[str, str]:
    return {tag["Key"]: tag.get("Value") or "" for tag in params.get("Tags") or ()}


def _named(kind: str, member: str) -> Resources:
    def resources(params: Params, facts: Facts) -> tuple[str, ...]:
        name = params[member]
        return (facts.as_arn("rds", f"{kind}:", name if name.startswith("arn:") else name.lower()),)

    return resources


def _own_tags(prefix: str) -> Keys:
    """RDS's own key for the tags that the resource has."""
    return Keys(
        (f"rds:{prefix}/${{TagKey}}",),
        lambda params, facts, arn: {f"rds:{prefix}/{key}": value for key, value in facts.tags_of(arn).items()},
    )


def _asked_tags(params: Params, _facts: Facts, _arn: str) -> Context:
    return {f"rds:req-tag/{key}": value for key, value in _tags(params).items()}


_REQUEST_TAGS = (request_tags(_tags), Keys(("rds:req-tag/${TagKey}",), _asked_tags))
_TAGS_OF = {
    "snapshot": (RESOURCE_TAGS, _own_tags("snapshot-tag")),
    "cluster-snapshot": (RESOURCE_TAGS, _own_tags("cluster-snapshot-tag")),
}


def _rds(noun: str, kind: str) -> Mapping[str, tuple[Needs, ...]]:
    """Every operation on one kind of snapshot."""
    tags, one = _TAGS_OF[kind], _named(kind, f"{noun}Identifier")
    source, target = _named(kind, f"Source{noun}Identifier"), _named(kind, f"Target{noun}Identifier")

    def old_key(params: Params, facts: Facts) -> tuple[str, ...]:
        return tuple(key for arn in source(params, facts) if (key := facts.key_of(arn)))

    def new_key(params: Params, facts: Facts) -> tuple[str, ...]:
        """That which is named; the source's is kept in its own account."""
        kept = tuple(key for key in old_key(params, facts) if key.split(":")[4] == facts.account)
        return key_named("KmsKeyId")(params, facts) or kept

    return {
        f"Copy{noun}": (
            Needs(f"rds:Copy{noun}", kind, source, (*tags, *_REQUEST_TAGS)),
            Needs(f"rds:Copy{noun}", kind, target, (*tags, *_REQUEST_TAGS)),
            Needs("rds:AddTagsToResource", kind, target, _REQUEST_TAGS, lambda params, facts: bool(_tags(params))),
            *_uses_of_keys("rds", old_key, new_key, later=False),
        ),
        f"Modify{noun}Attribute": (Needs(f"rds:Modify{noun}Attribute", kind, one, tags),),
        f"Describe{noun}Attributes": (Needs(f"rds:Describe{noun}Attributes", kind, one, tags),),
        f"Delete{noun}": (Needs(f"rds:Delete{noun}", kind, one, tags),),
    }


def _if_of(kind: str) -> Resources:
    """What is given tags or loses some, if it is of this type."""

    def resources(params: Params, _facts: Facts) -> tuple[str, ...]:
        arn = params["ResourceName"]
        return (arn,) if f":{kind}:" in arn else ()

    return resources


def _retagged(action: str, keys: tuple[Keys, ...]) -> tuple[Needs, ...]:
    return tuple(
        Needs(action, kind, _if_of(kind), (*_TAGS_OF.get(kind, (RESOURCE_TAGS,)), *keys))
        for kind in ("db", "cluster", *_TAGS_OF)
    )


def _removed_tags(params: Params, _facts: Facts, _arn: str) -> Context:
    return {"aws:TagKeys": tuple(sorted(params.get("TagKeys") or ()))}


RDS_SNAPSHOTS: Mapping[str, tuple[Needs, ...]] = {
    **_rds("DBSnapshot", "snapshot"),
    **_rds("DBClusterSnapshot", "cluster-snapshot"),
    "AddTagsToResource": _retagged("rds:AddTagsToResource", _REQUEST_TAGS),
    "RemoveTagsFromResource": _retagged("rds:RemoveTagsFromResource", (Keys(("aws:TagKeys",), _removed_tags),)),
}

# ------------------------------------------------------------------------------------------------------------------ EC2


def _snapshot(params: Params, facts: Facts) -> tuple[str, ...]:
    return (f"arn:{facts.partition}:ec2:{facts.region}::snapshot/{params['SnapshotId']}",)


def _source(params: Params, facts: Facts) -> tuple[str, ...]:
    return (f"arn:{facts.partition}:ec2:{params['SourceRegion']}::snapshot/{params['SourceSnapshotId']}",)


def _new_snapshot(_params: Params, facts: Facts) -> tuple[str, ...]:
    return (f"arn:{facts.partition}:ec2:{facts.region}::snapshot/*",)


def _old_key(params: Params, facts: Facts) -> tuple[str, ...]:
    return tuple(key for arn in _source(params, facts) if (key := facts.key_of(arn)))


def _new_key(params: Params, facts: Facts) -> tuple[str, ...]:
    """That which is named; EBS's own needs no permission but to use EC2."""
    return key_named("KmsKeyId")(params, facts)


def _new_tags(params: Params) -> Mapping[str, str]:
    return {
        tag["Key"]: tag.get("Value", "")
        for specification in params.get("TagSpecifications") or ()
        if specification.get("ResourceType") == "snapshot"
        for tag in specification.get("Tags", ())
    }


def _about_it(_params: Params, facts: Facts, arn: str) -> Context:
    known = {"ec2:Owner": facts.owner_of(arn), "ec2:SnapshotID": arn.rpartition("/")[2]}
    tags = {f"ec2:ResourceTag/{key}": value for key, value in facts.tags_of(arn).items()}
    return {name: value for name, value in known.items() if value} | tags


def _shared(params: Params, _facts: Facts, _arn: str) -> Context:
    """With whom it is shared, and with whom no more.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html#amazonec2-policy-keys
    """
    change = params.get("CreateVolumePermission") or {}
    found: dict[str, list[str]] = {}
    for way in ("Add", "Remove"):
        for each in change.get(way) or ():
            for member, key in (("UserId", "userId"), ("Group", "group")):
                if each.get(member):
                    found.setdefault(f"ec2:{way}/{key}", []).append(each[member])
    way = str(params.get("OperationType") or "add").capitalize()
    for member, key in (("UserIds", "userId"), ("GroupNames", "group")):
        if params.get(member):
            found.setdefault(f"ec2:{way}/{key}", []).extend(params[member])
    return {name: values[0] if len(values) == 1 else tuple(values) for name, values in found.items()}


_IT = (RESOURCE_TAGS, Keys(("ec2:ResourceTag/${TagKey}", "ec2:Owner", "ec2:SnapshotID"), _about_it))
_NEW_TAGS = request_tags(_new_tags)
_SHARING = Keys(("ec2:Add/userId", "ec2:Add/group", "ec2:Remove/userId", "ec2:Remove/group"), _shared)

EC2_SNAPSHOTS: Mapping[str, tuple[Needs, ...]] = {
    "CopySnapshot": (
        Needs("ec2:CopySnapshot", "snapshot", _source, _IT),
        Needs("ec2:CopySnapshot", "snapshot", _new_snapshot, (_NEW_TAGS,)),
        Needs(
            "ec2:CreateTags",
            "snapshot",
            _new_snapshot,
            (_NEW_TAGS, constant("ec2:CreateAction", "CopySnapshot")),
            lambda params, facts: bool(_new_tags(params)),
        ),
        # The call is answered before anybody asks for the keys.
        # https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html
        *_uses_of_keys("ec2", _old_key, _new_key, later=True),
    ),
    "ModifySnapshotAttribute": (Needs("ec2:ModifySnapshotAttribute", "snapshot", _snapshot, (*_IT, _SHARING)),),
    "DescribeSnapshotAttribute": (Needs("ec2:DescribeSnapshotAttribute", "snapshot", _snapshot, _IT),),
    "DeleteSnapshot": (Needs("ec2:DeleteSnapshot", "snapshot", _snapshot, _IT),),
}
