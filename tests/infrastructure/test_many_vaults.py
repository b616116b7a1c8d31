"""However many vaults are watched, EventBridge takes the rules that hear them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.infrastructure.template import ACCOUNT, REGION, Template

from backup_actions_infrastructure import node

# As long as AWS Backup allows.
VAULTS = [f"{number:-<50}" for number in range(40)]

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
PATTERN_AT_MOST = 2048


def test_each_vault_is_heard_by_one_rule_of_each_kind_whose_pattern_fits() -> None:
    node.ensure()
    from aws_cdk import Stack, assertions
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sqs as sqs

    from backup_actions_infrastructure.events import intake_rules

    stack = Stack()
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:intake"
    intake_rules(stack, lambda_.Function.from_function_arn(stack, "Intake", arn), VAULTS, sqs.Queue(stack, "Letters"))

    template = Template(Path(), assertions.Template.from_stack(stack).to_json(), ACCOUNT)
    heard: dict[str, list[str]] = {}
    for rule in template.of_type("AWS::Events::Rule").values():
        written = json.dumps(rule["EventPattern"], separators=(",", ":"))
        written = written.replace("arn:aws:backup:us-east-1:", "arn:aws-us-gov:backup:ap-southeast-1:")
        assert len(written) <= PATTERN_AT_MOST
        heard.setdefault(rule["Description"], []).extend(each for each in VAULTS if each in written)
    assert list(map(sorted, heard.values())) == [sorted(VAULTS)] * 2
