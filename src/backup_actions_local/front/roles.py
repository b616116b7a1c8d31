"""Roles, what each may do, and the temporary credentials of those who use them."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from backup_actions.contract.permissions import Statement
from backup_actions.model.clock import Clock
from backup_actions_local.calls import Caller
from backup_actions_local.front.policies import PolicyStatement

ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Temporary keys of one session of a role."""

    caller: Caller
    access_key_id: str
    secret_access_key: str
    session_token: str
    expires_at: datetime | None
    """On the embedded AWS's clock; None where a real client would renew them in time by itself."""

    def __repr__(self) -> str:
        return f"Credentials({self.caller.role}/{self.caller.session}, {self.access_key_id})"


class Roles:
    """Role name → statements, with every placeholder already filled in."""

    def __init__(self, clock: Clock, *, account: str = "111122223333", partition: str = "aws") -> None:
        self.account, self.partition = account, partition
        self._clock = clock
        self._statements: dict[str, tuple[PolicyStatement, ...]] = {ADMINISTRATOR: ()}
        self._trusted: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._issued: dict[str, Credentials] = {}
        self._sessions = 0
        self._lock = threading.Lock()

    def add(self, role: str, statements: Iterable[Statement]) -> None:
        """Make a role, or replace what it may do. Raises NotEmbedded for conditions that are not known here."""
        parsed = tuple(PolicyStatement.from_policy(statement.to_policy()) for statement in statements)
        with self._lock:
            self._statements[role] = parsed

    def trust(self, role: str, service: str, on_behalf_of: Iterable[str]) -> None:
        """Let a service take the role on for resources with such ARNs, and for no other; without any, for all."""
        with self._lock:
            self._trusted[role] = service, tuple(on_behalf_of)

    def trusts(self, role: str, service: str, *, on_behalf_of: str) -> bool:
        """Whether the service may take the role on for that resource."""
        trusted, patterns = self._trusted.get(role, ("", ()))
        return trusted == service and (not patterns or any(fnmatchcase(on_behalf_of, each) for each in patterns))

    def statements(self, role: str) -> tuple[PolicyStatement, ...]:
        """What the role may do."""
        return self._statements[role]

    def issue(self, role: str, session: str = "", *, lifetime_seconds: float | None = None) -> Credentials:
        """Return fresh keys for a session of the role. Raises KeyError if there is no such role.

        Without a lifetime they do not expire: clients renew theirs by the real time, which stands still here.
        """
        if role not in self._statements:
            raise KeyError(f"no role {role!r}; there are {', '.join(sorted(self._statements))}")
        expires_at = None if lifetime_seconds is None else self._clock.now() + timedelta(seconds=lifetime_seconds)
        with self._lock:
            self._sessions += 1
            credentials = Credentials(
                Caller(role, session or f"session-{self._sessions}"),
                f"ASIA{self._sessions:016d}",
                secrets.token_urlsafe(30),
                secrets.token_urlsafe(60),
                expires_at,
            )
            self._issued[credentials.access_key_id] = credentials
        return credentials

    def find(self, access_key_id: str) -> Credentials | None:
        """The credentials that have this key, expired or not."""
        return self._issued.get(access_key_id)

    def secrets(self) -> Iterator[tuple[str, Caller]]:
        """Everything that was ever issued and that nobody may see, with whose it is."""
        for credentials in list(self._issued.values()):
            yield credentials.secret_access_key, credentials.caller
            yield credentials.session_token, credentials.caller

    def have_expired(self, credentials: Credentials) -> bool:
        """Whether their time is over on the clock."""
        return credentials.expires_at is not None and self._clock.now() >= credentials.expires_at

    def role_arn(self, role: str) -> str:
        """The role's own ARN."""
        return f"arn:{self.partition}:iam::{self.account}:role/{role}"

    def caller_arn(self, caller: Caller) -> str:
        """Who calls, as AWS names it in its messages."""
        return f"arn:{self.partition}:sts::{self.account}:assumed-role/{caller.role}/{caller.session}"
