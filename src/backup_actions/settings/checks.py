"""Annotations that check a value and describe the check in the JSON Schema, so that both say the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

    from backup_actions.contract.settings import Limits


@dataclass(frozen=True, slots=True)
class Within:
    """The value keeps the limits."""

    limits: Limits

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        described = handler(schema)
        nullable = any(part.get("type") == "null" for part in described.get("anyOf", ()))
        facts = {"minimum": self.limits.at_least, "maximum": self.limits.at_most}
        described |= {key: _whole(value) for key, value in facts.items() if value is not None}
        if self.limits.one_of:
            described["enum"] = [*self.limits.one_of, *([None] if nullable else [])]
        return described

    def _checked(self, value: object) -> object:
        if complaint := self.limits.complaint(value):
            raise ValueError(complaint)
        return value


@dataclass(frozen=True, slots=True)
class Matching:
    """The text matches the whole pattern; ``sentence`` says in words what that means."""

    pattern: str
    sentence: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}

    def _checked(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):
            raise ValueError(self.sentence)
        return value


def _whole(value: float) -> float:
    return int(value) if float(value).is_integer() else value
