"""Makes an action's section of the settings file out of the dataclass that the action declares."""

from __future__ import annotations

import dataclasses
import typing
from functools import cache
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field, create_model, model_validator
from pydantic_core import PydanticCustomError

from backup_actions.contract.settings import doc_of, limits_of
from backup_actions.errors import SettingInvalid
from backup_actions.settings.checks import Within
from backup_actions.settings.deployment import ActionSection, ActionSections, DeploymentSettings
from backup_actions.settings.mistakes import AT

if typing.TYPE_CHECKING:
    from collections.abc import Iterable

    from backup_actions.contract import Action, Settings


def model_for(actions: Iterable[Action]) -> type[DeploymentSettings]:
    """DeploymentSettings with a typed section for each of the actions; the same class for the same actions."""
    return _model(tuple(_Described(a.name, a.title, a.handles, a.settings, not a.opt_in) for a in actions))


class _Described(NamedTuple):
    """What of an action its section depends on."""

    name: str
    title: str
    handles: tuple[str, ...]
    settings: type[Settings]
    enabled: bool
    """Unless the settings say otherwise."""


@cache
def _model(actions: tuple[_Described, ...]) -> type[DeploymentSettings]:
    fields: dict[str, Any] = {}
    for action in actions:
        section = _section(action)
        fields[action.name.replace("-", "_")] = (
            section,
            Field(section(), alias=action.name, description=f"{action.title} ({', '.join(action.handles)})."),
        )
    sections = create_model("ActionSections", __base__=ActionSections, **fields)
    described = DeploymentSettings.model_fields["actions"].description
    return create_model(
        "DeploymentSettings",
        __base__=DeploymentSettings,
        __doc__=DeploymentSettings.__doc__,
        actions=(sections, Field(sections(), description=described, validate_default=True)),
    )


def _section(action: _Described) -> type[ActionSection]:
    """The action's section: ``enabled``, ``select`` and the action's own settings with their limits."""
    kind = action.settings
    hints = typing.get_type_hints(kind)
    fields: dict[str, Any] = {
        field.name: (
            Annotated[hints[field.name], Within(limits_of(field))],
            Field(field.default, description=doc_of(field)),
        )
        for field in dataclasses.fields(kind)
    }
    own = tuple(fields)
    described = ActionSection.model_fields["enabled"].description
    fields["enabled"] = (bool, Field(action.enabled, description=described))

    class OwnSection(ActionSection):
        @model_validator(mode="after")
        def _born(self) -> Self:
            """Let the action's own class check what several settings have to do with each other."""
            try:
                settings = kind(**{name: getattr(self, name) for name in own})
                if self.enabled:
                    settings.require_complete()
            except SettingInvalid as error:
                facts = {AT: error.facts["name"], "reason": str(error.facts["reason"])}
                raise PydanticCustomError("setting_invalid", "{reason}", facts) from error
            return self

    return create_model(f"Section of {action.name}", __base__=OwnSection, __doc__=action.title, **fields)
