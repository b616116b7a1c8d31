"""The front of the embedded AWS: start it, and every boto3 session made from it speaks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from backup_actions.model.clock import Clock
from backup_actions_local.calls import Call, Route, Service
from backup_actions_local.front.audit import Audit
from backup_actions_local.front.authorization import KeyOf, OwnerOf, TagsOf
from backup_actions_local.front.direct import sender
from backup_actions_local.front.dispatch import Dispatcher
from backup_actions_local.front.exchange import LoopbackServer
from backup_actions_local.front.faults import Faults
from backup_actions_local.front.objects import Objects
from backup_actions_local.front.passthrough import Moto
from backup_actions_local.front.resource_policies import PolicyOf
from backup_actions_local.front.roles import ADMINISTRATOR, Credentials, Roles
from backup_actions_local.front.sessions import bound_session
from backup_actions_local.seaweed import ObjectServer

if TYPE_CHECKING:
    import boto3


class Front:
    """One HTTP server on 127.0.0.1 that answers as AWS does to one account; there is one of each account at a time.

    ``tags_of``, ``key_of``, ``owner_of`` and ``policy_of`` tell the permission check the tags of a resource, the KMS
    key that encrypts it (of snapshots, volumes and buckets), the account whose snapshot it is and its own policy (of
    queues, topics and keys, also of other accounts), by ARN; ``is_foreign_bucket`` says which buckets other accounts
    have on the same server. ``routes`` answer paths that are no AWS API. ``witness`` hears of every call that moto has
    carried out. With ``is_direct`` calls of sessions made here are answered in the thread that makes them: signed,
    permitted, noted and failed as all others, but without a socket.
    Raises PortInUse on start if the port is taken.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        roles: Roles,
        faults: Faults,
        audit: Audit,
        services: Iterable[Service] = (),
        objects: ObjectServer | None = None,
        routes: Mapping[str, Route] | None = None,
        tags_of: TagsOf = lambda arn: {},
        key_of: KeyOf = lambda arn: None,
        owner_of: OwnerOf = lambda arn: "",
        policy_of: PolicyOf = lambda arn: None,
        is_foreign_bucket: Callable[[str], bool] = lambda name: False,
        witness: Callable[[Call], None] = lambda call: None,
        account: str = "111122223333",
        region: str = "us-east-1",
        port: int | None = None,
        is_direct: bool = False,
    ) -> None:
        self.account, self.region = account, region
        self.roles, self.faults, self.audit = roles, faults, audit
        self._objects = Objects(objects) if objects else None
        self._moto = Moto(account)
        self._dispatcher = Dispatcher(
            clock=clock, roles=roles, faults=faults, audit=audit, services=services, objects=self._objects,
            moto=self._moto, witness=witness, routes=routes or {}, tags_of=tags_of, key_of=key_of, owner_of=owner_of,
            policy_of=policy_of, is_foreign_bucket=is_foreign_bucket, account=account, region=region,
        )  # fmt: skip
        self._port = port
        self._send = sender(self._dispatcher.answer) if is_direct else None
        self._server: LoopbackServer | None = None

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        if self._server is None:
            raise RuntimeError("the front has not been started")
        return self._server.url

    @property
    def administrator(self) -> boto3.Session:
        """A session that may do everything, to prepare and to inspect the world."""
        return self.session(ADMINISTRATOR)

    def session(self, role: str, name: str = "") -> boto3.Session:
        """A boto3 session with fresh credentials of the role, bound to this server whatever the environment says."""
        return self.session_with(self.roles.issue(role, name))

    def session_with(self, credentials: Credentials) -> boto3.Session:
        """A boto3 session with these credentials, bound in the same way."""
        return bound_session(credentials, url=self.url, region=self.region, send=self._send)

    def start(self) -> None:
        """Serve, with nothing of the account in moto's services. Raises PortInUse."""
        server = LoopbackServer(self._port, self._dispatcher.answer)
        self._moto.reset()
        server.start()
        self._server = server

    def stop(self) -> None:
        """Close every connection and stop serving."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self._objects is not None:
            self._objects.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
