"""The errors of API calls, under the names and with the causes that Step Functions reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from backup_actions_local.states.api_names import OPTIMIZED, exception_name, service_model
from backup_actions_local.states.failures import RUNTIME, StateFailed

if TYPE_CHECKING:
    from backup_actions_local.states.api_names import Sdk

# An answer to HEAD has no body, so no code: the SDK for Java 2 goes by the status.
_CODES_OF_HEAD = {("HeadObject", "404"): "NoSuchKey", ("HeadBucket", "404"): "NoSuchBucket"}


def as_state_failure(error: ClientError | BotoCoreError, sdk: Sdk) -> StateFailed:
    """The failure of the Task whose call ended with this error."""
    if isinstance(error, ParamValidationError):
        return StateFailed(RUNTIME, f"The arguments could not be used to start the Task: [{error}]")
    if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") == "NotEmbedded":
        # What is missing here must not look like an error of AWS that a workflow retries or catches.
        return StateFailed(RUNTIME, str(error.response["Error"].get("Message")))
    if isinstance(error, BotoCoreError):
        return StateFailed(f"{sdk.prefix}.SdkClientException", str(error))
    return StateFailed(f"{sdk.prefix}.{_exception(error, sdk)}", _cause(error, sdk))


def _exception(error: ClientError, sdk: Sdk) -> str:
    """The modelled exception of the service, or the one for everything else.

    EC2 models none, so its errors all have one name.
    """
    details = error.response.get("Error", {})
    code = _CODES_OF_HEAD.get((error.operation_name, str(details.get("Code"))), details.get("Code"))
    codes = {code, details.get("QueryErrorCode")}
    for shape in service_model(sdk.botocore).error_shapes:
        error_code = shape.metadata.get("error", {}).get("code", shape.name)
        if codes & {shape.name, error_code}:
            return exception_name(shape.name)
    return sdk.fallback


def _cause(error: ClientError, sdk: Sdk) -> str:
    """The message of the SDK's exception. That of the SDK for Java 2 does **not** contain the error code.

    Version 2: AwsServiceException.getMessage; version 1: AmazonServiceException.getMessage.
    """
    details, metadata = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    message, status = details.get("Message", ""), metadata.get("HTTPStatusCode")
    request = metadata.get("RequestId")
    if sdk in OPTIMIZED.values():
        code = details.get("Code")
        return (
            f"{message} (Service: {sdk.label}; Status Code: {status}; Error Code: {code}; "
            f"Request ID: {request}; Proxy: null)"
        )
    host = f", Extended Request ID: {metadata['HostId']}" if metadata.get("HostId") else ""
    return f"{message} (Service: {sdk.label}, Status Code: {status}, Request ID: {request}{host})"
