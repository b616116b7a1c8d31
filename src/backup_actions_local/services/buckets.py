"""What the S3 server cannot say of a bucket: in which region it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backup_actions_local.services.paging import only

if TYPE_CHECKING:
    from backup_actions_local.calls import Call, Handler


class Buckets:
    """Implements ``calls.Service``. Every bucket is in the embedded region unless ``elsewhere`` names another.

    Such a bucket is served all the same, as the SDKs find their way to it by S3's redirections.
    """

    name = "s3"

    def __init__(self, region: str) -> None:
        self._region = region
        self.elsewhere: dict[str, str] = {}

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        return {"GetBucketLocation": self._location}

    def _location(self, call: Call) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html: us-east-1 has no name."""
        only(call, "Bucket", "ExpectedBucketOwner")
        region = self.elsewhere.get(call.params["Bucket"], self._region)
        return {} if region == "us-east-1" else {"LocationConstraint": region}
