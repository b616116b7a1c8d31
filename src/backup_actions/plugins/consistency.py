"""What a description says about itself must agree: each check returns complaints, and nothing is imported or called."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import types
import typing

from backup_actions.contract import Action, Machine, Settings, Statement
from backup_actions.contract.placeholders import (
    FUNCTION_PREFIX,
    JOB_PREFIX,
    KEY_PREFIX,
    PATTERN,
    QUEUE_ARN_PREFIX,
    QUEUE_PREFIX,
    ROLE_PREFIX,
    SETTING_PREFIX,
    STRUCTURES,
    TEXT,
    TOPIC_PREFIX,
    names_in,
    placeholder_of,
)
from backup_actions.contract.settings import doc_of, limits_of
from backup_actions.errors import SettingInvalid
from backup_actions.plugins.sources import source_of, spec_of

if typing.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RESERVED_SETTINGS = ("enabled", "select")
"""Every action's section of the settings file has these; an action's own settings cannot be called so."""

_PLAIN = (str, int, float, bool)


def complaints_about(action: Action) -> list[str]:
    """Everything in which the action contradicts itself; empty for a sound one."""
    complaints = [*complaints_about_settings(action.settings), *complaints_about_code(action)]
    if not action.handles:
        complaints.append("it handles no resource type")
    of_workflow = complaints_about_workflow(action)
    return [*complaints, *(of_workflow or [*complaints_about_permissions(action), *complaints_about_exchange(action)])]


def complaints_about_workflow(machine: Machine) -> list[str]:
    """The workflow can be read, knows its placeholders, and calls every task and job."""
    import yaml

    path = machine.folder / "workflow.asl.yaml"
    try:
        names = [name for name, _ in machine.workflow.states()]
        used = machine.workflow.placeholders()
    except (OSError, yaml.YAMLError, ValueError) as error:
        return [f"cannot read {path}: {' '.join(str(error).split())}"]
    except (KeyError, TypeError, AttributeError, AssertionError):
        return [f"{path} is not a state machine: it needs StartAt and States, each state a mapping"]
    callable_ = _callable_placeholders(machine)
    known = {*TEXT, *STRUCTURES, *callable_, *_exchange_placeholders(machine)}
    return [
        *(f"{path.name} uses the placeholder {_unknown(name, known)}" for name in sorted(used - known)),
        *(f"{path.name} never uses ${{{name}}}" for name in sorted(callable_ - used)),
        *(f"{path.name} has two states called {name}" for name in sorted({n for n in names if names.count(n) > 1})),
    ]


def complaints_about_permissions(machine: Machine) -> list[str]:
    """Statements use known placeholders and name states that the workflow has; the workflow must be readable."""
    complaints = []
    callable_ = _callable_placeholders(machine)
    of_functions = {f"the function {each.name}": each.permissions.tasks["function"] for each in machine.functions}
    for role, statements in {**machine.permissions.roles(), **of_functions}.items():
        for statement in statements:
            whole = {"VaultArns"} & {match[1] for text in statement.resources if (match := PATTERN.fullmatch(text))}
            known = {*TEXT, *callable_, *_exchange_placeholders(machine), *_setting_placeholders(machine), *whole}
            used = frozenset[str]().union(*map(names_in, _texts(statement)))
            complaints += [
                f"permissions of {role} use the placeholder {_unknown(name, known)}" for name in sorted(used - known)
            ]
    states = {name for name, _ in machine.workflow.states()}
    named = {state for statement in machine.permissions.workflow for state in statement.for_}
    return complaints + [
        f"permissions of workflow are for the state {_unknown(name, states)}" for name in sorted(named - states)
    ]


def complaints_about_exchange(machine: Machine) -> list[str]:
    """Who may use keys, topics and inboxes stands in settings that exist; inboxes wake states that the workflow has."""
    states = {name for name, _ in machine.workflow.states()}
    settings = set(_names_of_settings(machine))
    named = [
        *((f"key {name}", key.readers) for name, key in machine.keys.items()),
        *((f"topic {name}", topic.subscribers) for name, topic in machine.topics.items()),
        *((f"inbox {name}", inbox.senders) for name, inbox in machine.inboxes.items()),
        *((f"inbox {name}", inbox.topics) for name, inbox in machine.inboxes.items()),
    ]
    woken = [(name, state) for name, inbox in machine.inboxes.items() for state in inbox.wakes]
    return [
        *(
            f"{what} names the setting {_unknown(name, settings)}"
            for what, name in named
            if name and name not in settings
        ),
        *(f"inbox {name} wakes the state {_unknown(state, states)}" for name, state in woken if state not in states),
    ]


def complaints_about_code(machine: Machine) -> list[str]:
    """Every task and job names a function that a module really has; the module is read, not imported."""
    steps = [(f"task {name}", task.code) for name, task in machine.tasks.items()]
    steps += [(f"job {name}", job.code) for name, job in machine.jobs.items()]
    steps += [(f"function {function.name}", function.code) for function in machine.functions]
    return [f"{step}: {complaint}" for step, code in steps if (complaint := _code_complaint(code))]


def complaints_about_settings(kind: type[Settings]) -> list[str]:
    """Every setting is made by ``setting(…)``, has a plain type and a default within its own limits."""
    if not (isinstance(kind, type) and issubclass(kind, Settings)):
        return [f"its settings are {kind!r}, not a subclass of Settings"]
    try:
        hints = typing.get_type_hints(kind)
    except NameError as error:
        return [f"settings: the type {error.name} is not known at run time: import it outside of TYPE_CHECKING"]
    complaints = []
    for field in dataclasses.fields(kind):
        if field.name in RESERVED_SETTINGS:
            complaints.append(f"setting {field.name}: the name is reserved for every action's section")
        if not _is_declared(field):
            complaints.append(f"setting {field.name}: declare it with setting(doc, default=…)")
        if not _is_plain(hints[field.name]):
            complaints.append(
                f"setting {field.name}: a setting is a text, number, truth value, a tuple of them, or None"
            )
    if complaints:
        return complaints
    try:
        kind()
    except (SettingInvalid, TypeError, ValueError) as error:
        return [f"its settings cannot be made from their defaults: {error}"]
    return []


def _is_declared(field: dataclasses.Field[typing.Any]) -> bool:
    try:
        return bool(doc_of(field)) and limits_of(field) is not None
    except KeyError:
        return False


def _is_plain(hint: object) -> bool:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        others = [part for part in parts if part is not types.NoneType]
        return len(others) == 1 and _is_plain(others[0])
    if origin is typing.Literal:
        return all(isinstance(part, _PLAIN) for part in parts)
    if origin is tuple:
        return len(parts) == 2 and parts[1] is Ellipsis and _is_plain(parts[0])
    return hint in _PLAIN


def _callable_placeholders(machine: Machine) -> frozenset[str]:
    functions = {placeholder_of(FUNCTION_PREFIX, name) for name in machine.tasks}
    jobs = {placeholder_of(JOB_PREFIX, name) for name in machine.jobs}
    return frozenset(functions | jobs | {placeholder_of(ROLE_PREFIX, name) for name in machine.service_roles})


def _exchange_placeholders(machine: Machine) -> frozenset[str]:
    """Of what it exchanges with other accounts: permissions name all of that, workflows hardly any."""
    keys = {placeholder_of(KEY_PREFIX, name) for name in machine.keys}
    topics = {placeholder_of(TOPIC_PREFIX, name) for name in machine.topics}
    queues = {placeholder_of(prefix, name) for name in machine.inboxes for prefix in (QUEUE_PREFIX, QUEUE_ARN_PREFIX)}
    return frozenset(keys | topics | queues)


def _setting_placeholders(machine: Machine) -> frozenset[str]:
    return frozenset(placeholder_of(SETTING_PREFIX, name) for name in _names_of_settings(machine))


def _names_of_settings(machine: Machine) -> tuple[str, ...]:
    """None for settings of another kind, of which is told elsewhere."""
    return tuple(getattr(machine.settings, "__dataclass_fields__", ()))


def _texts(statement: Statement) -> Iterator[str]:
    yield from statement.resources
    for keys in statement.when.values():
        for key, value in keys.items():
            yield key
            yield from (value,) if isinstance(value, str) else value


def _unknown(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"{name}, which does not exist" + (f" (did you mean {close[0]}?)" if close else "")


def _code_complaint(code: str) -> str | None:
    module, colon, function = code.partition(":")
    if not (colon and function.isidentifier() and all(part.isidentifier() for part in module.split("."))):
        return f"{code!r} is not of the form module:function"
    try:
        spec = spec_of(module)
        tree = source_of(spec) if spec else None
    except Exception as error:  # noqa: BLE001 - finders and loaders may be anybody's, and raise whatever they do
        return f"module {module} cannot be read: {type(error).__name__}: {error}"
    if spec is None:
        return f"there is no module {module}"
    if tree is not None and function not in set(_names_bound_by(tree)):
        return f"module {module} has no {function}"
    return None


def _names_bound_by(tree: ast.Module) -> Iterator[str]:
    """Names that the module's top level binds: definitions, imports, assignments."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
