"""Names that several steps of the RDS export have to agree on."""

from __future__ import annotations


def verification_key(evidence_prefix: str) -> str:
    """The key of the verification: under a prefix that RDS cannot write."""
    return f"{evidence_prefix}/rds-export-verification.json"
