"""Functions: results, errors as Lambda gives them, timeouts, events that nobody waits for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from backup_actions_local.calls import Refused
from backup_actions_local.services.functions import Functions
from backup_actions_local.services.hosting.inline import Inline
from backup_actions_local.services.hosting.orders import FunctionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .conftest import Cloud


@pytest.fixture(name="functions")
def _functions(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Functions]:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    hosting = Inline(
        clock=cloud.clock,
        session_for=lambda role, session: boto3.Session(region_name="us-east-1"),
        url=lambda: "http://127.0.0.1:9",
    )
    functions = Functions(clock=cloud.clock, place=cloud.place, hosting=hosting)
    for name in ("double", "fail", "sleep"):
        environment = {"GREETING": "hello"}
        functions.register(name, f"job_steps:{name}", "task", timeout_seconds=10, environment=environment)
    yield functions
    functions.close()


def test_a_function_returns_what_its_code_returns(functions: Functions) -> None:
    assert functions.invoke("double", {"number": 21}) == {"twice": 42, "greeting": "hello"}


def test_a_function_is_found_by_its_arn(cloud: Cloud, functions: Functions) -> None:
    arn = cloud.place.arn("lambda", "function:double:$LATEST")

    assert functions.invoke(arn, {"number": 1})["twice"] == 2


def test_an_error_keeps_its_class_and_message(functions: Functions) -> None:
    with pytest.raises(FunctionError) as failed:
        functions.invoke("fail", {})

    assert (failed.value.error_type, failed.value.trace != ()) == ("SourceUnreadable", True)
    assert failed.value.message == "BA0401: cannot read the disk: it is gone"


def test_a_function_that_takes_too_long_is_ended_on_the_clock(cloud: Cloud, functions: Functions) -> None:
    begun = cloud.clock.now()
    with pytest.raises(FunctionError, match=r"Sandbox.Timedout.*after 10.00 seconds"):
        functions.invoke("sleep", {"seconds": 60})

    assert (cloud.clock.now() - begun).total_seconds() == 10


def test_an_api_caller_is_told_of_an_error_in_the_payload(cloud: Cloud, functions: Functions) -> None:
    ask = cloud.ask(functions)
    good = ask("Invoke", FunctionName="double", Payload=b'{"number": 2}')
    bad = ask("Invoke", FunctionName="fail", Payload=b"{}")

    assert json.loads(good["Payload"])["twice"] == 4
    assert "FunctionError" not in good
    assert (bad["StatusCode"], bad["FunctionError"]) == (200, "Unhandled")
    assert json.loads(bad["Payload"])["errorType"] == "SourceUnreadable"


def test_an_unknown_function_and_a_payload_that_is_no_json_are_refused(cloud: Cloud, functions: Functions) -> None:
    with pytest.raises(Refused, match="ResourceNotFoundException"):
        cloud.ask(functions)("Invoke", FunctionName="nobody")
    with pytest.raises(Refused, match="InvalidRequestContentException"):
        cloud.ask(functions)("Invoke", FunctionName="double", Payload=b"{")


def test_an_event_that_fails_three_times_is_kept_with_the_reason(cloud: Cloud, functions: Functions) -> None:
    letters: list[tuple[str, Mapping[str, str]]] = []
    functions.register(
        "late", "job_steps:fail", "task", dead_letters=lambda body, attributes: letters.append((body, attributes))
    )
    begun = cloud.clock.now()
    cloud.ask(functions)("Invoke", FunctionName="late", InvocationType="Event", Payload=b'{"a": 1}')
    cloud.clock.wait(lambda: bool(letters), 1000)
    ((body, attributes),) = letters

    assert (cloud.clock.now() - begun).total_seconds() >= 180
    assert json.loads(body) == {"a": 1}
    assert "SourceUnreadable" in attributes["ErrorMessage"]
