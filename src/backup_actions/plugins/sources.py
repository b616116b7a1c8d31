"""Modules are read, not imported: what they do on import is their own affair."""

from __future__ import annotations

import ast
import importlib.util
from functools import lru_cache
from importlib.machinery import PathFinder
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

# Python 3.11 counts the depth of all threads' trees together, and fails when two are made at once.
# https://github.com/python/cpython/issues/106905
_ONE_AT_A_TIME = Lock()


def spec_of(module: str) -> ModuleSpec | None:
    """Where the module is, found without running the packages around it; None if there is none."""
    package, _, inner = module.partition(".")
    spec = importlib.util.find_spec(package)
    for part in inner.split(".") if inner else ():
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(f"{spec.name}.{part}", spec.submodule_search_locations)
    return spec


def source_of(spec: ModuleSpec) -> ast.Module | None:
    """The module's source, or None where there is none: it is compiled."""
    get_source = getattr(spec.loader, "get_source", None)
    source = get_source(spec.name) if get_source else None
    if source is None:
        return None
    with _ONE_AT_A_TIME:
        return _parsed(source)


@lru_cache
def _parsed(source: str) -> ast.Module:
    """Warm functions load their action at every call."""
    return ast.parse(source)
