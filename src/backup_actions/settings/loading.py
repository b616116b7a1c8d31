"""From a file or a mapping to checked settings; every mistake is reported at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from backup_actions.errors import SettingsInvalid
from backup_actions.settings.action_sections import model_for
from backup_actions.settings.mistakes import Mistake, Place, line_of, mistake_of
from backup_actions.settings.whole import misfits
from backup_actions.settings.words import REGION, Region
from backup_actions.settings.yaml_file import Document, read

if TYPE_CHECKING:
    from pathlib import Path

    from backup_actions.contract import Action
    from backup_actions.settings.deployment import DeploymentSettings


def load(path: Path, actions: Iterable[Action]) -> DeploymentSettings:
    """The settings that the file holds. Raises SettingsUnreadable or SettingsInvalid."""
    return _checked(read(path), actions, path)


def from_mapping(data: Mapping[str, Any], actions: Iterable[Action]) -> DeploymentSettings:
    """The settings that the mapping holds, in the file's own shape. Raises SettingsInvalid."""
    return _checked(Document(dict(data)), actions, "the mapping")


def _checked(document: Document, actions: Iterable[Action], path: object) -> DeploymentSettings:
    actions = tuple(actions)
    model = model_for(actions)
    data = _with_tuples(document.data)
    mistakes = list(document.mistakes)
    settings = None
    try:
        settings = model.model_validate(data, context={REGION: _sound_region(data.get("region"))})
    except ValidationError as error:
        found = error.errors(include_url=False)
        mistakes += [mistake_of(one, document.lines, lambda place: _known_keys(model, place)) for one in found]
    else:
        mistakes += [Mistake(place, line_of(place, document.lines), why) for place, why in misfits(settings, actions)]
    if settings is None or mistakes:
        mistakes.sort(key=_in_order_of_lines)
        raise SettingsInvalid(path=path, count=len(mistakes), mistakes="\n".join(map(str, mistakes)))
    return settings


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
