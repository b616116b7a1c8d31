"""Everything under a prefix of a bucket: found, given up, removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from backup_actions.aws.errors import translated
from backup_actions.errors import AwsBusy

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
_MOST_AT_ONCE = 1000


def bucket_region(s3: S3Client, bucket: str) -> str:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html: the oldest regions have odd names."""
    with translated():
        location = s3.get_bucket_location(Bucket=bucket).get("LocationConstraint")
    return {None: "us-east-1", "": "us-east-1", "EU": "eu-west-1"}.get(location, str(location))


def object_keys(s3: S3Client, bucket: str, inside: str) -> list[str]:
    """The keys that begin with the prefix, in order."""
    with translated():
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=inside)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]


def abort_uploads(s3: S3Client, bucket: str, inside: str) -> int:
    """No multipart upload is open under the prefix; how many there were."""
    aborted = 0
    with translated():
        for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=inside):
            for upload in page.get("Uploads", []):
                s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
                aborted += 1
    return aborted


def delete_objects(s3: S3Client, bucket: str, keys: Sequence[str]) -> None:
    """None of the objects is there any more. Raises AwsBusy where S3 could not remove one: asking again is harmless."""
    for start in range(0, len(keys), _MOST_AT_ONCE):
        some = keys[start : start + _MOST_AT_ONCE]
        with translated():
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in some], "Quiet": True})
        for error in answer.get("Errors", []):
            what = f"{error.get('Key')}: {error.get('Message')}"
            raise AwsBusy(operation="DeleteObjects", error_code=error.get("Code", "Unknown"), reason=what)
