"""From the text ``module:function`` in a description to the function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from backup_actions.aws import World

Step = Callable[[World, Mapping[str, Any]], Any]


def load_step(code: str) -> Step:
    """The function that a Task, Job or Function names. Raises ImportError or AttributeError."""
    module, _, name = code.partition(":")
    step: Step = getattr(import_module(module), name)
    return step
