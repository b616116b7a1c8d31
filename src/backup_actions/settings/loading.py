"""From a file or a mapping to checked settings; every mistake is reported at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from backup_actions.errors import DeploymentUnknown, SettingsInvalid
from backup_actions.settings.action_sections import model_for
from backup_actions.settings.deployments import names_taken_twice, parts_of, told_once
from backup_actions.settings.mistakes import Mistake, Place, line_of, mistake_of
from backup_actions.settings.whole import misfits
from backup_actions.settings.words import REGION, Region
from backup_actions.settings.yaml_file import Document, read

if TYPE_CHECKING:
    from pathlib import Path

    from backup_actions.contract import Action
    from backup_actions.settings.deployment import DeploymentSettings


def load(path: Path, actions: Iterable[Action], deployment: str | None = None) -> DeploymentSettings:
    """The deployment of the file, or that of a name. Raises SettingsUnreadable, SettingsInvalid, DeploymentUnknown."""
    return _the_one(load_all(path, actions), deployment, path)


def load_all(path: Path, actions: Iterable[Action]) -> tuple[DeploymentSettings, ...]:
    """Every deployment of the file, in its order. Raises SettingsUnreadable or SettingsInvalid."""
    return _checked(read(path), actions, path)


def from_mapping(data: Mapping[str, Any], actions: Iterable[Action]) -> DeploymentSettings:
    """The one deployment that the mapping holds, in the file's own shape. Raises SettingsInvalid, DeploymentUnknown."""
    return _the_one(_checked(Document(dict(data)), actions, "the mapping"), None, "the mapping")


def _the_one(found: tuple[DeploymentSettings, ...], name: str | None, path: object) -> DeploymentSettings:
    chosen = [one for one in found if name in {None, one.name}]
    if len(chosen) != 1:
        raise DeploymentUnknown(
            path=path,
            asked=f"--deployment {name}" if name else "no --deployment",
            known=", ".join(one.name for one in found),
        )
    return chosen[0]


def _checked(document: Document, actions: Iterable[Action], path: object) -> tuple[DeploymentSettings, ...]:
    actions = tuple(actions)
    model = model_for(actions)
    parts, of_the_list = parts_of(document)
    checked = [_checked_part(part.document, model, actions) for part in parts]
    found = [settings for settings, _ in checked if settings is not None]
    mistakes = [*document.mistakes, *of_the_list]
    mistakes += told_once([(part, wrong) for part, (_, wrong) in zip(parts, checked, strict=True)])
    if len(found) == len(parts):
        mistakes += names_taken_twice(parts, found)
    if mistakes:
        mistakes.sort(key=_in_order_of_lines)
        raise SettingsInvalid(path=path, count=len(mistakes), mistakes="\n".join(map(str, mistakes)))
    return tuple(found)


def _checked_part(
    document: Document, model: type[DeploymentSettings], actions: tuple[Action, ...]
) -> tuple[DeploymentSettings | None, list[Mistake]]:
    """The settings of one deployment, if pydantic can make any, and what is wrong with them."""
    data = _with_tuples(document.data)
    try:
        settings = model.model_validate(data, context={REGION: _sound_region(data.get("region"))})
    except ValidationError as error:
        found = error.errors(include_url=False)
        return None, [mistake_of(one, document.lines, lambda place: _known_keys(model, place)) for one in found]
    return settings, [Mistake(place, line_of(place, document.lines), why) for place, why in misfits(settings, actions)]


def _with_tuples(value: Any) -> Any:
    """Lists become tuples: settings do not change, and pydantic in strict mode tells the two apart."""
    if isinstance(value, Mapping):
        return {key: _with_tuples(inner) for key, inner in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list | tuple) else value


def _sound_region(region: object) -> str | None:
    try:
        return str(TypeAdapter(Region).validate_python(region, strict=True))
    except ValidationError:
        return None


def _known_keys(model: type[BaseModel], place: Place) -> list[str]:
    """What the section at this place may hold; it may be one of a list."""
    for key in (part for part in place if isinstance(part, str)):
        named = {field.alias or name: field for name, field in model.model_fields.items()}
        kinds = [named[key].annotation, *getattr(named[key].annotation, "__args__", ())]
        model = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
    return [field.alias or name for name, field in model.model_fields.items()]


def _in_order_of_lines(mistake: Mistake) -> tuple[int, str]:
    return mistake.line or 0, str(mistake)
