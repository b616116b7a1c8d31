"""EC2 and EBS direct.

https://docs.aws.amazon.com/ebs/latest/userguide/how-ebs-encryption-works.html (what is asked of the key's owner)
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html (ec2:CreateAction)
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
    on_everything,
    parameters,
    request_tags,
    via,
)
from backup_actions_local.front.authorization.snapshots import EC2_SNAPSHOTS
from backup_actions_local.front.policies import Context

_TYPES = {"vol": "volume", "snap": "snapshot", "i": "instance", "ami": "image"}


def _arn(facts: Facts, identifier: str) -> str:
    """The ARN of an id such as ``vol-…``. Those of snapshots and images have no account."""
    kind = _TYPES.get(identifier.partition("-")[0], "unknown")
    account = "" if kind in {"snapshot", "image"} else facts.account
    return f"arn:{facts.partition}:ec2:{facts.region}:{account}:{kind}/{identifier}"


def _volume(params: Params, facts: Facts) -> tuple[str, ...]:
    return (_arn(facts, params["VolumeId"]),)


def _image(params: Params, facts: Facts) -> tuple[str, ...]:
    return (_arn(facts, params["ImageId"]),)


def _new_volume(_params: Params, facts: Facts) -> tuple[str, ...]:
    return (facts.arn("ec2", "volume/*"),)


def _snapshot(params: Params, facts: Facts) -> tuple[str, ...]:
    return (_arn(facts, params["SnapshotId"]),) if params.get("SnapshotId") else ()


def _instance(params: Params, facts: Facts) -> tuple[str, ...]:
    """DetachVolume may leave the instance out; then nothing narrower than all of them can be asked."""
    return (facts.arn("ec2", f"instance/{params.get('InstanceId') or '*'}"),)


def _tagged(kind: str) -> Resources:
    """Those of this type of all that are given tags."""

    def resources(params: Params, facts: Facts) -> tuple[str, ...]:
        arns = (_arn(facts, identifier) for identifier in params["Resources"])
        return tuple(arn for arn in arns if (":snapshot/" in arn) == (kind == "snapshot"))

    return resources


def _source_key(params: Params, facts: Facts) -> tuple[str, ...]:
    """The key of the snapshot that a volume is made from."""
    key = next((facts.key_of(arn) for arn in _snapshot(params, facts)), None)
    return (key,) if key else ()


def _target_key(params: Params, facts: Facts) -> tuple[str, ...]:
    """The key of the new volume: its own, or the snapshot's. An id or alias stands for itself."""
    wanted = params.get("KmsKeyId")
    return (facts.as_arn("kms", "key/", wanted),) if wanted else _source_key(params, facts)


def _key_of_volume(params: Params, facts: Facts) -> tuple[str, ...]:
    """The key of the volume that is attached; none if it is not encrypted."""
    key = next((facts.key_of(arn) for arn in _volume(params, facts)), None)
    return (facts.key_of(key) or key,) if key else ()


def _is_encrypted(params: Params, facts: Facts) -> bool:
    return bool(_target_key(params, facts))


def _changes_key(params: Params, facts: Facts) -> bool:
    return bool(_source_key(params, facts)) and _source_key(params, facts) != _target_key(params, facts)


def _volume_tags(params: Params) -> Mapping[str, str]:
    return {
        tag["Key"]: tag["Value"]
        for specification in params.get("TagSpecifications", ())
        if specification.get("ResourceType") == "volume"
        for tag in specification.get("Tags", ())
    }


def _standalone_tags(params: Params) -> Mapping[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in params["Tags"]}


def _deleted_tags(params: Params, _facts: Facts, _arn_of_it: str) -> Context:
    return {"aws:TagKeys": tuple(sorted(tag["Key"] for tag in params.get("Tags") or ()))}


def _resource_tags(params: Params, facts: Facts, arn: str) -> Context:
    return {f"ec2:ResourceTag/{key}": value for key, value in facts.tags_of(arn).items()}


def _new_volume_values(params: Params, facts: Facts, _arn_of_it: str) -> Context:
    values = {
        "ec2:VolumeType": str(params.get("VolumeType", "gp2")),
        "ec2:Encrypted": str(_is_encrypted(params, facts) or bool(params.get("Encrypted"))).lower(),
    }
    for snapshot in _snapshot(params, facts):
        values["ec2:ParentSnapshot"] = snapshot
    return values


def _snapshot_values(_params: Params, facts: Facts, arn: str) -> Context:
    return {"ec2:Encrypted": str(facts.key_of(arn) is not None).lower()}


_TAGS = (RESOURCE_TAGS, Keys(("ec2:ResourceTag/${TagKey}",), _resource_tags))
_NEW_VOLUME_TAGS = request_tags(_volume_tags)
_NEW_VOLUME = (
    _NEW_VOLUME_TAGS,
    Keys(("ec2:VolumeType", "ec2:ParentSnapshot", "ec2:Encrypted"), _new_volume_values),
    parameters(
        AvailabilityZone="ec2:AvailabilityZone",
        Size="ec2:VolumeSize",
        Iops="ec2:VolumeIops",
        Throughput="ec2:VolumeThroughput",
        VolumeInitializationRate="ec2:VolumeInitializationRate",
    ),
)
_VIA_EC2 = via("ec2")


def _retagged(action: str, keys: Keys) -> tuple[Needs, ...]:
    return tuple(Needs(action, kind, _tagged(kind), (*_TAGS, keys)) for kind in ("volume", "snapshot"))


_EBS_READ = (RESOURCE_TAGS,)


def _uses_key(action: str) -> Needs:
    return Needs(action, "key", _target_key, (_VIA_EC2,), _is_encrypted)


def _read_snapshots(params: Params, facts: Facts) -> tuple[str, ...]:
    """The snapshot that is read; of two that are compared, both."""
    members = ("SnapshotId", "FirstSnapshotId", "SecondSnapshotId")
    return tuple(_arn(facts, params[member]) for member in members if params.get(member))


def _read_keys(params: Params, facts: Facts) -> tuple[str, ...]:
    return tuple({key: None for arn in _read_snapshots(params, facts) if (key := facts.key_of(arn))})


def _reads_blocks(action: str) -> tuple[Needs, ...]:
    """EBS decrypts as EC2: in AWS's own policies for these calls the key is used through EC2.

    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonInspector2AgentlessServiceRolePolicy.html
    """
    return (
        Needs(action, "snapshot", _read_snapshots, _EBS_READ),
        Needs("kms:Decrypt", "key", _read_keys, (_VIA_EC2,)),
    )


EC2: Mapping[str, tuple[Needs, ...]] = {
    "DescribeVolumes": on_everything("ec2:DescribeVolumes"),
    "DescribeSnapshots": on_everything("ec2:DescribeSnapshots"),
    "DescribeAvailabilityZones": on_everything("ec2:DescribeAvailabilityZones"),
    "DescribeInstances": on_everything("ec2:DescribeInstances"),
    "DescribeImages": on_everything("ec2:DescribeImages"),
    "DescribeImageAttribute": (Needs("ec2:DescribeImageAttribute", "image", _image, _TAGS),),
    "CreateVolume": (
        Needs("ec2:CreateVolume", "volume", _new_volume, _NEW_VOLUME),
        Needs("ec2:CreateVolume", "snapshot", _snapshot, (*_TAGS, Keys(("ec2:Encrypted",), _snapshot_values))),
        Needs(
            "ec2:CreateTags",
            "volume",
            _new_volume,
            (_NEW_VOLUME_TAGS, constant("ec2:CreateAction", "CreateVolume")),
            lambda params, facts: bool(_volume_tags(params)),
        ),
        _uses_key("kms:DescribeKey"),
        _uses_key("kms:GenerateDataKeyWithoutPlaintext"),
        Needs(
            "kms:CreateGrant",
            "key",
            _target_key,
            (_VIA_EC2, constant("kms:GrantIsForAWSResource", "true")),
            _is_encrypted,
        ),
        Needs("kms:Decrypt", "key", _source_key, (_VIA_EC2,)),
        Needs("kms:ReEncryptFrom", "key", _source_key, (_VIA_EC2,), _changes_key),
        Needs("kms:ReEncryptTo", "key", _target_key, (_VIA_EC2,), _changes_key),
    ),
    "AttachVolume": (
        Needs("ec2:AttachVolume", "volume", _volume, _TAGS),
        Needs("ec2:AttachVolume", "instance", _instance, _TAGS),
        # The host gets the data key by a grant that EC2 makes for whoever attaches.
        # https://docs.aws.amazon.com/kms/latest/developerguide/determining-access-grants.html
        Needs("kms:CreateGrant", "key", _key_of_volume, (_VIA_EC2, constant("kms:GrantIsForAWSResource", "true"))),
    ),
    "DetachVolume": (
        Needs("ec2:DetachVolume", "volume", _volume, _TAGS),
        Needs("ec2:DetachVolume", "instance", _instance, _TAGS),
    ),
    "DeleteVolume": (Needs("ec2:DeleteVolume", "volume", _volume, _TAGS),),
    "CreateTags": _retagged("ec2:CreateTags", request_tags(_standalone_tags)),
    "DeleteTags": _retagged("ec2:DeleteTags", Keys(("aws:TagKeys",), _deleted_tags)),
    **EC2_SNAPSHOTS,
}

EBS: Mapping[str, tuple[Needs, ...]] = {
    "ListSnapshotBlocks": _reads_blocks("ebs:ListSnapshotBlocks"),
    "ListChangedBlocks": _reads_blocks("ebs:ListChangedBlocks"),
    "GetSnapshotBlock": _reads_blocks("ebs:GetSnapshotBlock"),
}
