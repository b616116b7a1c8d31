"""What an instance and a container can ask about themselves, and the clock for those in processes of their own."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from backup_actions_local.calls import Refused, Request, Response, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.block_store import BlockStore

_IMDS = re.compile(r"/_imds/(?P<instance>i-[0-9a-f]+)/latest/(?P<what>.+)")
_TOKEN_HEADER, _TTL_HEADER = "x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds"
# botocore renews credentials by the time that people live in, which this clock does not follow.
_VALID_FOR = timedelta(hours=12)


class Keys(Protocol):
    """Temporary credentials of a role."""

    @property
    def access_key_id(self) -> str:
        """The key's name."""
        ...

    @property
    def secret_access_key(self) -> str:
        """The key."""
        ...

    @property
    def session_token(self) -> str:
        """What goes with every call."""
        ...


@dataclass(frozen=True, slots=True)
class Tenancy:
    """What a process is given to find its credentials and its clock."""

    id: str
    authorization: str


class Metadata:
    """Answers under ``/_imds/``, ``/_credentials/`` and ``/_clock/``."""

    def __init__(self, *, clock: SimulatedClock, store: BlockStore, issue: Callable[[str, str], Keys]) -> None:
        self._clock, self._store, self._issue = clock, store, issue
        self._lock = threading.Lock()
        self._tenants: dict[str, tuple[str, Keys]] = {}
        self._interrupted: Counter[str] = Counter()
        self._instance_tokens: dict[str, str] = {}

    def move_in(self, role: str, session: str) -> Tenancy:
        """Credentials of the role wait for a process, and so does the clock."""
        tenancy = Tenancy(secrets.token_hex(8), secrets.token_urlsafe(24))
        with self._lock:
            self._tenants[tenancy.id] = tenancy.authorization, self._issue(role, session)
        return tenancy

    def move_out(self, tenancy: Tenancy) -> None:
        """The process is over: nobody gets its credentials, and its waits on the clock end."""
        with self._lock:
            self._tenants.pop(tenancy.id, None)
        self._clock.changed()

    def interrupt(self, tenancy: Tenancy) -> None:
        """The process was told to stop: what it waited for on the clock is over, what it waits for next is not."""
        with self._lock:
            self._interrupted[tenancy.id] += 1
        self._clock.changed()

    def routes(self) -> Mapping[str, Route]:
        """Prefix → what answers it."""
        return {"/_imds/": self._instance, "/_credentials/": self._credentials, "/_clock/": self._time}

    def _instance(self, request: Request) -> Response:
        """Version 2 only: a token first, and with every question.

        Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
        """
        match = _IMDS.fullmatch(request.path)
        if match is None:
            return Response(404)
        instance_id, what = match["instance"], match["what"]
        try:
            instance = self._store.instance(instance_id)
        except Refused:
            return Response(404)
        if what == "api/token":
            if request.method != "PUT" or not request.headers.get(_TTL_HEADER, "").isdigit():
                return Response(400)
            token = secrets.token_urlsafe(24)
            self._instance_tokens[token] = instance_id
            return Response(body=token.encode())
        if self._instance_tokens.get(request.headers.get(_TOKEN_HEADER, "")) != instance_id:
            return Response(401)
        known = {
            "meta-data/instance-id": instance.id,
            "meta-data/placement/availability-zone": instance.zone,
            "meta-data/placement/region": self._store.place.region,
        }
        return Response(body=known[what].encode()) if what in known else Response(404)

    def _credentials(self, request: Request) -> Response:
        """As the agent of a container answers.

        Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
        """
        tenant = self._tenants.get(request.path.removeprefix("/_credentials/"))
        if tenant is None or request.headers.get("authorization") != tenant[0]:
            return Response(403)
        keys = tenant[1]
        return _json(
            {
                "AccessKeyId": keys.access_key_id,
                "SecretAccessKey": keys.secret_access_key,
                "Token": keys.session_token,
                "Expiration": (datetime.now(UTC) + _VALID_FOR).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        )

    def _time(self, request: Request) -> Response:
        tenant_id, _, what = request.path.removeprefix("/_clock/").partition("/")
        if tenant_id not in self._tenants or what not in {"now", "sleep"}:
            return Response(404)
        if what == "sleep":
            before = self._interrupted[tenant_id]

            def is_abandoned() -> bool:
                return tenant_id not in self._tenants or self._interrupted[tenant_id] != before

            # the wait of a process that waits no longer would let time run while somebody works
            self._clock.wait(is_abandoned, float(json.loads(request.body)["seconds"]))
        return _json({"now": self._clock.now().isoformat()})


def _json(document: Mapping[str, object]) -> Response:
    return Response(body=json.dumps(document).encode(), content_type="application/json")
