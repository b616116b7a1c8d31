"""A workflow file: Amazon States Language in YAML, read once, filled in by whoever runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from backup_actions.contract.placeholders import PATTERN, names_in

State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One call that a Task state makes: ``aws-sdk:ec2:createVolume`` or an optimized integration."""

    state: str
    resource: str
    """The integration without ``arn:…:states:::``, for instance ``aws-sdk:ec2:createVolume`` or ``lambda:invoke``."""
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Workflow:
    """The text of a state machine. ``folder`` is where ``workflow.asl.yaml`` lies."""

    path: Path

    def document(self) -> dict[str, Any]:
        """The file as it stands, placeholders in it."""
        return deepcopy(self._read())

    def placeholders(self) -> frozenset[str]:
        """Every placeholder that the file uses."""
        return names_in(self.path.read_text(encoding="utf-8"))

    def filled(self, structure_of: Callable[[str], Any | None], text_of: Callable[[str], str]) -> dict[str, Any]:
        """The document with its placeholders replaced.

        ``structure_of`` is asked for values that consist of one placeholder alone and answers None to pass;
        what it returns is filled in turn. ``text_of`` is asked for the rest.
        """

        def fill(value: Any) -> Any:
            if isinstance(value, dict):
                return {PATTERN.sub(lambda match: text_of(match[1]), key): fill(inner) for key, inner in value.items()}
            if isinstance(value, list | tuple):
                return [fill(inner) for inner in value]
            if not isinstance(value, str):
                return value
            if whole := PATTERN.fullmatch(value):
                structure = structure_of(whole[1])
                if structure is not None:
                    return fill(structure)
            return PATTERN.sub(lambda match: text_of(match[1]), value)

        filled = fill(self._read())
        assert isinstance(filled, dict)  # noqa: S101 - a dict goes in
        return filled

    def states(self) -> Iterator[tuple[str, State]]:
        """Every state with its name, those inside Map and Parallel too."""
        return states_of(self._read())

    def calls(self) -> Iterator[Call]:
        """Every call that a Task state makes."""
        for name, state in self.states():
            if state["Type"] == "Task":
                resource = str(state["Resource"]).partition(":states:::")[2]
                yield Call(name, resource, state.get("Arguments") or {})

    def _read(self) -> dict[str, Any]:
        return _parsed(self.path.read_text(encoding="utf-8"))


@lru_cache(maxsize=64)
def _parsed(text: str) -> dict[str, Any]:
    """Parsing costs a quarter of a second, and whoever loads an action does it several times."""
    import yaml

    document = yaml.safe_load(text)
    assert isinstance(document, dict)  # noqa: S101 - a file of ours; its shape is held by tests
    return document


def states_of(machine: Mapping[str, Any]) -> Iterator[tuple[str, State]]:
    """Every state of a machine's document, depth first."""
    for name, state in machine["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states_of(state["ItemProcessor"])
        for branch in state.get("Branches", ()):
            yield from states_of(branch)
