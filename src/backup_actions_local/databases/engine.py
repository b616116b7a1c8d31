"""What PostgreSQL and MariaDB have in common here: the same verbs, whatever the product."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pyarrow

ADMINISTRATOR = "rdsadmin"
"""RDS's own user, who administers what customers do not."""
USER, PASSWORD = "admin", "embedded-administrator"  # it opens nothing but a server on the loopback interface


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """A running server on 127.0.0.1 that knows one user, who may do everything."""

    port: int
    directory: Path
    """Where its data lies."""
    pid: int
    host: str = "127.0.0.1"
    user: str = USER
    password: str = field(default=PASSWORD, repr=False)
    authority: Path | None = None
    """Whose word on the server is to be trusted, where it speaks TLS."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server shows, the key to it, and the authority that has signed it."""

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True, slots=True)
class Column:
    """A column, and the type that its database gives it."""

    name: str
    source_type: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table with everything in it."""

    path: tuple[str, ...]
    """Database, schema and table in PostgreSQL; database and table in MariaDB."""
    columns: tuple[Column, ...]
    rows: pyarrow.Table
    durable: bool = True
    """False for a table whose rows no crash would survive, and which no export takes along."""


class Engine(Protocol):
    """One product."""

    name: str
    """As RDS calls it."""
    stops_on: signal.Signals
    """With which it stops in good order."""
    speaks_tls: bool
    """Whether the server can; where it cannot, something in front of it does."""

    def initialize(self, directory: Path) -> None:
        """The directory holds an empty database. Raises EmbeddedServerFailed or ToolMissing."""
        ...

    def command(self, directory: Path, port: int, certificate: Certificate | None) -> list[str]:
        """What starts a server over the directory on that port of the loopback interface."""
        ...

    def connect(self, server: DatabaseServer, database: str | None = None) -> Any:
        """A DB-API connection that commits every statement; OSError-like while nobody answers."""
        ...

    def answers(self, server: DatabaseServer) -> bool:
        """Whether the server takes connections."""
        ...

    def tables(self, server: DatabaseServer) -> Iterator[Table]:
        """Every table of every database of a customer's, in the order of their names."""
        ...

    def hand_over(self, server: DatabaseServer, administrator: str, secret: str) -> None:
        """RDS's own user administers the server with this secret; ours is a master user without a password."""
        ...

    def set_password(self, server: DatabaseServer, user: str, password: str) -> None:
        """The user has this password from now on; the server is given as its administrator sees it."""
        ...
