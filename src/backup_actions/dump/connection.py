"""How a database server is reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Family = Literal["postgresql", "mysql"]
"""``mysql`` is MySQL and MariaDB; Aurora is of the family that it is compatible with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A server and who asks. The password is in no text of it, and reaches programs by a private file alone."""

    family: Family
    host: str
    port: int
    user: str
    password: str = field(default="", repr=False)
    database: str = ""
    """The one that a URL names; none: the whole server."""
    ca_file: Path | None = None
    """Certificates to trust. With them TLS is demanded, and the server's certificate and name are checked."""

    @property
    def address(self) -> str:
        """Host and port, as messages name the server."""
        return f"{self.host}:{self.port}"
