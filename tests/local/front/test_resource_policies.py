"""Policies of resources: whom they concern, and what becomes of their word and IAM's together."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backup_actions.errors import NotEmbedded
from backup_actions_local.front.policies import Check, Decision
from backup_actions_local.front.resource_policies import Asker, ResourcePolicy, evaluate_resource, joined

QUEUE = "arn:aws:sqs:us-east-1:444455556666:announcements"
TOPIC = "arn:aws:sns:us-east-1:111122223333:news"
ROLE = "arn:aws:iam::111122223333:role/importer"
SESSION = "arn:aws:sts::111122223333:assumed-role/importer/now"
ASKER = Asker(account="111122223333", role_arn=ROLE, session_arn=SESSION)
SEND = Check("sqs:SendMessage", QUEUE, {"aws:SourceArn": TOPIC})
ALLOWED, DELEGATED, DENIED, NOT_ALLOWED = Decision.ALLOWED, Decision.DELEGATED, Decision.DENIED, Decision.NOT_ALLOWED


def statement(principal: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": "sqs:SendMessage", "Resource": QUEUE, **more}


def decided(*statements: dict[str, Any], asker: Asker = ASKER, check: Check = SEND) -> Decision:
    return evaluate_resource(ResourcePolicy.from_document({"Statement": list(statements)}), asker, check)


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("*", ALLOWED),
        ({"AWS": "*"}, ALLOWED),
        ({"AWS": ROLE}, ALLOWED),
        ({"AWS": [SESSION, "arn:aws:iam::999999999999:role/other"]}, ALLOWED),
        ({"AWS": "arn:aws:iam::111122223333:root"}, DELEGATED),
        ({"AWS": "111122223333"}, DELEGATED),
        ({"AWS": ["arn:aws:iam::111122223333:root", ROLE]}, ALLOWED),
        ({"AWS": "arn:aws:iam::444455556666:root"}, NOT_ALLOWED),
        ({"AWS": "arn:aws:iam::111122223333:role/other"}, NOT_ALLOWED),
        ({"AWS": "arn:aws:iam::111122223333:role/import*"}, NOT_ALLOWED),
        ({"Service": "sns.amazonaws.com"}, NOT_ALLOWED),
    ],
)
def test_a_statement_concerns_those_whom_it_names(principal: Any, expected: Decision) -> None:
    assert decided(statement(principal)) is expected


def test_a_service_is_not_an_account_and_no_account_is_a_service() -> None:
    sns = Asker(service="sns.amazonaws.com")

    assert decided(statement({"Service": "sns.amazonaws.com"}), asker=sns) is ALLOWED
    assert decided(statement({"Service": "sqs.amazonaws.com"}), asker=sns) is NOT_ALLOWED
    assert decided(statement({"AWS": "111122223333"}), asker=sns) is NOT_ALLOWED


def test_conditions_and_resources_count_as_in_every_policy() -> None:
    by_topic = statement("*", Condition={"ArnEquals": {"aws:SourceArn": TOPIC}})

    assert decided(by_topic) is ALLOWED
    assert decided(by_topic, check=Check("sqs:SendMessage", QUEUE, {"aws:SourceArn": TOPIC + "2"})) is NOT_ALLOWED
    assert decided(by_topic, check=Check("sqs:SendMessage", QUEUE)) is NOT_ALLOWED
    assert decided(statement("*"), check=Check("sqs:SendMessage", QUEUE + "2")) is NOT_ALLOWED
    assert decided(statement("*"), check=Check("sqs:ReceiveMessage", QUEUE)) is NOT_ALLOWED


def test_a_denial_wins_also_over_the_permission_of_a_role() -> None:
    assert decided(statement({"AWS": ROLE}), statement({"AWS": "111122223333"}, "Deny")) is DENIED


def test_without_a_policy_nobody_is_allowed_anything() -> None:
    assert evaluate_resource(ResourcePolicy(), ASKER, SEND) is NOT_ALLOWED


@pytest.mark.parametrize(
    ("identity", "resource", "at_home", "elsewhere", "by_key_policy"),
    [
        # IAM, the resource's policy: → at home, from another account, at home where the policy rules alone
        (ALLOWED, ALLOWED, ALLOWED, ALLOWED, ALLOWED),
        (ALLOWED, DELEGATED, ALLOWED, ALLOWED, ALLOWED),
        (ALLOWED, NOT_ALLOWED, ALLOWED, NOT_ALLOWED, NOT_ALLOWED),
        (NOT_ALLOWED, ALLOWED, ALLOWED, NOT_ALLOWED, ALLOWED),
        (NOT_ALLOWED, DELEGATED, NOT_ALLOWED, NOT_ALLOWED, NOT_ALLOWED),
        (NOT_ALLOWED, NOT_ALLOWED, NOT_ALLOWED, NOT_ALLOWED, NOT_ALLOWED),
        (DENIED, ALLOWED, DENIED, DENIED, DENIED),
        (ALLOWED, DENIED, DENIED, DENIED, DENIED),
    ],
)
def test_at_home_one_permission_is_enough_and_elsewhere_both_are_needed(
    identity: Decision, resource: Decision, at_home: Decision, elsewhere: Decision, by_key_policy: Decision
) -> None:
    assert joined(identity, resource, at_home=True) is at_home
    assert joined(identity, resource, at_home=False) is elsewhere
    assert joined(identity, resource, at_home=True, rules_alone=True) is by_key_policy


@pytest.mark.parametrize(
    "element",
    [
        {"NotPrincipal": "*"},
        {"Principal": {"Federated": "x"}},
        {"Principal": "111122223333"},
        {"Principal": {}, "X": 1},
    ],
)
def test_what_is_not_known_of_a_policy_is_refused(element: dict[str, Any]) -> None:
    with pytest.raises(NotEmbedded):
        ResourcePolicy.from_document({"Statement": [{"Effect": "Allow", "Action": "a:B", "Resource": "*", **element}]})


def test_a_policy_is_read_from_text_too_and_nothing_else_is_a_policy() -> None:
    policy = ResourcePolicy.from_document(json.dumps({"Statement": statement("*")}))

    assert evaluate_resource(policy, ASKER, SEND) is ALLOWED
    for text in ("[]", "{}", "no JSON", '{"Statement": "*"}'):
        with pytest.raises(ValueError, match=r"object with statements|Expecting value"):
            ResourcePolicy.from_document(text)
