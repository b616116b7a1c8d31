"""Commands of ours as people find them in mails and findings, ready to be typed."""

from __future__ import annotations

DEFAULT_STACK = "backup-actions"
"""The stack that a command means where none is named."""


def command(words: str, *, stack: str) -> str:
    """What to type, with the deployment's stack where it is not the one that is meant anyway."""
    return f"backup-actions {words}" + ("" if stack == DEFAULT_STACK else f" --stack {stack}")
