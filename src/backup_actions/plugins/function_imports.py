"""What functions import has to be where they run: they have no packages but those that are copied beside ours.

Read from the source, from the step's module through everything that it imports. What an ``except ImportError`` stands
around is done without, and what is imported for a type checker alone is never imported.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from backup_actions.plugins.sources import source_of, spec_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from backup_actions.contract import Machine

OUR_PACKAGE = "backup_actions"
NOT_FOR_FUNCTIONS = ("cli", "settings")
"""What people use of our package and no function does; without it no function needs click, pydantic or rich."""

# boto3 and what it needs: https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
_OF_THE_RUNTIME = frozenset({"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True, slots=True)
class _Import:
    """One import: the module, and the name in it that may be a module too."""

    module: str
    name: str = ""


def complaints_about_imports(machine: Machine, packages: Collection[str] = ()) -> Iterator[str]:
    """What its tasks and functions import and would not find; these packages are copied beside its own."""
    steps = [(f"task {name}", task.code) for name, task in machine.tasks.items()]
    steps += [(f"function {function.name}", function.code) for function in machine.functions]
    there = {*packages, *(code.partition(":")[0].partition(".")[0] for _, code in steps), OUR_PACKAGE}
    read = cache(_imports_of)
    for step, code in steps:
        for importer, missing in _missing(code.partition(":")[0], there, read):
            yield f"{step}: {importer} imports {missing}, which is not in the code of functions"


def _missing(start: str, there: Collection[str], read: Callable[[str], Iterable[_Import]]) -> Iterator[tuple[str, str]]:
    """The module that imports, and what it would not find, each once."""
    seen, ahead, told = set[str](), [*_packages_around(start)], set[str]()
    while ahead:
        module = ahead.pop(0)
        if module in seen:
            continue
        seen.add(module)
        for found in read(module):
            top = found.module.partition(".")[0]
            if top not in there or _is_left_out(found.module):
                if top not in {*sys.stdlib_module_names, *_OF_THE_RUNTIME, *told}:
                    told.add(top)
                    yield module, found.module
                continue
            ahead += _packages_around(found.module)
            if found.name and spec_of(f"{found.module}.{found.name}"):
                ahead.append(f"{found.module}.{found.name}")


def _is_left_out(module: str) -> bool:
    own, _, inner = module.partition(".")
    return own == OUR_PACKAGE and inner.partition(".")[0] in NOT_FOR_FUNCTIONS


def _packages_around(module: str) -> Iterator[str]:
    """Importing ``a.b.c`` imports ``a`` and ``a.b`` first."""
    parts = module.split(".")
    yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _imports_of(module: str) -> tuple[_Import, ...]:
    """What it imports; of our own modules only at once: what they import later is for steps that are no functions."""
    spec = spec_of(module)
    tree = source_of(spec) if spec else None
    if spec is None or tree is None:
        return ()
    package = module if spec.submodule_search_locations is not None else module.rpartition(".")[0]
    later = module.partition(".")[0] != OUR_PACKAGE
    return tuple(_imports(tree, package, later=later))


def _imports(tree: ast.AST, package: str, *, later: bool) -> Iterator[_Import]:
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Import():
                yield from (_Import(alias.name) for alias in node.names)
            case ast.ImportFrom():
                base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                module = ".".join([*base, *filter(None, [node.module])])
                yield from (_Import(module, alias.name) for alias in node.names)
            case ast.If() if "TYPE_CHECKING" in ast.unparse(node.test):
                yield from (found for each in node.orelse for found in _imports_in(each, package, later=later))
            case ast.Try() if any(_stands_for_a_missing_module(handler) for handler in node.handlers):
                continue
            case _ if later or not isinstance(node, _FUNCTIONS):
                yield from _imports(node, package, later=later)


def _imports_in(statement: ast.stmt, package: str, *, later: bool) -> Iterator[_Import]:
    yield from _imports(ast.Module([statement], []), package, later=later)


def _stands_for_a_missing_module(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or "ImportError" in ast.unparse(handler.type) or "NotFound" in ast.unparse(handler.type)
