"""Errors as the States Language knows them: a name that Retry and Catch match, and a cause to read.

Names: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ALL = "States.ALL"
DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"
QUERY_EVALUATION_ERROR = "States.QueryEvaluationError"
RUNTIME = "States.Runtime"
TASK_FAILED = "States.TaskFailed"
TIMEOUT = "States.Timeout"

NAMES = frozenset({ALL, DATA_LIMIT_EXCEEDED, QUERY_EVALUATION_ERROR, TASK_FAILED, TIMEOUT})
"""The ``States.`` names that Retry and Catch may list here; ``States.Runtime`` is not one: nothing catches it."""


class StateFailed(Exception):
    """A state reports an error."""

    def __init__(self, error: str, cause: str | None = None) -> None:
        super().__init__(f"{error}: {cause}")
        self.error, self.cause = error, cause

    def output(self) -> dict[str, str]:
        """The error output, which a Catch sees as ``$states.errorOutput``."""
        return {"Error": self.error} if self.cause is None else {"Error": self.error, "Cause": self.cause}


class ExecutionEnded(Exception):
    """The execution was stopped or ran out of time: nothing more of it may run."""


def matches(names: Iterable[str], error: str) -> bool:
    """Whether an ``ErrorEquals`` covers this error.

    ``States.ALL`` leaves out States.DataLimitExceeded, ``States.TaskFailed`` also States.Timeout; nothing covers
    States.Runtime.
    """
    if error == RUNTIME:
        return False
    if error in names:
        return True
    if error == DATA_LIMIT_EXCEEDED:
        return False
    return ALL in names or (TASK_FAILED in names and error != TIMEOUT)
