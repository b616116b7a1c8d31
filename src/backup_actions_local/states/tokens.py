"""Task tokens: a Task hands its token out and waits until somebody who has it tells how the Task ended.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Refused
from backup_actions_local.services.identifiers import Identifiers
from backup_actions_local.services.paging import only
from backup_actions_local.states.failures import StateFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from backup_actions.model.json_types import JsonValue
    from backup_actions_local.calls import Call, Handler
    from backup_actions_local.clock import SimulatedClock

CALLBACK = ".waitForTaskToken"
"""What the resource of such a Task ends in."""

_FORM = re.compile(r"AAAAKgAAAAIA[0-9a-f]{32}")


@dataclass(eq=False, slots=True)
class Token:
    """What a waiting Task gave out. It is over when the Task is, however that ended."""

    text: str
    answer: Success | StateFailed | None = None
    is_over: bool = False

    def result(self) -> JsonValue:
        """What the Task was told. Raises StateFailed if that was a failure."""
        assert self.answer is not None  # noqa: S101 - whoever asks has waited for it
        if isinstance(self.answer, StateFailed):
            raise self.answer
        return self.answer.output


@dataclass(frozen=True, slots=True)
class Success:
    """The Task's output."""

    output: JsonValue


class Tokens:
    """Every token that was ever given out; only the first answer to each counts."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._identifiers = Identifiers("task tokens")
        self._tokens: dict[str, Token] = {}
        self._lock = threading.Lock()

    @contextmanager
    def given(self) -> Iterator[Token]:
        """A new token, which is over when the block ends."""
        with self._lock:
            token = Token(f"AAAAKgAAAAIA{self._identifiers.uuid().replace('-', '')}")
            self._tokens[token.text] = token
        try:
            yield token
        finally:
            with self._lock:
                token.is_over = True

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        return {"SendTaskSuccess": self._succeed, "SendTaskFailure": self._fail}

    def _succeed(self, call: Call) -> Mapping[str, Any]:
        only(call, "taskToken", "output")
        try:
            output = json.loads(call.params["output"])
        except ValueError as error:
            raise Refused("InvalidOutput", f"Invalid Output: '{error}'") from error
        return self._answer(call, Success(output))

    def _fail(self, call: Call) -> Mapping[str, Any]:
        only(call, "taskToken", "error", "cause")
        if "error" not in call.params:
            raise Refused("NotEmbedded", "the embedded AWS does not know failures of Tasks without an error", 501)
        return self._answer(call, StateFailed(call.params["error"], call.params.get("cause")))

    def _answer(self, call: Call, answer: Success | StateFailed) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html (Errors)"""
        text = call.params["taskToken"]
        if not _FORM.fullmatch(text):
            raise Refused("InvalidToken", "Invalid Token: 'Invalid token'")
        with self._lock:
            token = self._tokens.get(text)
            if token is None:
                raise Refused("TaskDoesNotExist", "Task does not exist")
            if token.is_over or token.answer is not None:
                raise Refused("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
            token.answer = answer
        self._clock.changed(text)
        return {}
