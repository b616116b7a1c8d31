"""Real database servers on loopback, and images of what they hold: what a DB instance and its snapshots are here.

What is taken from here loads its own module only: an embedded AWS without databases starts without their drivers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backup_actions_local.databases.engine import DatabaseServer, Engine
    from backup_actions_local.databases.image import DatabaseImage
    from backup_actions_local.databases.managed import ManagedServer
    from backup_actions_local.databases.mariadb import MariaDb
    from backup_actions_local.databases.postgresql import PostgreSql

__all__ = ["DatabaseImage", "DatabaseServer", "Engine", "ManagedServer", "MariaDb", "PostgreSql"]

_MODULES = {
    "DatabaseImage": "image",
    "DatabaseServer": "engine",
    "Engine": "engine",
    "ManagedServer": "managed",
    "MariaDb": "mariadb",
    "PostgreSql": "postgresql",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load the module that a name lives in (PEP 562)."""
        if name not in _MODULES:
            raise AttributeError(f"{__name__} has no {name}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value
