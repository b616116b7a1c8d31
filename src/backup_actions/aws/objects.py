"""Everything under a prefix of a bucket: found, given up, removed. ``owner``: whose bucket it must be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from backup_actions.aws.errors import translated
from backup_actions.errors import AwsBusy, AwsCallFailed

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
_MOST_AT_ONCE = 1000


def bucket_of(bucket: str, owner: str | None) -> dict[str, Any]:
    """The parameters that say which bucket a call is for."""
    return {"Bucket": bucket, **({"ExpectedBucketOwner": owner} if owner else {})}


def bucket_region(s3: S3Client, bucket: str) -> str:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html: the oldest regions have odd names."""
    with translated():
        location = s3.get_bucket_location(Bucket=bucket).get("LocationConstraint")
    return {None: "us-east-1", "": "us-east-1", "EU": "eu-west-1"}.get(location, str(location))


def object_keys(s3: S3Client, bucket: str, inside: str, *, owner: str | None = None) -> list[str]:
    """The keys that begin with the prefix, in order."""
    with translated():
        pages = s3.get_paginator("list_objects_v2").paginate(**bucket_of(bucket, owner), Prefix=inside)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]


def abort_uploads(
    s3: S3Client, bucket: str, inside: str, *, besides: str | None = None, owner: str | None = None
) -> int:
    """No multipart upload is open under the prefix but the one of that id; how many there were."""
    with translated():
        pages = s3.get_paginator("list_multipart_uploads").paginate(**bucket_of(bucket, owner), Prefix=inside)
        found = [upload for page in pages for upload in page.get("Uploads", []) if upload["UploadId"] != besides]
    for upload in found:
        abort_upload(s3, bucket, upload["Key"], upload["UploadId"], owner=owner)
    return len(found)


def abort_upload(s3: S3Client, bucket: str, key: str, upload_id: str, *, owner: str | None = None) -> None:
    """The upload is gone with its parts."""
    try:
        with translated():
            s3.abort_multipart_upload(Key=key, UploadId=upload_id, **bucket_of(bucket, owner))
    except AwsCallFailed as failure:
        if failure.facts["error_code"] != "NoSuchUpload":  # somebody else has removed it
            raise


def delete_objects(s3: S3Client, bucket: str, keys: Sequence[str], *, owner: str | None = None) -> None:
    """None of the objects is there any more. Raises AwsBusy where S3 could not remove one: asking again is harmless."""
    for start in range(0, len(keys), _MOST_AT_ONCE):
        some: Any = [{"Key": key} for key in keys[start : start + _MOST_AT_ONCE]]
        with translated():
            answer = s3.delete_objects(**bucket_of(bucket, owner), Delete={"Objects": some, "Quiet": True})
        for error in answer.get("Errors", []):
            what = f"{error.get('Key')}: {error.get('Message')}"
            raise AwsBusy(operation="DeleteObjects", error_code=error.get("Code", "Unknown"), reason=what)
