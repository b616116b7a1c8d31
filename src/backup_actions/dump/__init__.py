"""Native dumps of databases as archives: taken, proven to restore, loaded again, by the databases' own programs.

What is taken from here loads its own module only, as in ``archive``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backup_actions.dump.connection import Connection
    from backup_actions.dump.dumping import dump
    from backup_actions.dump.options import DumpOptions
    from backup_actions.dump.report import DatabaseReport, Difference, DumpReport, RestoreReport
    from backup_actions.dump.restoring import restore
    from backup_actions.dump.stored import StoredDump
    from backup_actions.dump.verifying import verify_dump

__all__ = [
    "Connection",
    "DatabaseReport",
    "Difference",
    "DumpOptions",
    "DumpReport",
    "RestoreReport",
    "StoredDump",
    "dump",
    "restore",
    "verify_dump",
]

_MODULES = {
    "Connection": "connection",
    "DatabaseReport": "report",
    "Difference": "report",
    "DumpOptions": "options",
    "DumpReport": "report",
    "RestoreReport": "report",
    "StoredDump": "stored",
    "dump": "dumping",
    "restore": "restoring",
    "verify_dump": "verifying",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load the module that a name lives in (PEP 562)."""
        if name not in _MODULES:
            raise AttributeError(f"{__name__} has no {name}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value
