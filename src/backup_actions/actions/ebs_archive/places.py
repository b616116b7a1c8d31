"""Where the EBS archive keeps its documents."""

from __future__ import annotations


def verification_key(evidence_prefix: str) -> str:
    """The key of the verification: under a prefix that the archiving job cannot write."""
    return f"{evidence_prefix}/ebs-archive-verification.json"
