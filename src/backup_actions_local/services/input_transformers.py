"""Input transformers as EventBridge renders them.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backup_actions_local.calls import Refused

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")
_PATH = re.compile(r"\$((\.[A-Za-z0-9_-]+|\[\d+\])*)")
_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]")
_MISSING = object()


@dataclass(frozen=True)
class InputTransformer:
    """``paths`` names values of the event by JSON path; the template has them in angle brackets.

    Raises Refused for a path outside the dot notation, or a placeholder that stands for nothing.
    """

    template: str
    paths: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in self.paths.values():
            if not _PATH.fullmatch(path):
                raise Refused("ValidationException", f"Invalid InputPathsMap: {path}")
        for name in _PLACEHOLDER.findall(self.template):
            if name not in self.paths and not name.startswith("aws.events."):
                raise Refused("ValidationException", f"InputTemplate has a placeholder <{name}> that no path gives")

    def render(self, event: Mapping[str, Any], *, rule_name: str, rule_arn: str) -> Any:
        """What the target receives: JSON where the template is JSON, otherwise a text."""
        predefined = {
            "aws.events.rule-name": rule_name,
            "aws.events.rule-arn": rule_arn,
            "aws.events.event.ingestion-time": event["time"],
            "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
            "aws.events.event.json": event,
        }
        values = predefined | {name: _at(event, path) for name, path in self.paths.items()}
        rendered = "".join(_filled(piece, values) for piece in _pieces(self.template))
        try:
            return json.loads(rendered)
        except ValueError:
            return rendered


def _pieces(template: str) -> list[str]:
    """Quoted texts and what stands between them."""
    return re.findall(r'"(?:\\.|[^"\\])*"|[^"]+|"', template)


def _filled(piece: str, values: Mapping[str, Any]) -> str:
    is_quoted = piece.startswith('"')

    def value(match: re.Match[str]) -> str:
        found = values[match[1]]
        if found is _MISSING:
            return "" if is_quoted else '""'
        if isinstance(found, str):
            escaped = json.dumps(found, ensure_ascii=False)
            return escaped[1:-1] if is_quoted else escaped
        text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        # an object inside a text loses its quotes, so that the text stays one
        return text.replace('"', "") if is_quoted else text

    return _PLACEHOLDER.sub(value, piece)


def _at(event: Mapping[str, Any], path: str) -> Any:
    found: Any = event
    for name, index in _STEP.findall(path):
        if name and isinstance(found, Mapping) and name in found:
            found = found[name]
        elif index and isinstance(found, list) and int(index) < len(found):
            found = found[int(index)]
        else:
            return _MISSING
    return found
