"""JSONata as Step Functions evaluates it: whole strings in ``{% %}``, and nothing undefined may come out.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

from jsonata import Jsonata

from backup_actions_local.states.failures import QUERY_EVALUATION_ERROR, StateFailed
from backup_actions_local.states.functions import own_functions
from backup_actions_local.states.values import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from backup_actions.model.json_types import JsonValue
    from backup_actions_local.states.values import JsonataValue

_OPEN, _CLOSE = "{%", "%}"
_PATH = re.compile(r"\$[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)


def is_expression(text: str) -> bool:
    """Whether a string is evaluated: it must be an expression from its first character to its last."""
    return text.startswith(_OPEN) and text.endswith(_CLOSE) and len(text) >= len(_OPEN) + len(_CLOSE)


def looks_like_expression(text: str) -> bool:
    """Whether somebody meant a string to be evaluated that AWS would pass on as it is."""
    return not is_expression(text) and (_OPEN in text or _CLOSE in text)


def inner(text: str) -> str:
    """The JSONata inside the delimiters."""
    return text[len(_OPEN) : -len(_CLOSE)].strip()


class Expressions:
    """Evaluates templates; every expression is compiled once, whoever uses it.

    ``now`` is the clock of ``$now`` and ``$millis``; ``seed`` makes ``$random`` and ``$uuid`` the same in every run.
    """

    def __init__(self, now: Callable[[], datetime], seed: int = 0) -> None:
        self._functions = own_functions(now, random.Random(seed))  # noqa: S311 - chance that can be repeated
        self._compiled: dict[str, Jsonata] = {}

    def evaluate(self, template: JsonValue, variables: Mapping[str, JsonataValue], field: str) -> JsonValue:
        """Replace every expression in a template, however deep, by its result; everything else stays as it is.

        ``variables`` are in jsonata's form; ``field`` names the place for the error's cause.
        Raises StateFailed(States.QueryEvaluationError).
        """
        if isinstance(template, str):
            return self._result(inner(template), variables, field) if is_expression(template) else template
        if isinstance(template, dict):
            return {key: self.evaluate(value, variables, f"{field}/{key}") for key, value in template.items()}
        if isinstance(template, list | tuple):
            return [self.evaluate(value, variables, f"{field}[{index}]") for index, value in enumerate(template)]
        return template

    def _result(self, text: str, variables: Mapping[str, JsonataValue], field: str) -> JsonValue:
        try:
            found = _member(text, variables)
            if found is None:
                found = self._compile(text).evaluate(None, variables)
            if found is not None:
                return to_json(found)  # type: ignore[no-any-return]
        except Exception as error:
            # The library lets Python's own errors out (a division by zero, a type), besides its JException.
            raise _failed(text, field, f"threw an error during evaluation. {_reason(error)}") from error
        raise _failed(text, field, "returned nothing (undefined).")

    def _compile(self, text: str) -> Jsonata:
        compiled = self._compiled.get(text)
        if compiled is None:
            compiled = Jsonata(text)
            # Otherwise null and undefined would both come out as None, and results that are inputs would be altered.
            compiled.set_output_convert_nulls(False)
            for name, function in self._functions.items():
                compiled.register_lambda(name, function)
            self._compiled[text] = compiled
        return compiled


def _member(text: str, variables: Mapping[str, JsonataValue]) -> JsonataValue:
    """What a path like ``$states.result.Id`` leads to through objects alone; None if that is not all there is to it."""
    if _PATH.fullmatch(text) is None:
        return None
    first, *names = text[1:].split(".")
    found = variables.get(first)
    for name in names:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return None if isinstance(found, list) else found  # of lists jsonata makes sequences


def _failed(text: str, field: str, what: str) -> StateFailed:
    return StateFailed(
        QUERY_EVALUATION_ERROR, f"The JSONata expression '{text}' specified for the field '{field}' {what}"
    )


def _reason(error: Any) -> str:
    code = getattr(error, "error", None)
    return f"{code}: {error}" if code else str(error)
