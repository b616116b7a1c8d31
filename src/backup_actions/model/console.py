"""Links into the AWS console, in the right partition."""

from __future__ import annotations

from collections.abc import Mapping

from backup_actions.model.arn import Arn

# Those of other partitions are not public.
_CONSOLES: Mapping[str, str] = {
    "aws": "https://console.aws.amazon.com",
    "aws-cn": "https://console.amazonaws.cn",
    "aws-us-gov": "https://console.amazonaws-us-gov.com",
}


def execution_url(execution_arn: str) -> str:
    """Where a person sees this execution step by step; its ARN where the partition's console is not known."""
    arn = Arn.parse(execution_arn)
    console = _CONSOLES.get(arn.partition)
    return f"{console}/states/home?region={arn.region}#/v2/executions/details/{arn}" if console else str(arn)


def dashboard_url(partition: str, region: str, name: str) -> str:
    """Where a person sees this dashboard; its name where the partition's console is not known."""
    console = _CONSOLES.get(partition)
    return f"{console}/cloudwatch/home?region={region}#dashboards/dashboard/{name}" if console else name
