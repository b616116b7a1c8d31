"""The rules for a definition: the States Language's own, cut down to what the interpreter knows, and two of ours.

Ours: the machine and every Task state their timeout (AWS's default is three years), and every Fail says what failed.
https://states-language.net/spec.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backup_actions_local.states.expressions import is_expression
from backup_actions_local.states.failures import ALL, NAMES
from backup_actions_local.states.templates import MAP_ITEM, PLAIN, WITH_ERROR, WITH_RESULT, WITH_TOKEN, Templates
from backup_actions_local.states.tokens import CALLBACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from backup_actions_local.states.tasks import Integrations

_EVERY_STATE = {"Type", "Comment", "QueryLanguage"}
_GOES_ON = {"Next", "End", "Output", "Assign"}
_WORKS = _GOES_ON | {"Retry", "Catch"}
_FIELDS: Mapping[str, set[str]] = {
    "Pass": _GOES_ON,
    "Task": _WORKS | {"Resource", "Arguments", "TimeoutSeconds"},
    "Choice": {"Choices", "Default", "Output", "Assign"},
    "Wait": _GOES_ON | {"Seconds", "Timestamp"},
    "Map": _WORKS | {"Items", "ItemSelector", "ItemProcessor", "MaxConcurrency"},
    "Parallel": _WORKS | {"Branches", "Arguments"},
    "Succeed": {"Output"},
    "Fail": {"Error", "Cause"},
}
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "Task": ("Resource", "TimeoutSeconds"),
    "Choice": ("Choices", "Default"),
    "Map": ("ItemProcessor",),
    "Parallel": ("Branches",),
    "Fail": ("Error", "Cause"),
}
_MACHINE_FIELDS = {"Comment", "QueryLanguage", "Version", "StartAt", "States", "TimeoutSeconds"}
_BRANCH_FIELDS = {"Comment", "StartAt", "States"}
_RETRY_FIELDS = {
    "Comment", "ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy",
}  # fmt: skip
_LONGEST_NAME = 80
_LONGEST_SECONDS = 99_999_999


def mistakes_in(definition: Mapping[str, Any], integrations: Integrations) -> list[str]:
    """Everything that is wrong with a definition, each with the state it is in; empty if it can be run."""
    return _Validation(integrations).run(definition)


class _Validation:
    def __init__(self, integrations: Integrations) -> None:
        self._integrations = integrations
        self._mistakes: list[str] = []
        self._names: set[str] = set()

    def run(self, definition: Mapping[str, Any]) -> list[str]:
        self._unknown("the machine", definition, _MACHINE_FIELDS)
        if definition.get("QueryLanguage") != "JSONata":
            self._complain("the machine", "QueryLanguage must be JSONata")
        if not _is_whole(definition.get("TimeoutSeconds"), 1, _LONGEST_SECONDS):
            self._complain("the machine", "TimeoutSeconds is required, a whole number of seconds")
        self._scope("the machine", definition, outer=frozenset())
        return self._mistakes

    def _complain(self, where: str, what: str) -> None:
        self._mistakes.append(f"{where}: {what}")

    def _unknown(self, where: str, given: Mapping[str, Any], known: set[str]) -> None:
        for name in sorted(set(given) - known):
            self._complain(where, f"the field {name} is not known here")

    def _scope(self, where: str, scope: Mapping[str, Any], outer: frozenset[str]) -> None:
        """One ``States`` with its ``StartAt``: a scope of variables of its own."""
        states = scope.get("States")
        if not isinstance(states, dict) or not states or not all(isinstance(each, dict) for each in states.values()):
            self._complain(where, "States must hold states")
            return
        assigned = {name for state in states.values() for name in _assigned(state)}
        for name in sorted(assigned & outer):
            self._complain(where, f"the variable {name} belongs to an outer scope, which an inner one may only read")
        templates = Templates(self._complain, visible=frozenset(assigned) | outer)
        for name, state in states.items():
            self._state(name, state, templates)
        self._transitions(where, scope, states)

    def _transitions(self, where: str, scope: Mapping[str, Any], states: Mapping[str, Any]) -> None:
        for name, state in states.items():
            for target in _targets(state):
                if target not in states:
                    self._complain(name, f"goes to {target!r}, which is not there")
        start = scope.get("StartAt")
        if start not in states:
            self._complain(where, f"StartAt is {start!r}, which is not there")
            return
        reached, ahead = set[str](), [str(start)]
        while ahead:
            name = ahead.pop()
            if name in states and name not in reached:
                reached.add(name)
                ahead.extend(_targets(states[name]))
        for name in states:
            if name not in reached:
                self._complain(name, "no state leads here")
        if not any(_is_terminal(states[name]) for name in reached):
            self._complain(where, "no state ends it")

    def _state(self, name: str, state: Mapping[str, Any], templates: Templates) -> None:
        if name in self._names:
            self._complain(name, "another state of the machine has this name")
        self._names.add(name)
        if len(name) > _LONGEST_NAME:
            self._complain(name, f"a state's name has at most {_LONGEST_NAME} characters")
        kind = str(state.get("Type"))
        if kind not in _FIELDS:
            self._complain(name, f"the state type {kind} is not known")
            return
        self._unknown(name, state, _EVERY_STATE | _FIELDS[kind])
        for required in _REQUIRED.get(kind, ()):
            if required not in state:
                self._complain(name, f"{required} is required")
        if state.get("QueryLanguage", "JSONata") != "JSONata":
            self._complain(name, "QueryLanguage must be JSONata")
        if "Next" in _FIELDS[kind] and ("Next" in state) == (state.get("End") is True):
            self._complain(name, "needs either Next or End: true")
        works = "Retry" in _FIELDS[kind]
        templates.check(name, state, {"Output": WITH_RESULT if works else PLAIN})
        templates.check_assign(name, state, WITH_RESULT if works else PLAIN)
        if works:
            self._retries(name, state.get("Retry", []))
            self._catches(name, state.get("Catch", []), templates)
        check = getattr(self, f"_{kind.lower()}", None)
        if check is not None:
            check(name, state, templates)

    def _task(self, name: str, state: Mapping[str, Any], templates: Templates) -> None:
        gives_token = str(state.get("Resource", "")).endswith(CALLBACK)
        templates.check(name, state, {"Arguments": WITH_TOKEN if gives_token else PLAIN, "TimeoutSeconds": PLAIN})
        if gives_token and "$states.context.Task.Token" not in str(state.get("Arguments")):
            self._complain(name, "nobody can end it: no argument holds $states.context.Task.Token")
        self._number(name, state, "TimeoutSeconds", 1)
        prefix, separator, resource = str(state.get("Resource", "")).partition(":states:::")
        if not separator or not prefix.startswith("arn:"):
            self._complain(name, f"the Resource {state.get('Resource')!r} is no service integration")
            return
        for mistake in self._integrations.mistakes(resource, state.get("Arguments")):
            self._complain(name, mistake)

    def _choice(self, name: str, state: Mapping[str, Any], templates: Templates) -> None:
        choices = state.get("Choices")
        if not isinstance(choices, list) or not choices:
            self._complain(name, "Choices must be a list that is not empty")
            return
        for number, rule in enumerate(choices, 1):
            where = f"{name}, choice {number}"
            if not isinstance(rule, dict) or not {"Condition", "Next"} <= rule.keys():
                self._complain(where, "needs a Condition and a Next")
                continue
            self._unknown(where, rule, {"Comment", "Condition", "Next", "Assign", "Output"})
            condition = rule["Condition"]
            if not (isinstance(condition, bool) or (isinstance(condition, str) and is_expression(condition))):
                self._complain(where, "the Condition is neither a boolean nor an expression")
            templates.check(where, rule, {"Condition": PLAIN, "Output": PLAIN})
            templates.check_assign(where, rule, PLAIN)

    def _wait(self, name: str, state: Mapping[str, Any], templates: Templates) -> None:
        if ("Seconds" in state) == ("Timestamp" in state):
            self._complain(name, "needs either Seconds or Timestamp")
        templates.check(name, state, {"Seconds": PLAIN, "Timestamp": PLAIN})
        self._number(name, state, "Seconds", 0)

    def _fail(self, name: str, state: Mapping[str, Any], templates: Templates) -> None:
        templates.check(name, state, {"Error": PLAIN, "Cause": PLAIN})
        for field in ("Error", "Cause"):
            if not isinstance(state.get(field, ""), str):
                self._complain(name, f"{field} must be a string")
        if str(state.get("Error", "")).startswith("States."):
            self._complain(name, "an Error of ours must not begin with States.")

    def _parallel(self, name: str, state: Mapping[str, Any], templates: Templates) -> None:
        templates.check(name, state, {"Arguments": PLAIN})
        branches = state.get("Branches")
        if not isinstance(branches, list) or not branches:
            self._complain(name, "Branches must be a list that is not empty")
            return
        for number, branch in enumerate(branches, 1):
            self._inner(f"{name}, branch {number}", branch, _BRANCH_FIELDS, templates)

    def _map(self, name: str, state: Mapping[str, Any], templates: Templates) -> None:
        templates.check(name, state, {"Items": PLAIN, "ItemSelector": MAP_ITEM, "MaxConcurrency": PLAIN})
        items = state.get("Items", [])
        if not isinstance(items, list) and not (isinstance(items, str) and is_expression(items)):
            self._complain(name, "Items is neither a list nor an expression")
        self._number(name, state, "MaxConcurrency", 0)
        processor = state.get("ItemProcessor")
        where = f"{name}, processor"
        self._inner(where, processor, _BRANCH_FIELDS | {"ProcessorConfig"}, templates)
        if isinstance(processor, dict) and processor.get("ProcessorConfig", {"Mode": "INLINE"}) != {"Mode": "INLINE"}:
            self._complain(where, "only the mode INLINE is known")

    def _inner(self, where: str, scope: object, known: set[str], templates: Templates) -> None:
        if not isinstance(scope, dict):
            self._complain(where, "must hold StartAt and States")
            return
        self._unknown(where, scope, known)
        self._scope(where, scope, outer=templates.visible)

    def _number(self, name: str, given: Mapping[str, Any], field: str, least: int) -> None:
        value = given.get(field, least)
        if not _is_whole(value, least, _LONGEST_SECONDS) and not (isinstance(value, str) and is_expression(value)):
            self._complain(name, f"{field} is {value!r}: it must be a whole number from {least}, or an expression")

    def _retries(self, name: str, retries: object) -> None:
        for where, retrier in self._handlers(name, "Retry", retries):
            self._unknown(where, retrier, _RETRY_FIELDS)
            for field, least in (("IntervalSeconds", 1), ("MaxAttempts", 0), ("MaxDelaySeconds", 1)):
                if not _is_whole(retrier.get(field, least), least, _LONGEST_SECONDS):
                    self._complain(where, f"{field} must be a whole number from {least}")
            rate = retrier.get("BackoffRate", 2.0)
            if isinstance(rate, bool) or not isinstance(rate, int | float) or rate < 1:
                self._complain(where, "BackoffRate must be a number from 1")
            if retrier.get("JitterStrategy", "NONE") not in {"NONE", "FULL"}:
                self._complain(where, "JitterStrategy is NONE or FULL")

    def _catches(self, name: str, catches: object, templates: Templates) -> None:
        for where, catcher in self._handlers(name, "Catch", catches):
            self._unknown(where, catcher, {"Comment", "ErrorEquals", "Next", "Assign", "Output"})
            if "Next" not in catcher:
                self._complain(where, "Next is required")
            templates.check(where, catcher, {"Output": WITH_ERROR})
            templates.check_assign(where, catcher, WITH_ERROR)

    def _handlers(self, name: str, field: str, handlers: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The entries of a Retry or Catch whose ErrorEquals has been checked."""
        if not isinstance(handlers, list):
            self._complain(name, f"{field} must be a list")
            return
        for number, handler in enumerate(handlers, 1):
            where = f"{name}, {field} {number}"
            names = handler.get("ErrorEquals") if isinstance(handler, dict) else None
            if not isinstance(names, list) or not names or not all(isinstance(each, str) for each in names):
                self._complain(where, "ErrorEquals must be a list of error names")
                continue
            for unknown in (each for each in names if each.startswith("States.") and each not in NAMES):
                self._complain(where, f"{unknown} is not an error that can be handled here")
            if ALL in names and (len(names) > 1 or number < len(handlers)):
                self._complain(where, f"{ALL} must stand alone and in the last place")
            yield where, handler


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_terminal(state: Mapping[str, Any]) -> bool:
    return state.get("End") is True or state.get("Type") in {"Succeed", "Fail"}


def _parts(state: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The state itself, its choices and its catchers: what may lead on and may assign."""
    yield state
    for field in ("Choices", "Catch"):
        entries = state.get(field)
        yield from (each for each in (entries if isinstance(entries, list) else ()) if isinstance(each, dict))


def _targets(state: Mapping[str, Any]) -> list[str]:
    return [str(part[field]) for part in _parts(state) for field in ("Next", "Default") if field in part]


def _assigned(state: Mapping[str, Any]) -> Iterator[str]:
    for part in _parts(state):
        names = part.get("Assign")
        yield from names if isinstance(names, dict) else ()
