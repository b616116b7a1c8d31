"""S3, and the key of a bucket that encrypts by itself (with a bucket key, so that the context names the bucket).

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from backup_actions_local.front.authorization.rules import Facts, Keys, Needs, Params, parameters, via
from backup_actions_local.front.policies import Context


def bucket_arn(params: Params, facts: Facts) -> str:
    """The ARN of the bucket of a call."""
    return f"arn:{facts.partition}:s3:::{params['Bucket']}"


def buckets_of(params: Params) -> tuple[str, ...]:
    """The buckets that a call names: its own, and the one that it copies from."""
    source = str(params.get("CopySource") or "").lstrip("/").partition("/")[0]
    return tuple(name for name in (params.get("Bucket"), source) if name)


def _bucket(params: Params, facts: Facts) -> tuple[str, ...]:
    return (bucket_arn(params, facts),)


def _object(params: Params, facts: Facts) -> tuple[str, ...]:
    return (f"{bucket_arn(params, facts)}/{params['Key']}",)


def _listed_objects(params: Params, facts: Facts) -> Iterable[str]:
    return (f"{bucket_arn(params, facts)}/{each['Key']}" for each in params["Delete"]["Objects"])


def _key(params: Params, facts: Facts) -> tuple[str, ...]:
    """The key that S3 uses: the request's own, or the bucket's."""
    wanted = params.get("SSEKMSKeyId") or facts.key_of(bucket_arn(params, facts))
    return (facts.as_arn("kms", "key/", wanted),) if wanted else ()


def _encryption_context(params: Params, facts: Facts, _arn: str) -> Context:
    return {"kms:EncryptionContext:aws:s3:arn": bucket_arn(params, facts)}


def _wants_checksum(params: Params, _facts: Facts) -> bool:
    return params.get("ChecksumMode") == "ENABLED"


def _names_version(params: Params, _facts: Facts) -> bool:
    return bool(params.get("VersionId"))


def _names_no_version(params: Params, _facts: Facts) -> bool:
    return not params.get("VersionId")


def _uses_key(action: str, when: Callable[[Params, Facts], bool] | None = None) -> Needs:
    context = Keys(("kms:EncryptionContext:${EncryptionContextKey}",), _encryption_context)
    return Needs(action, "key", _key, (via("s3"), context), when)


def _on_object(action: str, *keys: Keys) -> Needs:
    return Needs(action, "object", _object, keys)


def _on_version(action: str) -> tuple[Needs, ...]:
    version = parameters(VersionId="s3:versionid")
    return (
        Needs(action, "object", _object, (), _names_no_version),
        Needs(f"{action}Version", "object", _object, (version,), _names_version),
    )


_NEW_OBJECT = parameters(
    IfNoneMatch="s3:if-none-match",
    StorageClass="s3:x-amz-storage-class",
    ServerSideEncryption="s3:x-amz-server-side-encryption",
    SSEKMSKeyId="s3:x-amz-server-side-encryption-aws-kms-key-id",
)
_PUT = _on_object("s3:PutObject", _NEW_OBJECT)
_TAG = Needs("s3:PutObjectTagging", "object", _object, (), lambda params, facts: bool(params.get("Tagging")))
_LIST = parameters(Prefix="s3:prefix", Delimiter="s3:delimiter", MaxKeys="s3:max-keys")

LIST_BUCKET = Needs("s3:ListBucket", "bucket", _bucket, (_LIST,))
"""Who has not this learns of a missing key only that access is denied."""

S3: Mapping[str, tuple[Needs, ...]] = {
    "PutObject": (_PUT, _TAG, _uses_key("kms:GenerateDataKey")),
    "CreateMultipartUpload": (_PUT, _TAG, _uses_key("kms:GenerateDataKey")),
    "UploadPart": (_PUT, _uses_key("kms:GenerateDataKey"), _uses_key("kms:Decrypt")),
    "CompleteMultipartUpload": (_PUT, _uses_key("kms:Decrypt")),
    "AbortMultipartUpload": (_on_object("s3:AbortMultipartUpload"),),
    "ListParts": (_on_object("s3:ListMultipartUploadParts"),),
    "ListMultipartUploads": (Needs("s3:ListBucketMultipartUploads", "bucket", _bucket),),
    "ListObjectsV2": (LIST_BUCKET,),
    "ListObjects": (LIST_BUCKET,),
    "HeadBucket": (LIST_BUCKET,),
    "GetBucketLocation": (Needs("s3:GetBucketLocation", "bucket", _bucket),),
    "GetObject": (*_on_version("s3:GetObject"), _uses_key("kms:Decrypt")),
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html: the key only to see the checksum
    "HeadObject": (*_on_version("s3:GetObject"), _uses_key("kms:Decrypt", _wants_checksum)),
    "DeleteObject": _on_version("s3:DeleteObject"),
    "DeleteObjects": (Needs("s3:DeleteObject", "object", _listed_objects),),
    "GetObjectTagging": (_on_object("s3:GetObjectTagging"),),
    "PutObjectTagging": (_on_object("s3:PutObjectTagging"),),
}
