"""Since when S3 has an object, and when the lifecycle of its bucket ends it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber
from tests.moto_clients import moto_clients

from backup_actions.aws.documents import lifetime_of
from backup_actions.errors import AwsCallFailed

WRITTEN = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture(name="s3")
def _s3() -> Iterator[Any]:
    with moto_clients() as clients:
        yield clients.s3


@pytest.mark.parametrize(
    ("stated", "ends_at"),
    [
        ("", None),
        ('expiry-date="Wed, 23 Dec 2026 00:00:00 GMT", rule-id="end"', datetime(2026, 12, 23, tzinfo=UTC)),
        ('expiry-date="soon", rule-id="end"', WRITTEN),
        ('rule-id="end"', WRITTEN),
    ],
)
def test_the_end_is_that_of_the_rule_and_one_that_cannot_be_read_counts_as_past(
    s3: Any, stated: str, ends_at: datetime | None
) -> None:
    told = {"Expiration": stated} if stated else {}
    with Stubber(s3) as stub:
        stub.add_response("head_object", {"LastModified": WRITTEN, **told}, {"Bucket": "b", "Key": "k"})

        found = lifetime_of(s3, "b", "k")

    assert found is not None
    assert (found.written_at, found.ends_at) == (WRITTEN, ends_at)


def test_what_is_not_there_has_no_lifetime_and_a_refusal_is_one(s3: Any) -> None:
    with Stubber(s3) as stub:
        stub.add_client_error("head_object", "404", http_status_code=404)
        stub.add_client_error("head_object", "AccessDenied", http_status_code=403)

        assert lifetime_of(s3, "b", "k") is None
        with pytest.raises(AwsCallFailed):
            lifetime_of(s3, "b", "k")
