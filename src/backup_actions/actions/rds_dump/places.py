"""Where native dumps keep their documents."""

from __future__ import annotations


def verification_key(evidence_prefix: str) -> str:
    """The key of the verification: under a prefix that the dumping job cannot write."""
    return f"{evidence_prefix}/rds-dump-verification.json"
