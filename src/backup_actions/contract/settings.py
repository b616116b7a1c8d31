"""The settings of one action: a frozen dataclass that is checked at birth.

The limits stand beside the field, once. The settings file, its JSON Schema, the documentation and the CDK
application all read them from there; nothing here needs more than the standard library.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, dataclass_transform

from backup_actions.contract.placeholders import SETTING_PREFIX, placeholder_of
from backup_actions.errors import SettingInvalid

_DOC, _LIMITS = "doc", "limits"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a value may be, beyond its type. ``None`` means no limit; ``why`` says whose limit it is."""

    at_least: float | None = None
    at_most: float | None = None
    one_of: tuple[str, ...] = ()
    why: str = ""

    def complaint(self, value: object) -> str | None:
        """Say what is wrong with the value, or None."""
        if value is None:
            return None
        because = f" ({self.why})" if self.why else ""
        if self.one_of and value not in self.one_of:
            return f"it must be one of {', '.join(self.one_of)}{because}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if self.at_least is not None and value < self.at_least:
            return f"it must be at least {self.at_least:g}{because}"
        if self.at_most is not None and value > self.at_most:
            return f"it must be at most {self.at_most:g}{because}"
        return None


def setting(
    doc: str,
    *,
    default: Any,  # typed by the field's own annotation
    at_least: float | None = None,
    at_most: float | None = None,
    one_of: tuple[str, ...] = (),
    why: str = "",
) -> Any:
    """Declare one setting with its default, its sentence for the documentation, and its limits."""
    return dataclasses.field(default=default, metadata={_DOC: doc, _LIMITS: Limits(at_least, at_most, one_of, why)})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(setting,))
@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of every action's settings. Subclasses are frozen, keyword-only dataclasses of ``setting(…)`` fields."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if complaint := limits_of(field).complaint(value):
                raise SettingInvalid(name=field.name, value=value, reason=complaint)

    def require_complete(self) -> None:
        """Raise SettingInvalid where something is missing that has no default and that an enabled action needs."""

    def selection(self) -> Mapping[str, str]:
        """The tags without which the action can do nothing with a recovery point: one that lacks them is left alone."""
        return {}

    def to_json(self) -> Mapping[str, Any]:
        """The form that a workflow receives: the same names, plain JSON values."""
        return dataclasses.asdict(self)

    def placeholders(self) -> Mapping[str, str]:
        """What ``${Setting_<name>}`` stands for in permissions: texts, which may hold other placeholders in turn."""
        values = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        return {
            placeholder_of(SETTING_PREFIX, name): "" if value is None else str(value)
            for name, value in values
            if not isinstance(value, tuple)
        }


def doc_of(field: dataclasses.Field[Any]) -> str:
    """The sentence that documents this setting."""
    return str(field.metadata[_DOC])


def limits_of(field: dataclasses.Field[Any]) -> Limits:
    """The limits of this setting."""
    limits = field.metadata[_LIMITS]
    assert isinstance(limits, Limits)  # noqa: S101 - only setting() makes these fields
    return limits
