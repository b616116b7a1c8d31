"""An archive lets its backup go as long as most of the time for which it is kept is still ahead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber
from tests.moto_clients import moto_clients

from backup_actions.aws import Clients, World
from backup_actions.errors import NotVerified
from backup_actions.lifecycle.lasting import Lasting, lasting_of

WRITTEN = datetime(2026, 5, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
REPORT = {
    "verified": True, "reason": "", "manifest_key": "p/manifest.json", "manifest_sha256": "0", "verification_key": "v",
    "artifacts": [{"key": "p/first", "size_bytes": 1, "crc64nvme": ""}], "source_bytes": 1, "stored_bytes": 1,
}  # fmt: skip
RESULT = {"action": "ebs-archive", "report": REPORT}


@pytest.fixture(name="clients")
def _clients() -> Iterator[Clients]:
    with moto_clients() as clients:
        yield clients


def lasting(clients: Clients, *heads: dict[str, Any], days: int | None = None) -> Lasting | None:
    """How long the manifest and the one artifact are kept, of which S3 says this."""
    with Stubber(clients.s3) as stub:
        for key, head in zip(("p/manifest.json", "p/first"), heads, strict=False):
            stub.add_response("head_object", {"LastModified": WRITTEN, **head}, {"Bucket": "b", "Key": key})
        found = lasting_of(World(clients), "b", RESULT, expires_after_days=days)
        stub.assert_no_pending_responses()
    return found


def ends(at: datetime) -> dict[str, str]:
    return {"Expiration": f'expiry-date="{at:%a, %d %b %Y %H:%M:%S} GMT", rule-id="end"'}


def test_what_nothing_ends_is_kept(clients: Clients) -> None:
    assert lasting(clients, {}, {}) is None


@pytest.mark.parametrize(("days", "age", "counts"), [(35, 8, True), (35, 9, False), (35, 34, False), (400, 34, True)])
def test_a_quarter_of_the_settings_days_may_be_over(clients: Clients, days: int, age: int, counts: bool) -> None:
    found = lasting(clients, {}, {}, days=days)

    assert found is not None
    assert (found.objection(WRITTEN + age * DAY) is None) is counts


def test_a_rule_of_the_bucket_counts_where_it_ends_things_earlier(clients: Clients) -> None:
    found = lasting(clients, ends(WRITTEN + 5 * DAY), ends(WRITTEN + 40 * DAY), days=35)

    assert found is not None
    assert found.ends_at == WRITTEN + 5 * DAY
    assert found.objection(WRITTEN) is not None


@pytest.mark.parametrize(("kept_days", "age", "counts"), [(40, 10, True), (40, 11, False), (7, 1, True), (3, 0, False)])
def test_in_a_bucket_of_ones_own_its_rules_are_the_promise_but_for_those_of_less_than_a_week(
    clients: Clients, kept_days: int, age: int, counts: bool
) -> None:
    found = lasting(clients, ends(WRITTEN + kept_days * DAY), {})

    assert found is not None
    assert (found.objection(WRITTEN + age * DAY) is None) is counts


def test_the_oldest_object_counts(clients: Clients) -> None:
    found = lasting(clients, {}, {"LastModified": WRITTEN - 20 * DAY}, days=35)

    assert found is not None
    assert found.written_at == WRITTEN - 20 * DAY


def test_the_objection_says_when_it_ends_and_what_to_do(clients: Clients) -> None:
    found = lasting(clients, {}, {}, days=35)

    assert found is not None
    told = str(found.objection(WRITTEN + 34 * DAY))
    assert "what ebs-archive made was stored on 2026-05-04" in told
    assert "ends it on 2026-06-08" in told
    assert "remove the s3 key p/manifest.json, so that it is made anew; then replay the backup with --again" in told


def test_what_has_gone_since_it_was_proven_lets_nothing_go(clients: Clients) -> None:
    with Stubber(clients.s3) as stub:
        stub.add_client_error("head_object", "404", http_status_code=404)

        with pytest.raises(NotVerified, match=r"p/manifest\.json is not there any more"):
            lasting_of(World(clients), "b", RESULT, expires_after_days=35)
