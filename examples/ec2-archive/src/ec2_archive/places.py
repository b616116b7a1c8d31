"""Where things are stored, below the prefixes that the main machine gives."""

from __future__ import annotations

import re

MANIFEST_NAME, IMAGE_NAME = "manifest.json", "image.json"


def disk_folder(run: str, device: str) -> str:
    """``/dev/sda1`` of a run: a folder of its own, below which is an archive like any other."""
    return f"{run}/{re.sub('[^a-z0-9]+', '-', device.lower().removeprefix('/dev/'))}"


def verification_key(evidence_prefix: str) -> str:
    """Under a prefix that the archiving job cannot write."""
    return f"{evidence_prefix}/ec2-archive-verification.json"
