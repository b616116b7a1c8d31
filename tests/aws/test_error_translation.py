"""What botocore raises becomes one of ours, with or without a hope that waiting helps."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from backup_actions.aws import translated
from backup_actions.errors import AwsBusy, AwsCallFailed, AwsNotConfigured, BackupActionsError


def _client_error(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "because"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "DescribeVolumes",
    )


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (_client_error("AccessDenied", 403), AwsCallFailed),
        (_client_error("RequestLimitExceeded"), AwsBusy),
        (_client_error("Strange", 503), AwsBusy),
        (EndpointConnectionError(endpoint_url="https://example.invalid"), AwsBusy),
        (CredentialRetrievalError(provider="container-role", error_msg="timed out"), AwsBusy),
        (NoCredentialsError(), AwsNotConfigured),
        (NoRegionError(), AwsNotConfigured),
        (ProfileNotFound(profile="x"), AwsNotConfigured),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:30]),
)
def test_an_error_of_botocore_becomes_one_of_ours(raised: Exception, kind: type[BackupActionsError]) -> None:
    with pytest.raises(kind) as refused, translated(operation="ec2:DescribeVolumes"):
        raise raised

    assert type(refused.value) is kind
    assert refused.value.__cause__ is raised


def test_only_what_waiting_may_cure_is_retryable() -> None:
    assert [kind.retryable for kind in (AwsBusy, AwsCallFailed, AwsNotConfigured)] == [True, False, False]
