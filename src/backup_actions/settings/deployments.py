"""Several deployments in one file: what they share stands at its top, what differs in the list ``deployments``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backup_actions.settings.mistakes import Mistake, Place
from backup_actions.settings.yaml_file import Document

if TYPE_CHECKING:
    from backup_actions.settings.deployment import DeploymentSettings

KEY = "deployments"

DESCRIPTION = (
    "Several deployments, in other accounts and regions too: one section each, with a name and whatever differs from "
    "the rest of this file, which all of them share; null: the file is one deployment."
)


@dataclass(frozen=True, slots=True)
class Part:
    """What the file says of one deployment, the shared rest of it included."""

    document: Document
    index: int | None = None
    """Its place in the list; None where the file is one deployment."""
    own: frozenset[Place] = frozenset()
    """What stands in its own section."""

    @property
    def name(self) -> str:
        """What to call it when something is wrong with it."""
        return str(self.document.data.get("name", f"{KEY}[{self.index}]"))

    def is_own(self, place: Place) -> bool:
        """Whether its own section is to blame for what is wrong there, and not the shared rest."""
        while place and place not in self.own and not _holds(self.document.data, place):
            place = place[:-1]
        return not place or place in self.own


def parts_of(document: Document) -> tuple[list[Part], list[Mistake]]:
    """What the file says of each of its deployments, and what is wrong with the list itself."""
    shared = {key: value for key, value in document.data.items() if key != KEY}
    sections = document.data.get(KEY)
    if sections is None:
        return [Part(Document(shared, document.lines))], []
    line = document.lines.get((KEY,))
    if not isinstance(sections, list | tuple):
        return [], [Mistake((KEY,), line, "it must be a list of sections, each with a name of its own")]
    if not sections:
        return [], [Mistake((KEY,), line, "it needs at least one")]
    mistakes = [
        Mistake((KEY, index), document.lines.get((KEY, index)), "it must be a section with settings of its own")
        for index, section in enumerate(sections)
        if not isinstance(section, Mapping)
    ]
    if mistakes:
        return [], mistakes
    return [_part(document, shared, index, section) for index, section in enumerate(sections)], []


def told_once(found: Sequence[tuple[Part, Iterable[Mistake]]]) -> Iterator[Mistake]:
    """The mistakes of all parts: those of a section with its place, those of the shared rest once."""
    shared: dict[Mistake, list[str]] = {}
    for part, mistakes in found:
        for mistake in mistakes:
            if part.index is None:
                yield mistake
            elif part.is_own(mistake.place):
                yield Mistake((KEY, part.index, *mistake.place), mistake.line, mistake.reason)
            else:
                shared.setdefault(mistake, []).append(part.name)
    for mistake, names in shared.items():
        where = "" if len(names) == len(found) else f" (in {', '.join(names)})"
        yield Mistake(mistake.place, mistake.line, mistake.reason + where)


def names_taken_twice(parts: Sequence[Part], settings: Sequence[DeploymentSettings]) -> Iterator[Mistake]:
    """Stacks are told apart by their names, here and on the command line."""
    first: dict[str, str] = {}
    for part, deployment in zip(parts, settings, strict=True):
        stacks = [deployment.name, *([f"{deployment.name}-plans"] if deployment.backup_plans else [])]
        for stack in stacks:
            if stack in first:
                place: Place = (KEY, part.index or 0, "name")
                line = part.document.lines.get(("name",)) or part.document.lines.get(())
                yield Mistake(place, line, f"a stack {stack} is made by {first[stack]} already: name it otherwise")
            first.setdefault(stack, f"{KEY}[{part.index}]")


def _part(document: Document, shared: Mapping[str, Any], index: int, section: Mapping[str, Any]) -> Part:
    lead = (KEY, index)
    lines = {place: line for place, line in document.lines.items() if place[0] != KEY}
    lines |= {place[2:]: line for place, line in document.lines.items() if place[:2] == lead}
    return Part(Document(_merged(shared, section), lines), index, frozenset(_places(section, ())))


def _merged(shared: Any, own: Any) -> Any:
    """Sections are joined setting by setting; of everything else the own value counts."""
    if not (isinstance(shared, Mapping) and isinstance(own, Mapping)):
        return own
    return {**shared, **{key: _merged(shared[key], value) if key in shared else value for key, value in own.items()}}


def _places(value: Any, place: Place) -> Iterator[Place]:
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    for key, inner in items:
        yield (*place, key)
        yield from _places(inner, (*place, key))


def _holds(data: Any, place: Place) -> bool:
    for key in place:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
