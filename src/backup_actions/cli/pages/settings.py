"""Settings as a table, from the JSON Schema of the settings file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_HEADING = ("| setting | value | default | meaning |", "| --- | --- | --- | --- |")


def settings_table(schema: Mapping[str, Any], *place: str) -> list[str]:
    """Every setting with its type, limits, default and meaning; those below a ``place`` only, if one is named."""
    definitions, section = schema["$defs"], schema
    for name in place:
        section = _section_in(section["properties"][name], definitions) or {"properties": {}}
    return [*_HEADING, *_settings(section, definitions, "".join(f"{name}." for name in place))]


def _settings(section: Mapping[str, Any], definitions: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, setting in section["properties"].items():
        place = f"{path}{name}"
        inner = _section_in(setting, definitions)
        required = section.get("required") or section.get("else", {}).get("required", ())
        default = "required" if name in required else f"`{json.dumps(setting['default'])}`"
        told_below = inner is not None and setting.get("default") is not None and "required" not in inner
        meaning = setting.get("description") or (inner or {})["description"]  # pydantic leaves out the section's own
        yield f"| `{place}` | {_kind(setting)} | {'' if told_below else default} | {meaning} |"
        if inner is not None:
            yield from _settings(inner, definitions, f"{place}[]." if setting.get("type") == "array" else f"{place}.")


def _section_in(setting: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for part in (setting, *setting.get("anyOf", ()), setting.get("items", {})):
        if "$ref" in part:
            section: Mapping[str, Any] = definitions[part["$ref"].removeprefix("#/$defs/")]
            return section if "properties" in section else None
    return None


def _kind(setting: Mapping[str, Any]) -> str:
    if "enum" in setting:
        return ", ".join(f"`{value}`" for value in setting["enum"])
    if "anyOf" in setting:
        limits = {key: setting[key] for key in ("minimum", "maximum") if key in setting}
        return " or ".join(
            _kind({**part, **(limits if part.get("type") != "null" else {})}) for part in setting["anyOf"]
        )
    if "$ref" in setting:
        return "section"
    if "$ref" in setting.get("items", {}):
        return "list of sections"
    words = {"string": "text", "integer": "whole number", "boolean": "`true` or `false`", "null": "`null`"}
    words |= {"number": "number", "array": "list", "object": "texts by name"}
    return words[setting["type"]] + _limits(setting)


def _limits(setting: Mapping[str, Any]) -> str:
    match (setting.get("minimum"), setting.get("maximum")):
        case (None, None):
            return ""
        case (least, None):
            return f", at least {least}"
        case (None, most):
            return f", at most {most}"
        case (least, most):
            return f", {least} to {most}"
