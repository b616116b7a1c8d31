"""Arguments and results of API calls, between the names of a workflow and those of botocore's models."""

from __future__ import annotations

from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeAlias

from backup_actions_local.states.api_names import member_name
from backup_actions_local.states.expressions import is_expression
from backup_actions_local.states.failures import RUNTIME, StateFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backup_actions.model.json_types import JsonValue

Shape: TypeAlias = Any
"""botocore's; what it has besides its name depends on ``type_name``."""


def to_botocore(value: Any, shape: Shape, place: str) -> Any:
    """Arguments as botocore wants them; keys of maps stay as they are.

    Raises StateFailed(States.Runtime) for a name that the API does not have, as Step Functions does.
    """
    if shape.type_name == "structure" and isinstance(value, dict):
        members = {member_name(name): (name, inner) for name, inner in shape.members.items()}
        unknown = sorted(set(value) - members.keys())
        if unknown:
            what = ", ".join(f'The field "{name}" is not supported by Step Functions' for name in unknown)
            raise StateFailed(RUNTIME, f"The arguments of {place} could not be used to start the Task: [{what}]")
        return {
            members[name][0]: to_botocore(each, members[name][1], f"{place}/{name}") for name, each in value.items()
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [to_botocore(each, shape.member, place) for each in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: to_botocore(each, shape.value, f"{place}/{key}") for key, each in value.items()}
    if shape.type_name == "blob":
        raise StateFailed(RUNTIME, f"{place} is bytes, which the embedded AWS does not pass through a workflow")
    return value


def from_botocore(value: Any, shape: Shape, place: str, moment: Callable[[datetime], JsonValue]) -> JsonValue:
    """A result as a workflow sees it: names as above, timestamps by ``moment``, no response metadata.

    Raises StateFailed(States.Runtime) for bytes.
    """
    if shape.type_name == "structure":
        return {
            member_name(name): from_botocore(value[name], inner, f"{place}/{name}", moment)
            for name, inner in shape.members.items()
            if name in value
        }
    if shape.type_name == "list":
        return [from_botocore(each, shape.member, place, moment) for each in value]
    if shape.type_name == "map":
        return {str(key): from_botocore(each, shape.value, f"{place}/{key}", moment) for key, each in value.items()}
    if shape.type_name == "timestamp":
        return moment(value)
    if shape.type_name == "blob":
        raise StateFailed(RUNTIME, f"{place} is bytes, which the embedded AWS does not pass through a workflow")
    plain: JsonValue = value
    return plain


def iso_text(moment: datetime) -> str:
    """A timestamp in a result of an aws-sdk integration: Java's Instant as text, with a fraction if there is one."""
    utc = moment.astimezone(UTC)
    fraction = f"{utc.microsecond:06d}" if utc.microsecond % 1000 else f"{utc.microsecond // 1000:03d}"
    return f"{utc:%Y-%m-%dT%H:%M:%S}{f'.{fraction}' if utc.microsecond else ''}Z"


def epoch_milliseconds(moment: datetime) -> int:
    """A timestamp in a result of an optimized integration."""
    return round(moment.timestamp() * 1000)


def mistakes_in_arguments(arguments: Any, shape: Shape | None, place: str) -> Iterator[str]:
    """What can be seen before the call: names that do not exist, members that are missing, lists that are none.

    Whatever an expression will make is passed over.
    """
    if isinstance(arguments, str) and is_expression(arguments):
        return
    if shape is None or shape.type_name not in {"structure", "list", "map"}:
        if isinstance(arguments, dict | list):
            yield f"{place} must be a single value"
        elif shape is not None and shape.type_name == "blob":
            yield f"{place} is bytes, which the embedded AWS does not pass through a workflow"
    elif shape.type_name == "structure" and isinstance(arguments, dict):
        yield from _mistakes_in_structure(arguments, shape, place)
    elif shape.type_name == "list" and isinstance(arguments, list):
        for index, each in enumerate(arguments):
            yield from mistakes_in_arguments(each, shape.member, f"{place}[{index}]")
    elif shape.type_name == "map" and isinstance(arguments, dict):
        for key, each in arguments.items():
            yield from mistakes_in_arguments(each, shape.value, f"{place}/{key}")
    else:
        yield f"{place} must be a {shape.type_name}"


def _mistakes_in_structure(arguments: dict[str, Any], shape: Shape, place: str) -> Iterator[str]:
    members = {member_name(name): inner for name, inner in shape.members.items()}
    for name in sorted(member_name(required) for required in shape.required_members):
        if name not in arguments and not shape.members[_botocore_name(shape, name)].metadata.get("idempotencyToken"):
            yield f"{place} lacks {name}"
    for name, each in arguments.items():
        if name in members:
            yield from mistakes_in_arguments(each, members[name], f"{place}/{name}")
        else:
            by_lower = {each.lower(): each for each in members}
            alike = get_close_matches(name.lower(), by_lower, n=1)
            yield f"{place} has no member {name}" + (f"; did you mean {by_lower[alike[0]]}?" if alike else "")


def _botocore_name(shape: Shape, name: str) -> str:
    return next(str(each) for each in shape.members if member_name(each) == name)
