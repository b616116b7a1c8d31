"""botocore's exceptions become ours, here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    InvalidRegionError,
    LoginError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
)

from backup_actions.errors import AwsBusy, AwsCallFailed, AwsNotConfigured

# botocore's own list of what is worth a retry, by error code, plus the two that EC2 and S3 use alone.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
BUSY = frozenset(
    {
        "BandwidthLimitExceeded", "EC2ThrottledException", "InternalError", "InternalFailure", "InternalServerError",
        "LimitExceededException", "PriorRequestNotComplete", "ProvisionedThroughputExceededException",
        "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "RequestTimeout",
        "RequestTimeoutException", "ServiceException", "ServiceUnavailable", "ServiceUnavailableException", "SlowDown",
        "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException",
        "TransactionInProgressException", "Unavailable",
    }
)  # fmt: skip

# What S3 says of an object that is not there, and of one that shall be written where one is already: 412, or 409 while
# another writer puts it there. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})

# Waiting cures none of these. Credentials that could not be fetched (CredentialRetrievalError) may come a moment later.
NOT_CONFIGURED = (
    ConfigNotFound, ConfigParseError, InvalidRegionError, LoginError, NoCredentialsError, NoRegionError,
    PartialCredentialsError, ProfileNotFound, SSOError,
)  # fmt: skip


def error_code(error: ClientError) -> str:
    """The code that the service gave, for instance ``AccessDenied``."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


@contextmanager
def translated(*, operation: str = "") -> Iterator[None]:
    """Raise AwsBusy, AwsCallFailed or AwsNotConfigured for what botocore raises inside; the cause stays attached."""
    try:
        yield
    except ClientError as error:
        code = error_code(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind = AwsBusy if code in BUSY or status >= 500 else AwsCallFailed
        reason = error.response.get("Error", {}).get("Message", "no reason given")
        raise kind(operation=operation or error.operation_name, error_code=code, reason=reason) from error
    except NOT_CONFIGURED as error:
        raise AwsNotConfigured(reason=error) from error
    except BotoCoreError as error:
        raise AwsBusy(operation=operation or "the call", error_code=type(error).__name__, reason=error) from error
