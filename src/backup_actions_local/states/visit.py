"""One state being run once: what its expressions see."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from backup_actions_local.states.expressions import is_expression
from backup_actions_local.states.failures import QUERY_EVALUATION_ERROR, StateFailed
from backup_actions_local.states.values import check_size, timestamp, to_jsonata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backup_actions.model.json_types import JsonValue
    from backup_actions_local.states.execution import Event, Execution
    from backup_actions_local.states.expressions import Expressions
    from backup_actions_local.states.values import JsonataValue


@dataclass(slots=True)
class Scope:
    """The variables of one ``States``; those of the scopes around it can be read."""

    outer: Mapping[str, JsonataValue] = field(default_factory=dict)
    own: dict[str, JsonataValue] = field(default_factory=dict)

    def visible(self) -> dict[str, JsonataValue]:
        """Every variable with its present value."""
        return {**self.outer, **self.own}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A state with its input and the variables as they were at entry; Assign changes only what comes next."""

    name: str
    state: Mapping[str, Any]
    input: JsonValue
    input_seen: JsonataValue
    """The same in jsonata's form."""
    scope: Scope
    variables: Mapping[str, JsonataValue]
    context: Mapping[str, JsonataValue]
    entered: Event
    execution: Execution
    expressions: Expressions

    def again(self, retry_count: int) -> Visit:
        """The same visit after an error that is retried."""
        return replace(self, context={**self.context, "State": {**self.context["State"], "RetryCount": retry_count}})

    def with_token(self, token: str) -> Visit:
        """What a Task sees that gives a token out."""
        return replace(self, context={**self.context, "Task": {"Token": token}})

    def with_item(self, index: int, item: JsonataValue) -> Visit:
        """What the ItemSelector of a Map sees."""
        return replace(self, context={**self.context, "Map": {"Item": {"Index": index, "Value": item}}})

    def evaluate(self, template: JsonValue, place: str, **more: JsonataValue) -> JsonValue:
        """A template's value; ``more`` is what ``$states`` has besides input and context.

        Raises StateFailed(States.QueryEvaluationError), which is in the history then.
        """
        if isinstance(template, int) or (isinstance(template, str) and not is_expression(template)):
            return template
        try:
            return self.expressions.evaluate(template, self._seen(more), place)
        except StateFailed as failure:
            raise self._query_failed(str(failure.cause), place) from failure

    def whole_number(self, name: str, least: int) -> int:
        """The value of a field that must be a whole number. Raises StateFailed(States.QueryEvaluationError)."""
        value = self.evaluate(self.state[name], name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self._query_failed(f"The field '{name}' must be a whole number from {least}, not {value!r}.", name)
        return value

    def of_type(self, value: JsonValue, kind: type, place: str) -> Any:
        """The value, if it has the type that the place needs. Raises StateFailed(States.QueryEvaluationError)."""
        if not isinstance(value, kind):
            raise self._query_failed(f"The field '{place}' must be {kind.__name__}, not {value!r}.", place)
        return value

    def moment(self, name: str) -> datetime:
        """The value of a field that must be a timestamp. Raises StateFailed(States.QueryEvaluationError)."""
        text = self.of_type(self.evaluate(self.state[name], name), str, name)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None or "T" not in text:
            raise self._query_failed(f"The field '{name}' must be an RFC 3339 timestamp, not {text!r}.", name)
        return moment.astimezone(UTC)

    def finish(self, part: Mapping[str, Any], default: JsonValue, **more: JsonataValue) -> JsonValue:
        """Evaluate Output and Assign of the state, a choice or a catcher; return the output.

        Both see the variables as they were at entry.
        """
        output = self.evaluate(part["Output"], "Output", **more) if "Output" in part else default
        check_size(output, f"the output of {self.name}")
        if "Assign" in part:
            assigned = self.evaluate(part["Assign"], "Assign", **more)
            check_size(assigned, f"what {self.name} assigns")
            self.scope.own.update(to_jsonata(assigned))
        return output

    def _seen(self, more: Mapping[str, JsonataValue]) -> Mapping[str, JsonataValue]:
        return {**self.variables, "states": {"input": self.input_seen, "context": self.context, **more}}

    def _query_failed(self, what: str, place: str) -> StateFailed:
        cause = (
            f"An error occurred while executing the state '{self.name}' "
            f"(entered at the event id #{self.entered.number}). {what}"
        )
        self.execution.record("EvaluationFailed", self.name, error=QUERY_EVALUATION_ERROR, cause=cause, location=place)
        return StateFailed(QUERY_EVALUATION_ERROR, cause)


def context_of(execution: Execution) -> Mapping[str, JsonataValue]:
    """The part of the context object that is the same for all states of an execution, in jsonata's form.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    """
    machine = execution.machine
    return {
        "Execution": {
            "Id": execution.arn,
            "Input": to_jsonata(execution.input),
            "Name": execution.name,
            "RoleArn": machine.role_arn,
            "StartTime": timestamp(execution.started),
        },
        "StateMachine": {"Id": machine.arn, "Name": machine.name},
    }
