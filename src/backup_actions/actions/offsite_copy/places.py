"""Where an off-site copy keeps its documents, and by what its run is known."""

from __future__ import annotations

RUN_TAG = "backup-actions:run"


def run_tag(run: str) -> str:
    """The value of the tag on everything that a run makes."""
    return f"offsite-copy/{run}"


def announcement_key(prefix: str, run: str) -> str:
    """The key of the announcement that a run made: it is never written twice."""
    return f"{prefix}/{run}/announcement.json"


def acknowledgement_key(evidence_prefix: str, run: str) -> str:
    """The key of what was said to that run's announcement, under a prefix that no step of the workflow can write."""
    return f"{evidence_prefix}/offsite-copy/{run}/acknowledgement.json"
