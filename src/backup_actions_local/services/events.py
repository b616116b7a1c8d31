"""EventBridge: the default bus, rules with patterns, targets with retries and dead letters."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from backup_actions_local.calls import Call, Handler, Refused
from backup_actions_local.services import event_patterns
from backup_actions_local.services.chores import Chores
from backup_actions_local.services.identifiers import Identifiers
from backup_actions_local.services.paging import only

if TYPE_CHECKING:
    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.durations import Durations
    from backup_actions_local.services.input_transformers import InputTransformer
    from backup_actions_local.services.mishaps import Mishaps
    from backup_actions_local.services.place import Place

Event = Mapping[str, Any]
Deliver = Callable[[Any], object]
"""Hands the input to a target; raises Refused, or botocore's ClientError, when the target does not take it."""
DeadLetters = Callable[[str, Mapping[str, str]], object]
"""Takes the event as text, and the attributes that say why nobody took it."""

# Errors after which nobody tries again: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
_FINAL = {
    "AccessDeniedException": "NO_PERMISSIONS",
    "AccessDenied": "NO_PERMISSIONS",
    "ResourceNotFoundException": "NO_RESOURCE",
    "StateMachineDoesNotExist": "NO_RESOURCE",
    "NotFound": "NO_RESOURCE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long delivery is repeated; the defaults are EventBridge's."""

    attempts: int = 185
    max_age_seconds: float = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Target:
    """Who receives what a rule matches."""

    arn: str
    deliver: Deliver
    transformer: InputTransformer | None = None
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    dead_letters: DeadLetters | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern and its targets."""

    name: str
    arn: str
    pattern: Mapping[str, Any]
    targets: tuple[Target, ...]


class Events:
    """The bus. Every delivery is an actor on the clock."""

    name = "events"

    def __init__(self, *, clock: SimulatedClock, place: Place, durations: Durations, mishaps: Mishaps) -> None:
        self._clock, self._place, self._durations, self._mishaps = clock, place, durations, mishaps
        self._identifiers = Identifiers("events")
        self._chores = Chores(clock)
        self._lock = threading.Lock()
        self._rules: dict[str, Rule] = {}
        self._seen: list[Event] = []

    @property
    def seen(self) -> Sequence[Event]:
        """All events that were put, in order, the lost ones too."""
        with self._lock:
            return tuple(self._seen)

    def rule(self, name: str, pattern: Mapping[str, Any], *targets: Target) -> str:
        """Make a rule, or replace the one of this name; return its ARN. Raises Refused for an unknown pattern."""
        event_patterns.check(pattern)
        arn = self._place.arn("events", f"rule/{name}")
        with self._lock:
            self._rules[name] = Rule(name, arn, pattern, targets)
        return arn

    def put(
        self,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        resources: Sequence[str] = (),
        time: datetime | None = None,
    ) -> str:
        """Put an event on the bus; return its id. It reaches the targets after a moment."""
        event = self._envelope(source, detail_type, detail, resources, time)
        self.send(event)
        return str(event["id"])

    def send(self, event: Event) -> None:
        """Put a whole event on the bus, however it looks."""
        with self._lock:
            self._seen.append(event)
            rules = list(self._rules.values())
        detail_type = str(event.get("detail-type", ""))
        if self._mishaps.strike("drop", detail_type):
            return
        late = self._mishaps.strike("delay", detail_type)
        copies = 2 if self._mishaps.strike("repeat", detail_type) else 1
        wait_seconds = self._durations.event_delivered_seconds + (late.seconds if late else 0.0)
        for rule in rules:
            if event_patterns.matches(rule.pattern, event):
                for target in rule.targets * copies:
                    self._spawn(rule, target, event, wait_seconds)

    def close(self) -> None:
        """Nothing is delivered any more."""
        self._chores.close()

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        return {"PutEvents": self._put_events}

    def _spawn(self, rule: Rule, target: Target, event: Event, wait_seconds: float) -> None:
        def work() -> None:
            self._chores.sleep(wait_seconds)
            self._deliver(rule, target, event)

        self._chores.begin(f"delivery by {rule.name}", work)

    def _deliver(self, rule: Rule, target: Target, event: Event) -> None:
        given_up_at = self._clock.now() + timedelta(seconds=target.retry.max_age_seconds)
        wait_seconds = self._durations.delivery_retry_seconds
        repeated = 0
        while True:
            try:
                self._hand_over(rule, target, event)
            except Refused as refusal:
                if refusal.code in _FINAL:
                    condition = ""
                elif repeated >= target.retry.attempts:
                    condition = "MaximumRetryAttempts"
                elif self._clock.now() + timedelta(seconds=wait_seconds) > given_up_at:
                    condition = "MaximumEventAgeInSeconds"
                else:
                    self._chores.sleep(wait_seconds)
                    repeated, wait_seconds = repeated + 1, wait_seconds * 2
                    continue
                self._bury(rule, target, event, refusal, repeated, condition)
            return

    def _hand_over(self, rule: Rule, target: Target, event: Event) -> None:
        given: Any = event
        if target.transformer:
            given = target.transformer.render(event, rule_name=rule.name, rule_arn=rule.arn)
        try:
            target.deliver(given)
        except ClientError as error:
            answer = error.response.get("Error", {})
            raise Refused(str(answer.get("Code")), str(answer.get("Message"))) from error

    def _bury(self, rule: Rule, target: Target, event: Event, refusal: Refused, repeated: int, condition: str) -> None:
        if target.dead_letters is None:
            return
        attributes = {
            "RULE_ARN": rule.arn,
            "TARGET_ARN": target.arn,
            "ERROR_CODE": _FINAL.get(refusal.code, "ERROR_FROM_TARGET"),
            "ERROR_MESSAGE": str(refusal),
            "RETRY_ATTEMPTS": str(repeated),
        }
        if condition:
            attributes["EXHAUSTED_RETRY_CONDITION"] = condition
        target.dead_letters(json.dumps(event), attributes)

    def _envelope(
        self, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str], time: datetime | None
    ) -> Event:
        return {
            "version": "0",
            "id": self._identifiers.uuid(),
            "detail-type": detail_type,
            "source": source,
            "account": self._place.account,
            "time": (time or self._clock.now()).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._place.region,
            "resources": list(resources),
            "detail": detail,
        }

    def _put_events(self, call: Call) -> Mapping[str, Any]:
        only(call, "Entries")
        answers = [self._put_entry(entry) for entry in call.params["Entries"]]
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}

    def _put_entry(self, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        missing = [name for name in ("Source", "DetailType", "Detail") if not entry.get(name)]
        if missing:
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": f"Parameter {missing[0]} is not valid."}
        if entry.get("EventBusName", "default") != "default":
            return {"ErrorCode": "NotEmbedded", "ErrorMessage": "the embedded AWS has only the default bus"}
        if str(entry["Source"]).startswith("aws."):
            return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            detail = None
        if not isinstance(detail, dict):
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        resources = entry.get("Resources") or ()
        return {"EventId": self.put(entry["Source"], entry["DetailType"], detail, resources, entry.get("Time"))}
