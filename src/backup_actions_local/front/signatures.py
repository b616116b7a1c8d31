"""Signature Version 4 in the Authorization header, checked as AWS does.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from botocore.utils import normalize_url_path

from backup_actions_local.front.exchange import Incoming
from backup_actions_local.front.roles import Credentials

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request,"
    r"\s*SignedHeaders=(?P<headers>[^,]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_HASH = re.compile(r"[0-9a-f]{64}")
CONTENT_HASH = "x-amz-content-sha256"


@dataclass(frozen=True, slots=True)
class Signature:
    """What the Authorization header claims."""

    access_key_id: str
    date: str
    region: str
    signing_name: str
    signed_headers: tuple[str, ...]
    value: str


def claimed_signature(incoming: Incoming) -> Signature | None:
    """The signature that a request carries, not yet verified; None without one."""
    match = _AUTHORIZATION.fullmatch(incoming.headers.get("authorization", ""))
    if match is None:
        return None
    return Signature(
        match["key"],
        match["date"],
        match["region"],
        match["service"],
        tuple(match["headers"].split(";")),
        match["signature"],
    )


def is_genuine(signature: Signature, incoming: Incoming, credentials: Credentials, body: bytes | None) -> bool:
    """Whether these credentials signed exactly this request. A streaming body (None) is verified by who receives it."""
    claimed_hash = incoming.headers.get(CONTENT_HASH)
    if body is not None:
        actual_hash = hashlib.sha256(body).hexdigest()
        if claimed_hash and _HASH.fullmatch(claimed_hash) and claimed_hash != actual_hash:
            return False
        claimed_hash = claimed_hash or actual_hash
    if incoming.headers.get("x-amz-security-token") != credentials.session_token or not claimed_hash:
        return False
    scope = f"{signature.date}/{signature.region}/{signature.signing_name}/aws4_request"
    canonical = hashlib.sha256(_canonical_request(signature, incoming, claimed_hash).encode()).hexdigest()
    to_sign = "\n".join(["AWS4-HMAC-SHA256", incoming.headers.get("x-amz-date", ""), scope, canonical])
    key = _signing_key(credentials.secret_access_key, signature.date, signature.region, signature.signing_name)
    return hmac.compare_digest(hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest(), signature.value)


def _canonical_request(signature: Signature, incoming: Incoming, content_hash: str) -> str:
    # S3 alone takes the path as it is; everybody else normalizes and encodes the encoded path once more.
    path = incoming.path if signature.signing_name == "s3" else quote(normalize_url_path(incoming.path), safe="/~")
    pairs = sorted(tuple(pair.partition("=")[::2]) for pair in incoming.query.split("&") if pair)
    headers = "".join(
        f"{name}:{' '.join(incoming.headers.get(name, '').split())}\n" for name in signature.signed_headers
    )
    query = "&".join(f"{name}={value}" for name, value in pairs)
    return "\n".join([incoming.method, path, query, headers, ";".join(signature.signed_headers), content_hash])


@lru_cache(maxsize=256)
def _signing_key(secret: str, *scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
