"""Parts of AWS that installed packages bring: what an action calls and the embedded AWS does not have itself.

A package announces them in the entry points ``backup_actions.services``. The entry's name is botocore's name of the
service, its object a ``BroughtService``; operations that are embedded already stay as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

import botocore.session
from botocore.exceptions import UnknownServiceError

from backup_actions.errors import BroughtServiceBroken
from backup_actions_local.states.api_names import service_model

if TYPE_CHECKING:
    import boto3

    from backup_actions_local.calls import Handler, Service
    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.front.authorization.rules import Needs
    from backup_actions_local.services.place import Place

GROUP = "backup_actions.services"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedAccount:
    """What a brought service is made of: where and when it is, and how it works under a role that it was handed."""

    place: Place
    clock: SimulatedClock
    take_on: Callable[[str, str, str], boto3.Session | None]
    """The ARN of a role, the service's principal and the ARN of that for which it works → a session under the role.

    None where the role does not trust the service for that.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtService:
    """What the embedded AWS has to know of a service: what IAM is asked for each call, and who answers."""

    permissions: Mapping[str, tuple[Needs, ...]]
    """Operation → what a role needs for it. What is not here no role can call."""
    make: Callable[[EmbeddedAccount], Service] | None = None
    """Makes what answers, once for each embedded account; its ``tags_of(arn)`` is asked where it has one."""
    by_moto: bool = False
    """Whether moto answers what ``make`` made no handler for."""


@dataclass(slots=True)
class MadeService:
    """A brought service in one embedded account."""

    name: str
    own: Service | None
    by_moto: bool

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        return self.own.handlers() if self.own else {}

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """The tags of the resource with this ARN; empty if it is none of its."""
        tags_of: Callable[[str], Mapping[str, str]] | None = getattr(self.own, "tags_of", None)
        return tags_of(arn) if tags_of else {}


@dataclass(frozen=True, slots=True)
class Brought:
    """All that is brought to one embedded account."""

    services: tuple[MadeService, ...]

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of a resource of any of them."""
        return next((dict(tags) for service in self.services if (tags := service.tags_of(arn))), {})


def brought_to(account: EmbeddedAccount) -> Brought:
    """What installed packages bring, made for an account. What is broken is named in the log and left out."""
    return Brought(tuple(_made(account)))


def _made(account: EmbeddedAccount) -> Iterator[MadeService]:
    for name in sorted(entry_points(group=GROUP).names):
        try:
            if service := brought_service(name):
                yield MadeService(name, _own(name, service, account), service.by_moto)
        except BroughtServiceBroken as error:
            _log.warning("%s. %s", error, error.hint)


def _own(name: str, service: BroughtService, account: EmbeddedAccount) -> Service | None:
    try:
        return service.make(account) if service.make else None
    except Exception as error:  # the code of somebody else
        package = ", ".join(_package(entry) for entry in entry_points(group=GROUP, name=name))
        raise BroughtServiceBroken(service=name, package=package, reason=f"{type(error).__name__}: {error}") from error


def brought_service(name: str) -> BroughtService | None:
    """What a package brings of this service of botocore's; None where none does. Raises BroughtServiceBroken."""
    entries = tuple(entry_points(group=GROUP, name=name))
    if not entries:
        return None
    packages = ", ".join(sorted(_package(entry) for entry in entries))
    if name not in botocore.session.get_session().get_available_services():
        raise BroughtServiceBroken(service=name, package=packages, reason="botocore has no service of this name")
    if len(entries) > 1:
        raise BroughtServiceBroken(service=name, package=packages, reason="more than one of them brings it")
    try:
        found = entries[0].load()
    except Exception as error:  # the code of somebody else
        reason = f"{type(error).__name__}: {error}"
        raise BroughtServiceBroken(service=name, package=packages, reason=reason) from error
    if not isinstance(found, BroughtService):
        reason = f"{entries[0].value} is of type {type(found).__name__}, not a BroughtService"
        raise BroughtServiceBroken(service=name, package=packages, reason=reason)
    return found


def brought_by_signature(signing_name: str) -> str | None:
    """botocore's name of the brought service whose requests are signed so."""
    for name in sorted(entry_points(group=GROUP).names):
        try:
            if service_model(name).signing_name == signing_name:
                return name
        except UnknownServiceError:
            continue
    return None


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value
