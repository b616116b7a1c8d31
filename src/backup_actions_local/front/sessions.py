"""boto3 sessions that speak to the embedded AWS whatever the environment or the user's files say."""

from __future__ import annotations

import os
from copy import copy
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import Loader, create_loader

from backup_actions_local.front.roles import Credentials


class _BoundSession(boto3.Session):
    """Every client and resource gets the endpoint."""

    def __init__(self, url: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._url = url

    def client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("endpoint_url", self._url)
        return super().client(service_name, *args, **kwargs)  # type: ignore[call-overload]

    def resource(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("endpoint_url", self._url)
        return super().resource(service_name, *args, **kwargs)  # type: ignore[call-overload]


def bound_session(credentials: Credentials, *, url: str, region: str) -> boto3.Session:
    """A session with these credentials; profiles and configuration files are not read."""
    nothing = (None, None, None, None)
    core = botocore.session.Session(
        session_vars={"profile": nothing}, event_hooks=copy(_handlers()), include_builtin_handlers=False
    )
    core.register_component("data_loader", _models())
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
