"""One call to the embedded AWS, parsed; and what may answer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed the call: a role and the session that uses it, or the administrator who set everything up."""

    role: str
    """The role's name; ``administrator`` may do everything and is used only to prepare the world."""
    session: str = ""

    @property
    def is_administrator(self) -> bool:
        """Whether no policy is asked."""
        return self.role == "administrator"


@dataclass(frozen=True, slots=True)
class Call:
    """``service`` is botocore's service name (``ec2``, ``stepfunctions``), ``operation`` the API's (``CreateVolume``).

    ``params`` are the parsed parameters by the names of the botocore model.
    """

    service: str
    operation: str
    params: Mapping[str, Any]
    caller: Caller
    region: str = ""
    """To which it is made; empty: that of who answers."""
    lacking: tuple[str, ...] = ()
    """What the caller may not do of what the service finds out only later: the actions."""


class Refused(Exception):
    """An error answer as the service would give it: code, message, HTTP status; some services give a reason too."""

    def __init__(self, code: str, message: str, status: int = 400, *, reason: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.reason = code, message, status, reason


Handler = Callable[[Call], Mapping[str, Any]]
"""Answers a call with the output by the names of the botocore model, or raises Refused."""


def one_at_a_time(
    handlers: Mapping[str, Handler], unchanged: Callable[[], AbstractContextManager[object]]
) -> Mapping[str, Handler]:
    """The same handlers, each inside ``unchanged``: while one answers, nothing else happens to what it reads."""

    def alone(handler: Handler) -> Handler:
        def answer(call: Call) -> Mapping[str, Any]:
            with unchanged():
                return handler(call)

        return answer

    return {name: alone(handler) for name, handler in handlers.items()}


class Service(Protocol):
    """A part of AWS that the embedded one implements itself; what no service claims goes to moto.

    Those of its operations that answer in every region are in ``everywhere``, where it has such; ``by_moto`` says that
    moto answers the operations of this service that nobody claims.
    """

    name: str

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """A plain HTTP request to a path that is no AWS API: instance metadata, container credentials, the clock."""

    method: str
    path: str
    """Without the query; still percent-encoded."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """Its answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"


Route = Callable[[Request], Response]
"""Answers every request whose path starts with the prefix that the route was given under."""
