"""Which engine speaks to which family of servers; each is loaded when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from backup_actions.dump.connection import Family
from backup_actions.dump.engine import Engine

_ENGINES: dict[Family, str] = {
    "postgresql": "backup_actions.dump.postgresql.engine:PostgreSqlEngine",
    "mysql": "backup_actions.dump.mysql.engine:MySqlEngine",
}


def engine_for(family: Family) -> Engine:
    """The engine of a family."""
    module, _, name = _ENGINES[family].partition(":")
    return cast("Engine", getattr(import_module(module), name)())
