"""Where things are stored, below the prefixes that the main machine gives."""

from __future__ import annotations

MANIFEST_NAME = "manifest.json"


def verification_key(evidence_prefix: str) -> str:
    """Under a prefix that the recording task cannot write."""
    return f"{evidence_prefix}/vault-copy-verification.json"
