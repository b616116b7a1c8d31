"""What instances, containers and remote clocks are answered."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from backup_actions_local.calls import Request
from backup_actions_local.front.roles import Roles
from backup_actions_local.services.metadata import Metadata

from .conftest import ZONE, Cloud

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN, TTL = "x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds"


@pytest.fixture(name="metadata")
def _metadata(cloud: Cloud) -> Metadata:
    roles = Roles(cloud.clock)
    roles.add("worker", ())
    return Metadata(clock=cloud.clock, store=cloud.store, issue=roles.issue)


def _ask(
    metadata: Metadata, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> tuple[int, str]:
    route = next(route for prefix, route in metadata.routes().items() if path.startswith(prefix))
    response = route(Request(method, path, headers or {}, body))
    return response.status, response.body.decode()


def test_an_instance_learns_its_id_and_zone_with_a_token(cloud: Cloud, metadata: Metadata) -> None:
    instance = cloud.store.launch(ZONE)
    base = f"/_imds/{instance.id}/latest"
    _, token = _ask(metadata, "PUT", f"{base}/api/token", {TTL: "60"})
    given = {TOKEN: token}

    assert _ask(metadata, "GET", f"{base}/meta-data/instance-id", given) == (200, instance.id)
    assert _ask(metadata, "GET", f"{base}/meta-data/placement/availability-zone", given) == (200, ZONE)
    assert _ask(metadata, "GET", f"{base}/meta-data/iam/info", given)[0] == 404


def test_a_question_without_a_token_or_with_anothers_is_refused(cloud: Cloud, metadata: Metadata) -> None:
    one, other = cloud.store.launch(ZONE), cloud.store.launch(ZONE)
    _, token = _ask(metadata, "PUT", f"/_imds/{other.id}/latest/api/token", {TTL: "60"})
    path = f"/_imds/{one.id}/latest/meta-data/instance-id"

    assert _ask(metadata, "GET", path)[0] == 401
    assert _ask(metadata, "GET", path, {TOKEN: token})[0] == 401
    assert _ask(metadata, "PUT", f"/_imds/{one.id}/latest/api/token")[0] == 400


def test_credentials_are_given_to_whoever_has_the_authorization(metadata: Metadata) -> None:
    tenancy = metadata.move_in("worker", "session-1")
    path = f"/_credentials/{tenancy.id}"
    status, body = _ask(metadata, "GET", path, {"authorization": tenancy.authorization})

    assert (status, json.loads(body)["AccessKeyId"][:4]) == (200, "ASIA")
    assert _ask(metadata, "GET", path, {"authorization": "guessed"})[0] == 403
    metadata.move_out(tenancy)
    assert _ask(metadata, "GET", path, {"authorization": tenancy.authorization})[0] == 403


def test_the_clock_passes_for_those_who_sleep_on_it(cloud: Cloud, metadata: Metadata) -> None:
    tenancy = metadata.move_in("worker", "session-1")
    _, before = _ask(metadata, "GET", f"/_clock/{tenancy.id}/now")
    _, after = _ask(metadata, "POST", f"/_clock/{tenancy.id}/sleep", body=b'{"seconds": 90}')

    assert json.loads(before)["now"] == "2026-01-15T03:00:00+00:00"
    assert json.loads(after)["now"] == "2026-01-15T03:01:30+00:00"


def test_the_wait_of_a_process_that_is_gone_ends(cloud: Cloud, metadata: Metadata) -> None:
    tenancy = metadata.move_in("worker", "session-1")
    path = f"/_clock/{tenancy.id}/sleep"
    with cloud.clock.actor():  # somebody who works: time stands still
        waiting = threading.Thread(target=lambda: _ask(metadata, "POST", path, body=b'{"seconds": 90}'))
        waiting.start()
        metadata.move_out(tenancy)
        waiting.join(10)

    assert not waiting.is_alive()
    assert cloud.clock.now().isoformat() == "2026-01-15T03:00:00+00:00"
