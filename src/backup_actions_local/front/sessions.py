"""boto3 sessions that speak to the embedded AWS whatever the environment or the user's files say."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import Loader, create_loader

from backup_actions_local.front.direct import Sender
from backup_actions_local.front.roles import Credentials


class Lending:
    """Clients that whoever has credentials borrows for one call.

    Making one takes longer than ten calls, and thousands that wait for their next call need no client meanwhile.
    """

    def __init__(self, session_with: Callable[[Credentials], boto3.Session], config: Config) -> None:
        self._session_with, self._config = session_with, config
        self._idle: defaultdict[str, list[tuple[Any, Any]]] = defaultdict(list)
        self._lock = threading.Lock()

    @contextmanager
    def client(self, service: str, credentials: Credentials) -> Iterator[Any]:
        """A client that signs with these credentials until the block ends."""
        with self._lock:
            idle = self._idle[service].pop() if self._idle[service] else None
        keys, client = idle or self._made(service, credentials)
        keys.access_key, keys.secret_key = credentials.access_key_id, credentials.secret_access_key
        keys.token = credentials.session_token
        try:
            yield client
        finally:
            with self._lock:
                self._idle[service].append((keys, client))

    def _made(self, service: Any, credentials: Credentials) -> tuple[Any, Any]:
        """The client, and the keys that it signs with: every call reads them anew."""
        session = self._session_with(credentials)
        return session.get_credentials(), session.client(service, config=self._config)


# Who calls is told by the signature. botocore's own user agent is put together anew for every call, a tenth of it.
_QUIET = Config(user_agent="embedded")


class _BoundSession(boto3.Session):
    """Every client and resource gets the endpoint."""

    def __init__(self, url: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._url = url

    def client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("endpoint_url", self._url)
        kwargs["config"] = (kwargs.get("config") or Config()).merge(_QUIET)
        return super().client(service_name, *args, **kwargs)  # type: ignore[call-overload]

    def resource(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("endpoint_url", self._url)
        return super().resource(service_name, *args, **kwargs)  # type: ignore[call-overload]


def bound_session(credentials: Credentials, *, url: str, region: str, send: Sender | None = None) -> boto3.Session:
    """A session with these credentials; profiles and configuration files are not read.

    With ``send`` its requests are answered in this process, without a socket.
    """
    nothing = (None, None, None, None)
    core = botocore.session.Session(
        session_vars={"profile": nothing}, event_hooks=copy(_handlers()), include_builtin_handlers=False
    )
    core.register_component("data_loader", _models())
    if send is not None:
        core.register("before-send", send)
    core.set_config_variable("config_file", os.devnull)
    core.set_config_variable("credentials_file", os.devnull)
    return _BoundSession(
        url,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.session_token,
        region_name=region,
        botocore_session=core,
    )


@cache
def _handlers() -> HierarchicalEmitter:
    """What botocore does by itself on events: registering it anew takes longer than making a client."""
    handlers = HierarchicalEmitter()
    botocore.session.Session(event_hooks=handlers)
    return handlers


@cache
def _models() -> Loader:
    """One for all sessions: reading EC2's model takes longer than everything else in making a client."""
    return create_loader()
