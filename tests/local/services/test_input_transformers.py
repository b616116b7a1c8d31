"""Input transformers render as EventBridge's do."""

from __future__ import annotations

from typing import Any

import pytest

from backup_actions_local.calls import Refused
from backup_actions_local.services.input_transformers import InputTransformer

EVENT: dict[str, Any] = {
    "id": "1",
    "time": "2026-01-15T03:00:00Z",
    "resources": ["arn:one"],
    "detail": {"state": "DONE", "size": 3, "why": 'a "quote"', "tags": {"a": "b"}},
}
PATHS = {
    "state": "$.detail.state",
    "size": "$.detail.size",
    "why": "$.detail.why",
    "tags": "$.detail.tags",
    "arn": "$.resources[0]",
    "missing": "$.detail.nothing",
}


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ('{"state": <state>, "size": <size>}', {"state": "DONE", "size": 3}),
        ('{"text": "<state> with <size> of <arn>"}', {"text": "DONE with 3 of arn:one"}),
        ('{"tags": <tags>}', {"tags": {"a": "b"}}),
        ('{"text": "tags: <tags>"}', {"text": "tags: {a:b}"}),
        ('{"why": <why>, "text": "<why>"}', {"why": 'a "quote"', "text": 'a "quote"'}),
        ('"<state>, said \\"<arn>\\""', 'DONE, said "arn:one"'),
        ('{"missing": "<missing>"}', {"missing": ""}),
        ('{"rule": "<aws.events.rule-name>"}', {"rule": "rule-1"}),
        ('{"at": <aws.events.event.ingestion-time>}', {"at": "2026-01-15T03:00:00Z"}),
        ('{"all": <aws.events.event.json>}', {"all": EVENT}),
        ('{"head": <aws.events.event>}', {"head": {k: v for k, v in EVENT.items() if k != "detail"}}),
    ],
)
def test_a_template_is_filled(template: str, rendered: object) -> None:
    transformer = InputTransformer(template, PATHS)

    assert transformer.render(EVENT, rule_name="rule-1", rule_arn="arn:rule") == rendered


def test_a_placeholder_without_a_path_is_refused() -> None:
    with pytest.raises(Refused, match="nobody"):
        InputTransformer('{"a": <nobody>}', {})


def test_a_path_in_brackets_is_refused() -> None:
    with pytest.raises(Refused, match="InputPathsMap"):
        InputTransformer('{"a": <a>}', {"a": "$['detail']"})
