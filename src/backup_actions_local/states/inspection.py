"""What an expression refers to, found without evaluating it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jsonata import JException, Jsonata, Parser

from backup_actions_local.states.functions import OWN_FUNCTION_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

# $eval is not there (use $parse): https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
FUNCTION_NAMES = frozenset(Jsonata.static_frame.bindings) - {"eval"} | OWN_FUNCTION_NAMES
# Nothing of ours uses them, and jsonata's copies would no longer share the one null.
_REFUSED_TYPES = {"transform": "the transform operator |…|", "parent": "the parent operator %"}
# What these parts mean is relative to the value that the path has reached.
_INSIDE_A_VALUE = ("predicate", "stages", "group", "terms", "rhs_terms")
_ALIKE = ("lhs", "rhs", "expression", "expressions", "arguments", "procedure", "body", "condition", "then", "_else")
_OBJECTS = ("lhs_object", "rhs_object")


@dataclass(slots=True)
class References:
    """The variables that an expression takes from outside, and what in it is not allowed."""

    variables: set[str] = field(default_factory=set)
    states_paths: set[tuple[str, ...]] = field(default_factory=set)
    """Of ``$states.input.x.y``, the names after ``$states``."""
    mistakes: list[str] = field(default_factory=list)


@lru_cache(maxsize=4096)
def references(text: str) -> References:
    """Read an expression (without its delimiters); a mistake of syntax is among the mistakes."""
    found = References()
    try:
        tree = Jsonata(text).ast
    except JException as error:
        found.mistakes.append(f"{error.error}: {error}")
        return found
    local = set[str]()
    _visit(tree, found, local, in_value=False)
    found.variables -= local
    found.variables -= {name for name in FUNCTION_NAMES if name not in local}
    if "eval" in found.variables:
        found.variables.discard("eval")
        found.mistakes.append("$eval does not exist in Step Functions; use $parse")
    return found


def _visit(node: Any, found: References, local: set[str], *, in_value: bool) -> None:
    if node.type in _REFUSED_TYPES:
        found.mistakes.append(f"{_REFUSED_TYPES[node.type]} is not embedded")
        return
    _note(node, found, local, in_value=in_value)
    if node.type == "path":
        for number, step in enumerate(node.steps):
            _visit(step, found, local, in_value=in_value or number > 0)
        _note_path(node.steps, found)
    for attribute in _ALIKE:
        for child in _children(getattr(node, attribute, None)):
            _visit(child, found, local, in_value=in_value)
    for attribute in _INSIDE_A_VALUE:
        for child in _children(getattr(node, attribute, None)):
            _visit(getattr(child, "expr", None) or child, found, local, in_value=True)
    for attribute in _OBJECTS:
        for pair in getattr(node, attribute, None) or ():
            for child in pair:
                _visit(child, found, local, in_value=in_value or attribute == "rhs_object")


def _note(node: Any, found: References, local: set[str], *, in_value: bool) -> None:
    """Names that the node binds or uses by itself."""
    local.update(str(name) for name in (node.focus, node.index) if isinstance(name, str))
    if node.type == "lambda":
        local.update(str(argument.value) for argument in node.arguments)
    elif node.type == "bind":
        local.add(str(node.lhs.value))
    elif node.type == "variable" and node.value == "$":
        found.mistakes.append("$$ refers to an input document, and Step Functions has none")
    elif node.type == "variable" and node.value == "" and not in_value:
        found.mistakes.append("$ at the top level refers to an input document, and Step Functions has none")
    elif node.type == "variable" and node.value:
        found.variables.add(str(node.value))
    elif node.type in {"name", "wildcard", "descendant"} and not in_value:
        what = f"the field name {node.value!r}" if node.type == "name" else node.value
        found.mistakes.append(f"{what} at the top level refers to an input document; begin with a variable")


def _note_path(steps: list[Any], found: References) -> None:
    if steps[0].type == "variable" and steps[0].value == "states":
        names = list[str]()
        for step in steps[1:]:
            if step.type != "name":
                break
            names.append(str(step.value))
        found.states_paths.add(tuple(names))


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, Parser.Symbol):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _children(each)
