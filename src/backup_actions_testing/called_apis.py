"""Which APIs a step's Python code can call, read from its source.

From the step's function everything that it mentions is followed: functions, classes, module constants. A method counts
as called once its name is mentioned anywhere in what was reached and its class was mentioned too. That never misses a
call written as ``client.operation(…)`` and may find one too many, which a proof of minimal permissions would show.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import botocore.session
from botocore import xform_name

_TYPES_OF_CLIENTS = ("types_boto3_", "mypy_boto3_")
_NO_CALLS = frozenset({"exceptions", "meta", "can_paginate", "close"})
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True, order=True)
class ApiCall:
    """One operation by botocore's names."""

    service: str
    operation: str


class SourceUnclear(ValueError):
    """Which API is called there cannot be read from the source."""


@dataclass(frozen=True, slots=True)
class _Module:
    """A module's top level: what its names stand for."""

    name: str
    definitions: Mapping[str, _Definition]
    values: Mapping[str, ast.expr]
    imports: Mapping[str, tuple[str, str]]
    """Local name → module and name in it; an empty name for the module itself."""


@dataclass(slots=True)
class _Search:
    """What has been reached so far."""

    packages: frozenset[str]
    reached: set[tuple[str, str]] = field(default_factory=set)
    classes: dict[tuple[str, str], ast.ClassDef] = field(default_factory=dict)
    mentioned: set[str] = field(default_factory=set)
    client_attributes: dict[str, str] = field(default_factory=dict)
    calls: set[ApiCall] = field(default_factory=set)
    waiting: list[tuple[_Module, ast.AST, Mapping[str, str]]] = field(default_factory=list)


def apis_called_by(code: str) -> frozenset[ApiCall]:
    """The operations that ``module:function`` can call, in all the code that it reaches of its own and our packages.

    Raises SourceUnclear.
    """
    module, _, function = code.partition(":")
    search = _Search(frozenset({"backup_actions", module.partition(".")[0]}))
    _reach(search, module, function)
    before = -1
    while before != len(search.reached):
        before = len(search.reached)
        while search.waiting:
            _read(search, *search.waiting.pop())
        _reach_methods(search)
    return frozenset(search.calls)


def _reach(search: _Search, module_name: str, name: str) -> None:
    """Follow a name of a module to where it is defined."""
    if module_name.partition(".")[0] not in search.packages or (module_name, name) in search.reached:
        return
    module = _module(module_name)
    if module is None:
        return
    search.reached.add((module_name, name))
    definition = module.definitions.get(name)
    if isinstance(definition, ast.ClassDef):
        search.classes[module_name, name] = definition
        search.client_attributes.update(_client_attributes(definition, module))
        search.waiting += [(module, part, {}) for part in _class_level(definition)]
    elif definition is not None:
        search.waiting.append((module, definition, {}))
    elif name in module.values:
        search.waiting.append((module, module.values[name], {}))
    elif name in module.imports:
        origin, original = module.imports[name]
        _reach(search, origin, original)


def _reach_methods(search: _Search) -> None:
    """Methods whose name and class have both been mentioned; those with two underscores are always called."""
    for (module_name, class_name), definition in list(search.classes.items()):
        module = _module(module_name)
        for method in definition.body:
            if module is None or not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            key = (module_name, f"{class_name}.{method.name}")
            wanted = method.name in search.mentioned or method.name.startswith("__")
            if wanted and key not in search.reached:
                search.reached.add(key)
                search.waiting.append((module, method, {}))
    while search.waiting:
        _read(search, *search.waiting.pop())


def _read(search: _Search, module: _Module, tree: ast.AST, outer: Mapping[str, str]) -> None:
    clients = {**outer, **_local_clients(tree, search, module)}
    for node in _without_annotations(tree):
        if isinstance(node, ast.Name):
            _reach(search, module.name, node.id)
        elif isinstance(node, ast.Attribute):
            search.mentioned.add(node.attr)
            if isinstance(node.value, ast.Name) and (origin := module.imports.get(node.value.id)):
                _reach(search, ".".join(filter(None, origin)), node.attr)
            if service := _service_of(node.value, clients, search.client_attributes):
                search.calls.update(_operations(service, node, tree))


def _operations(service: str, node: ast.Attribute, tree: ast.AST) -> Iterator[ApiCall]:
    """The operation that an attribute of a client is; for a paginator the one that it names."""
    if node.attr in _NO_CALLS:
        return
    name = node.attr
    if name in {"get_paginator", "get_waiter"}:
        (call,) = [each for each in ast.walk(tree) if isinstance(each, ast.Call) and each.func is node]
        (argument,) = call.args
        if not isinstance(argument, ast.Constant):
            raise SourceUnclear(f"{ast.unparse(call)}: name the {name.removeprefix('get_')} by a literal")
        name = str(argument.value)
    yield ApiCall(service, _operation_names(service)[name])


@cache
def _services() -> frozenset[str]:
    return frozenset(botocore.session.get_session().get_available_services())


@cache
def _operation_names(service: str) -> Mapping[str, str]:
    """boto3's method → botocore's operation."""
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name): name for name in model.operation_names}


def _service_of(value: ast.expr, clients: Mapping[str, str], attributes: Mapping[str, str]) -> str | None:
    """The service of an expression that is a client: ``world.clients.ec2``, a variable, an attribute that holds one.

    Raises SourceUnclear.
    """
    match value:
        case ast.Attribute(value=ast.Attribute(attr="clients") | ast.Name(id="clients"), attr=attribute):
            return next((name for name in (attribute, attribute.replace("_", "-")) if name in _services()), None)
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="clients") | ast.Name(id="clients"), attr="client")):
            return _named_service(value)
        case ast.Name(id=name):
            return clients.get(name)
        case ast.Attribute(attr=attribute):
            return attributes.get(attribute)
        case _:
            return None


def _named_service(call: ast.Call) -> str:
    """The service of ``world.clients.client("efs")``. Raises SourceUnclear."""
    match call.args:
        case [ast.Constant(value=str(service))] if service in _services():
            return service
        case _:
            raise SourceUnclear(f"{ast.unparse(call)}: name one of botocore's services by a literal")


def _local_clients(tree: ast.AST, search: _Search, module: _Module) -> dict[str, str]:
    """Variables and parameters that are clients."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and (service := _type_of(node.annotation, module)):
            found[node.arg] = service
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target, value in _pairs(node):
                if isinstance(target, ast.Name) and (service := _service_of(value, found, search.client_attributes)):
                    found[target.id] = service
    return found


def _client_attributes(definition: ast.ClassDef, module: _Module) -> dict[str, str]:
    """Fields of a class and attributes of ``self`` that hold a client."""
    found = {}
    parameters = {}
    for node in ast.walk(definition):
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and (service := _type_of(node.annotation, module))
        ):
            found[node.target.id] = service
        if isinstance(node, ast.arg) and (service := _type_of(node.annotation, module)):
            parameters[node.arg] = service
    for node in ast.walk(definition):
        if isinstance(node, ast.Assign):
            for target, value in _pairs(node):
                if isinstance(target, ast.Attribute) and (service := _service_of(value, parameters, {})):
                    found[target.attr] = service
    return found


def _pairs(node: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Target and value of an assignment, also of one that assigns several."""
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            yield from zip(target.elts, node.value.elts, strict=True)
        else:
            yield target, node.value


def _type_of(annotation: ast.expr | None, module: _Module) -> str | None:
    """The service of a client's type: its stubs are a package of their own, ``types_boto3_<service>``."""
    origin, name = module.imports.get(annotation.id, ("", "")) if isinstance(annotation, ast.Name) else ("", "")
    for prefix in _TYPES_OF_CLIENTS:
        if origin.startswith(prefix) and name.endswith("Client"):
            return origin.removeprefix(prefix).partition(".")[0].replace("_", "-")
    return None


def _without_annotations(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those of annotations, which call nothing."""
    yield tree
    for name, value in ast.iter_fields(tree):
        if name in {"annotation", "returns"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _without_annotations(child)


def _class_level(definition: ast.ClassDef) -> Iterator[ast.AST]:
    """Bases, decorators and what the class body runs; methods wait until they are mentioned."""
    yield from definition.bases
    yield from definition.decorator_list
    for part in definition.body:
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            yield part


@cache
def _module(name: str) -> _Module | None:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    imports = {}
    for node in ast.walk(tree):  # imports inside of functions too
        if isinstance(node, ast.ImportFrom):
            origin = importlib.util.resolve_name("." * node.level + (node.module or ""), spec.parent or "")
            imports.update({alias.asname or alias.name: (origin, alias.name) for alias in node.names})
        elif isinstance(node, ast.Import):
            imports.update({alias.asname or alias.name: (alias.name, "") for alias in node.names})
    return _Module(
        name,
        {node.name: node for node in tree.body if isinstance(node, _Definition)},
        dict(_values(tree)),
        imports,
    )


def _values(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            yield from ((target.id, value) for target, value in _pairs(node) if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value
