"""How each service words and numbers what it refuses before it does anything."""

from __future__ import annotations

from backup_actions.errors import NotEmbedded
from backup_actions_local.calls import Refused
from backup_actions_local.front.policies import Check, Decision

_REST = frozenset({"backup", "batch", "ebs", "lambda"})
_XML = frozenset({"cloudwatch", "ec2", "iam", "rds", "sns", "sqs", "sts"})


def access_denied(service: str, caller_arn: str, check: Check, decision: Decision) -> Refused:
    """The caller may not do this; the message names who, what and on what, as AWS does."""
    because = (
        "with an explicit deny in an identity-based policy"
        if decision is Decision.DENIED
        else f"because no identity-based policy allows the {check.action} action"
    )
    message = f"User: {caller_arn} is not authorized to perform: {check.action} on resource: {check.resource} {because}"
    if service == "rds" and check.action.startswith("kms:"):
        # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceFromDBSnapshot.html
        said = f"The specified KMS key [{check.resource}] does not exist, is not enabled or you do not have permissions"
        return Refused("KMSKeyNotAccessibleFault", f"{said} to access it. {message}")
    if service == "ec2":
        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
        return Refused("UnauthorizedOperation", f"You are not authorized to perform this operation. {message}", 403)
    return Refused(denial_code(service), message, 403 if service in _REST | _XML | {"s3"} else 400)


def denial_code(service: str) -> str:
    """The error code with which a service denies access."""
    if service == "ec2":
        return "UnauthorizedOperation"
    if service == "sns":
        return "AuthorizationError"
    return "AccessDenied" if service in _XML or service == "s3" else "AccessDeniedException"


def without_entry(service: str, caller_arn: str, error: NotEmbedded) -> Refused:
    """The call has no entry in the permission table: nobody but the administrator may make it."""
    return Refused(denial_code(service), f"User: {caller_arn} is refused: {_told(error)}", 403)


def unsigned() -> Refused:
    """The request carries no signature."""
    return Refused("MissingAuthenticationToken", "Request is missing Authentication Token", 403)


def unknown_key(service: str, access_key_id: str) -> Refused:
    """Nobody was ever given this key."""
    if service == "s3":
        return Refused(
            "InvalidAccessKeyId", f"The AWS Access Key Id {access_key_id} does not exist in our records.", 403
        )
    if service == "ec2":
        return Refused("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    code = "InvalidClientTokenId" if service in _XML else "UnrecognizedClientException"
    return Refused(code, "The security token included in the request is invalid.", 403)


def wrong_signature(service: str) -> Refused:
    """The request was not signed with that key, or was changed on its way."""
    message = "The request signature we calculated does not match the signature you provided."
    if service == "ec2":
        return Refused("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    is_xml = service in _XML or service == "s3"
    return Refused("SignatureDoesNotMatch" if is_xml else "InvalidSignatureException", message, 403)


def expired_token(service: str) -> Refused:
    """The session is over."""
    if service == "ec2":
        return Refused("RequestExpired", "Request has expired.", 400)
    is_xml = service in _XML or service == "s3"
    code = "ExpiredToken" if is_xml else "ExpiredTokenException"
    return Refused(code, "The security token included in the request is expired", 400 if service == "s3" else 403)


def not_embedded(error: NotEmbedded) -> Refused:
    """This part of AWS is not here. 501 is not retried by any client."""
    return Refused("NotEmbedded", _told(error), 501)


def _told(error: NotEmbedded) -> str:
    """With the remedy: a client shows nothing else of the error."""
    return f"{error}. {error.hint}"
