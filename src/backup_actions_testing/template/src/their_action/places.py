"""Where things are stored, below the prefixes that the main machine gives."""

from __future__ import annotations

DESCRIPTION_NAME, MANIFEST_NAME = "recovery-point.json", "manifest.json"


def verification_key(evidence_prefix: str) -> str:
    """Under a prefix that the job cannot write."""
    return f"{evidence_prefix}/their-action-verification.json"
