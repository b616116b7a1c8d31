"""The rules for what stands inside a state's fields: expressions, and what they may refer to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backup_actions_local.states.expressions import inner, is_expression, looks_like_expression
from backup_actions_local.states.inspection import references

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PLAIN = frozenset({"input", "context"})
"""What of ``$states`` may be read before there is a result."""
WITH_RESULT = PLAIN | {"result"}
WITH_ERROR = PLAIN | {"errorOutput"}
MAP_ITEM = PLAIN | {"item"}
"""In an ItemSelector, ``$states.context.Map.Item`` too."""
WITH_TOKEN = PLAIN | {"token"}
"""In the Arguments of a Task that gives its token out, ``$states.context.Task.Token`` too."""

# https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
_CONTEXT = {
    "Execution": {"Id", "Input", "Name", "RoleArn", "StartTime"},
    "State": {"EnteredTime", "Name", "RetryCount"},
    "StateMachine": {"Id", "Name"},
}
_MAP_ITEM_FIELDS = {"Index", "Value"}
_LONGEST_VARIABLE = 80


@dataclass(frozen=True, slots=True)
class Templates:
    """Checks the templates of one scope; ``visible`` are the variables that any of its states may read."""

    complain: Callable[[str, str], None]
    visible: frozenset[str]

    def check(self, where: str, given: Mapping[str, Any], readable: Mapping[str, frozenset[str]]) -> None:
        """Complain of each expression in the given fields that could not be evaluated."""
        for field, states in readable.items():
            if field in given:
                self._check_value(where, given[field], field, states)

    def check_assign(self, where: str, given: Mapping[str, Any], readable: frozenset[str]) -> None:
        """The same for Assign, and its names.

        https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html (Variable name syntax)
        """
        assigned = given.get("Assign", {})
        if not isinstance(assigned, dict):
            self.complain(where, "Assign must be an object")
            return
        for name, value in assigned.items():
            is_name = isinstance(name, str) and name.isidentifier() and not name.startswith("_")
            if not is_name or len(name) > _LONGEST_VARIABLE or name == "states":
                self.complain(where, f"{name!r} cannot be the name of a variable")
            self._check_value(where, value, f"Assign/{name}", readable)

    def _check_value(self, where: str, value: object, field: str, readable: frozenset[str]) -> None:
        if isinstance(value, dict):
            for key, each in value.items():
                if not isinstance(key, str):
                    self.complain(where, f"{field}: the key {key!r} is not a string")
                elif key.endswith(".$"):
                    self.complain(where, f"{field}: the key {key!r} belongs to JSONPath")
                self._check_value(where, each, f"{field}/{key}", readable)
        elif isinstance(value, list):
            for index, each in enumerate(value):
                self._check_value(where, each, f"{field}[{index}]", readable)
        elif isinstance(value, str) and is_expression(value):
            for mistake in self._mistakes(inner(value), readable):
                self.complain(where, f"{field}: {mistake}")
        elif isinstance(value, str) and looks_like_expression(value):
            self.complain(where, f"{field}: an expression must fill the whole string, without space around {{% %}}")

    def _mistakes(self, text: str, readable: frozenset[str]) -> Iterator[str]:
        found = references(text)
        yield from found.mistakes
        for name in sorted(found.variables - {"states"} - self.visible):
            yield f"${name} is neither a function nor a variable that this scope assigns"
        for path in sorted(found.states_paths):
            if mistake := _states_mistake(path, readable):
                yield mistake


def _states_mistake(path: tuple[str, ...], readable: frozenset[str]) -> str | None:
    if not path:
        return None
    if path[0] not in readable - {"item", "token"}:
        return f"$states.{path[0]} cannot be read here"
    if path[0] != "context" or len(path) == 1:
        return None
    if path[1] == "Map":
        known = "item" in readable and path[2:3] in {(), ("Item",)} and set(path[3:4]) <= _MAP_ITEM_FIELDS
    elif path[1] == "Task":
        known = "token" in readable and path[2:] in {(), ("Token",)}
    else:
        known = path[1] in _CONTEXT and set(path[2:3]) <= _CONTEXT[path[1]]
    return None if known else f"$states.{'.'.join(path)} is not known here"
