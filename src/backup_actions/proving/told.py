"""What a run said that it had made. Functions need nothing but boto3 for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from backup_actions.model.report import ActionReport
from backup_actions.proving.bucket import StoredDocument


def parsed(document: StoredDocument | None) -> Mapping[str, Any]:
    """A JSON object; an empty one for anything else."""
    try:
        told = json.loads(document.content) if document and document.content else {}
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def cold_evidence(evidence: StoredDocument) -> str:
    """Why nothing was compared."""
    return f"its evidence lies in {evidence.storage_class} and has to be thawed before anything is compared"


def report_in(evidence: Mapping[str, Any], action: str) -> ActionReport | None:
    """What the action has said of what it made, in the evidence of the run; None where there is nothing of it."""
    result = result_in(evidence, action)
    try:
        return ActionReport.from_json(result["report"]) if result else None
    except (KeyError, TypeError):
        return None


def result_in(evidence: Mapping[str, Any], action: str) -> Mapping[str, Any] | None:
    """What the run had of the action: its report, and where it wrote what it made; None where there is nothing."""
    return next((each.get("result") for each in evidence.get("actions") or () if each.get("action") == action), None)
