"""The bus: rules, deliveries, repetitions, dead letters, lost and late events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from backup_actions_local.calls import Refused
from backup_actions_local.services.events import Event, RetryPolicy, Target
from backup_actions_local.services.input_transformers import InputTransformer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .conftest import Cloud

ARN = "arn:aws:lambda:us-east-1:111122223333:function:intake"


class _Stubborn:
    """Refuses so many times, then takes the event."""

    def __init__(self, refusals: int, code: str = "ServiceException") -> None:
        self.left, self.code = refusals, code
        self.taken: list[Any] = []
        self.asked = 0

    def __call__(self, event: Any) -> None:
        self.asked += 1
        if self.left:
            self.left -= 1
            raise Refused(self.code, "not now")
        self.taken.append(event)


def test_an_event_reaches_the_targets_of_matching_rules_in_its_envelope(cloud: Cloud) -> None:
    taken: list[Event] = []
    cloud.events.rule("mine", {"source": ["my.app"]}, Target(arn=ARN, deliver=taken.append))
    cloud.events.rule("other", {"source": ["other"]}, Target(arn=ARN, deliver=taken.append))
    event_id = cloud.events.put("my.app", "Thing Happened", {"a": 1}, ["arn:x"])
    cloud.clock.sleep(5)

    assert taken == [
        {
            "version": "0",
            "id": event_id,
            "detail-type": "Thing Happened",
            "source": "my.app",
            "account": "111122223333",
            "time": "2026-01-15T03:00:00Z",
            "region": "us-east-1",
            "resources": ["arn:x"],
            "detail": {"a": 1},
        }
    ]


def test_a_transformer_changes_what_the_target_receives(cloud: Cloud) -> None:
    taken: list[Any] = []
    transformer = InputTransformer('{"is": <a>}', {"a": "$.detail.a"})
    cloud.events.rule("r", {"source": ["my.app"]}, Target(arn=ARN, deliver=taken.append, transformer=transformer))
    cloud.events.put("my.app", "T", {"a": 1})
    cloud.clock.sleep(5)

    assert taken == [{"is": 1}]


def test_a_refused_delivery_is_repeated(cloud: Cloud) -> None:
    target = _Stubborn(2)
    cloud.events.rule("r", {"source": ["my.app"]}, Target(arn=ARN, deliver=target))
    cloud.events.put("my.app", "T", {})
    cloud.clock.sleep(600)

    assert (target.asked, len(target.taken)) == (3, 1)


def _buried(cloud: Cloud, target: _Stubborn, retry: RetryPolicy) -> tuple[Any, Mapping[str, str]]:
    letters: list[tuple[Any, Mapping[str, str]]] = []
    cloud.events.rule(
        "r",
        {"source": ["my.app"]},
        Target(
            arn=ARN,
            deliver=target,
            retry=retry,
            dead_letters=lambda body, attributes: letters.append((json.loads(body), attributes)),
        ),
    )
    cloud.events.put("my.app", "T", {"a": 1})
    cloud.clock.sleep(100_000)
    (letter,) = letters
    return letter


def test_what_nobody_takes_ends_in_the_dead_letter_queue_with_the_reason(cloud: Cloud) -> None:
    body, attributes = _buried(cloud, _Stubborn(99), RetryPolicy(attempts=3))

    assert body["detail"] == {"a": 1}
    assert attributes == {
        "RULE_ARN": "arn:aws:events:us-east-1:111122223333:rule/r",
        "TARGET_ARN": ARN,
        "ERROR_CODE": "ERROR_FROM_TARGET",
        "ERROR_MESSAGE": "ServiceException: not now",
        "RETRY_ATTEMPTS": "3",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
    }


def test_an_event_that_is_too_old_is_given_up(cloud: Cloud) -> None:
    _, attributes = _buried(cloud, _Stubborn(99), RetryPolicy(max_age_seconds=100))

    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumEventAgeInSeconds"


def test_a_missing_permission_is_not_tried_again(cloud: Cloud) -> None:
    target = _Stubborn(99, "AccessDeniedException")
    _, attributes = _buried(cloud, target, RetryPolicy())

    assert (target.asked, attributes["ERROR_CODE"], attributes["RETRY_ATTEMPTS"]) == (1, "NO_PERMISSIONS", "0")


def test_an_api_error_of_a_target_is_a_refusal(cloud: Cloud) -> None:
    letters: list[Mapping[str, str]] = []

    def start(_event: Any) -> None:
        error = {"Error": {"Code": "StateMachineDoesNotExist", "Message": "no such machine"}}
        raise ClientError(error, "StartExecution")  # type: ignore[arg-type]

    target = Target(arn=ARN, deliver=start, dead_letters=lambda _body, attributes: letters.append(attributes))
    cloud.events.rule("r", {"source": ["my.app"]}, target)
    cloud.events.put("my.app", "T", {})
    cloud.clock.sleep(5)

    assert [letter["ERROR_CODE"] for letter in letters] == ["NO_RESOURCE"]


def test_an_event_can_be_lost(cloud: Cloud) -> None:
    taken = cloud.watch()
    cloud.mishaps.drop_event("T")
    cloud.events.put("my.app", "T", {"n": 1})
    cloud.events.put("my.app", "T", {"n": 2})
    cloud.clock.sleep(5)

    assert [event["detail"]["n"] for event in taken] == [2]


def test_an_event_can_come_twice(cloud: Cloud) -> None:
    taken = cloud.watch()
    cloud.mishaps.repeat_event("T")
    event_id = cloud.events.put("my.app", "T", {})
    cloud.clock.sleep(5)

    assert [event["id"] for event in taken] == [event_id, event_id]


def test_an_event_can_be_overtaken(cloud: Cloud) -> None:
    taken = cloud.watch()
    cloud.mishaps.delay_event("T", 60)
    cloud.events.put("my.app", "T", {"n": 1})
    cloud.events.put("my.app", "T", {"n": 2})
    cloud.clock.sleep(120)

    assert [event["detail"]["n"] for event in taken] == [2, 1]
    cloud.mishaps.assert_all_happened()


def test_put_events_takes_what_is_in_order_and_says_what_is_not(cloud: Cloud) -> None:
    taken = cloud.watch()
    answer = cloud.ask(cloud.events)(
        "PutEvents",
        Entries=[
            {"Source": "my.app", "DetailType": "T", "Detail": '{"a": 1}', "Resources": ["arn:x"]},
            {"Source": "my.app", "DetailType": "T", "Detail": "no JSON"},
            {"Source": "aws.backup", "DetailType": "T", "Detail": "{}"},
            {"DetailType": "T", "Detail": "{}"},
        ],
    )
    cloud.clock.sleep(5)
    codes = [entry.get("ErrorCode") for entry in answer["Entries"]]

    assert codes == [None, "MalformedDetail", "NotAuthorizedForSourceException", "InvalidArgument"]
    assert answer["FailedEntryCount"] == 3
    assert [(event["detail"], event["resources"]) for event in taken] == [({"a": 1}, ["arn:x"])]
