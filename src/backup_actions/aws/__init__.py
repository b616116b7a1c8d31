"""The only door to AWS: clients, error translation, the world that steps work in.

What is taken from here loads its own module only: botocore's clients take a quarter of a second.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backup_actions.aws.clients import Clients
    from backup_actions.aws.errors import error_code, translated
    from backup_actions.aws.world import Host, World

__all__ = ["Clients", "Host", "World", "error_code", "translated"]

_MODULES = {"Clients": "clients", "Host": "world", "World": "world", "error_code": "errors", "translated": "errors"}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load the module that a name lives in (PEP 562)."""
        if name not in _MODULES:
            raise AttributeError(f"{__name__} has no {name}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value
