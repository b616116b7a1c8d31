"""What may be set, for editors (JSON Schema) and for people (an example file), from the models themselves."""

from __future__ import annotations

import json
import re
import textwrap
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel

from backup_actions.settings.action_sections import model_for
from backup_actions.settings.deployments import DESCRIPTION, KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic.fields import FieldInfo

    from backup_actions.contract import Action

_HEADING = """\
Settings of AWS Backup Actions.
account, region, zones and vaults have no default. Everything else stands here with its default and may be left out.
Check the file with `backup-actions check backup-actions.yaml`."""


def json_schema(actions: Iterable[Action]) -> dict[str, Any]:
    """The JSON Schema of the settings file for these actions: every setting with type, limits, default and sentence."""
    schema = model_for(actions).model_json_schema(by_alias=True)
    required = schema.pop("required")
    section = {"type": "object", "propertyNames": {"enum": list(schema["properties"])}}
    several = {"type": "array", "minItems": 1, "items": section}
    schema["properties"][KEY] = {"anyOf": [several, {"type": "null"}], "default": None, "description": DESCRIPTION}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        # What every deployment needs may stand in the sections, of which each alone need not be whole.
        "if": {"required": [KEY], "properties": {KEY: {"type": "array"}}},
        "else": {"required": required},
        "title": "Settings of AWS Backup Actions",
        "description": "The file backup-actions.yaml.",
    }


def example(actions: Iterable[Action]) -> str:
    """A whole settings file with comments; loading it gives the defaults."""
    several = ["", *_comment(DESCRIPTION, 0), f"{KEY}: null"]
    return "\n".join([*_comment(_HEADING, 0), *_lines(model_for(actions), None, 0), *several]) + "\n"


def _lines(model: type[BaseModel], default: BaseModel | None, depth: int) -> Iterator[str]:
    for name, field in model.model_fields.items():
        key, indent = field.alias or name, "  " * depth
        if depth == 0:
            yield ""
        yield from _comment(field.description or "", depth)
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            yield f"{indent}{key}:" if section.model_fields else f"{indent}{key}: {{}}"
            yield from _lines(section, field.default, depth + 1)
        else:
            yield from _shape(field, depth)
            yield f"{indent}{key}: {_written(getattr(default, name) if default else _first_value(field))}"


def _shape(field: FieldInfo, depth: int) -> Iterator[str]:
    """For a section that is absent by default: what it would hold."""
    for section in _sections_in(field.annotation):
        yield from _held(section, "  ", depth)


def _held(section: type[BaseModel], lead: str, depth: int) -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield from _comment(f"{lead}{name}: {field.description}", depth)
        for inner in _sections_in(field.annotation):
            yield from _held(inner, f"{lead}  ", depth)


def _sections_in(annotation: Any) -> list[type[BaseModel]]:
    """The section itself, one that may be absent, or one that a list consists of."""
    kinds = (annotation, *getattr(annotation, "__args__", ()))
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]


def _first_value(field: FieldInfo) -> object:
    """The default, or an example where a value has to be given."""
    return field.examples[0] if field.examples else field.default


def _comment(text: str, depth: int) -> list[str]:
    indent = "  " * depth
    lines: list[str] = []
    for line in text.splitlines():
        lead = " " * (len(line) - len(line.lstrip()))
        lines += textwrap.wrap(
            line.strip(), 110, initial_indent=f"{indent}# {lead}", subsequent_indent=f"{indent}# {lead}"
        )
    return lines


def _written(value: Any) -> str:
    """A value in YAML's flow form, which for anything but plain words is JSON."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w.-]*", value) and yaml.safe_load(value) == value:
        return value
    return json.dumps(value)
