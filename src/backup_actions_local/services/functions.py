"""Lambda: functions in warm sandboxes, invoked and waited for, or for later."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Call, Handler, Refused
from backup_actions_local.services.chores import Chores
from backup_actions_local.services.hosting.doom import Doom
from backup_actions_local.services.hosting.orders import FunctionError, FunctionOrder, Hosting, Sandbox
from backup_actions_local.services.identifiers import Identifiers
from backup_actions_local.services.paging import only

if TYPE_CHECKING:
    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.place import Place

DeadLetters = Callable[[str, Mapping[str, str]], object]
"""Takes the event as text, and the attributes that say what the function made of it."""

# An event that nobody waits for is tried three times in all.
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
_REPEATED_AFTER_SECONDS = (60.0, 120.0)


@dataclass(eq=False, slots=True)
class _Function:
    order: FunctionOrder
    dead_letters: DeadLetters | None
    idle: list[Sandbox] = field(default_factory=list)
    all: list[Sandbox] = field(default_factory=list)


class Functions:
    """Functions by name. As many sandboxes of one run at a time as are asked for."""

    name = "lambda"

    def __init__(self, *, clock: SimulatedClock, place: Place, hosting: Hosting) -> None:
        self._clock, self._place, self._hosting = clock, place, hosting
        self._identifiers = Identifiers("lambda")
        self._chores = Chores(clock)
        self._lock = threading.Lock()
        self._functions: dict[str, _Function] = {}

    def register(
        self,
        name: str,
        code: str,
        role: str,
        *,
        timeout_seconds: int = 60,
        environment: Mapping[str, str] | None = None,
        dead_letters: DeadLetters | None = None,
    ) -> str:
        """Make a function of ``module:function`` under a role; return its ARN."""
        order = FunctionOrder(
            name=name, code=code, role=role, timeout_seconds=timeout_seconds, environment=dict(environment or {})
        )
        self._functions[name] = _Function(order, dead_letters)
        return self._place.arn("lambda", f"function:{name}")

    def invoke(self, name: str, event: Any) -> Any:
        """Return what the function returned. Raises FunctionError, or Refused when there is no such function."""
        function = self._function(name)
        doom = Doom(self._clock)
        seconds = function.order.timeout_seconds
        doom.watch(seconds, f"{self._identifiers.uuid()} Task timed out after {seconds:.2f} seconds")
        sandbox = self._take(function)
        try:
            return sandbox.invoke(json.dumps(event), doom)
        finally:
            doom.finish()
            self._give_back(function, sandbox)

    def invoke_later(self, name: str, event: Any) -> None:
        """Accept an event that nobody waits for. Raises Refused when there is no such function."""
        function = self._function(name)
        self._chores.begin(f"event for {name}", lambda: self._try_thrice(function, event))

    def close(self) -> None:
        """No sandbox is left, and nothing goes into one."""
        self._chores.close()
        for function in self._functions.values():
            with self._lock:
                sandboxes, function.all, function.idle = function.all, [], []
            for sandbox in sandboxes:
                sandbox.close()

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        return {"Invoke": self._invoke}

    def _invoke(self, call: Call) -> Mapping[str, Any]:
        only(call, "FunctionName", "InvocationType", "Payload")
        event = _event(call.params.get("Payload"))
        kind = call.params.get("InvocationType") or "RequestResponse"
        name = str(call.params["FunctionName"])
        if kind == "Event":
            self.invoke_later(name, event)
            return {"StatusCode": 202}
        if kind != "RequestResponse":
            raise Refused("NotEmbedded", f"the embedded AWS does not know invocations of type {kind}", 501)
        answer: dict[str, Any] = {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
        try:
            return answer | {"Payload": json.dumps(self.invoke(name, event)).encode()}
        except FunctionError as error:
            return answer | {"FunctionError": "Unhandled", "Payload": json.dumps(error.payload()).encode()}

    def _try_thrice(self, function: _Function, event: Any) -> None:
        for wait_seconds in (*_REPEATED_AFTER_SECONDS, None):
            try:
                self.invoke(function.order.name, event)
            except FunctionError as error:
                if wait_seconds is None:
                    self._bury(function, event, error)
                else:
                    self._chores.sleep(wait_seconds)
                continue
            return

    def _bury(self, function: _Function, event: Any, error: FunctionError) -> None:
        """Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html"""
        if function.dead_letters:
            attributes = {
                "RequestID": self._identifiers.uuid(),
                "ErrorCode": "200",
                "ErrorMessage": json.dumps(error.payload())[:1024],
            }
            function.dead_letters(json.dumps(event), attributes)

    def _function(self, name: str) -> _Function:
        """By name, or by ARN with or without a version."""
        plain = name.partition(":function:")[2] or name
        found = self._functions.get(plain.partition(":")[0])
        if found is None:
            arn = self._place.arn("lambda", f"function:{plain}")
            raise Refused("ResourceNotFoundException", f"Function not found: {arn}", 404)
        return found

    def _take(self, function: _Function) -> Sandbox:
        with self._lock:
            while function.idle:
                sandbox = function.idle.pop()
                if sandbox.is_alive:
                    return sandbox
                function.all.remove(sandbox)
                sandbox.close()
        sandbox = self._hosting.sandbox(function.order)
        with self._lock:
            function.all.append(sandbox)
        return sandbox

    def _give_back(self, function: _Function, sandbox: Sandbox) -> None:
        with self._lock:
            if sandbox in function.all and sandbox.is_alive:
                function.idle.append(sandbox)


def _event(payload: Any) -> Any:
    data = payload.read() if hasattr(payload, "read") else payload
    try:
        return json.loads(data) if data else {}
    except ValueError as wrong:
        raise Refused("InvalidRequestContentException", f"Could not parse request body into json: {wrong}") from wrong
