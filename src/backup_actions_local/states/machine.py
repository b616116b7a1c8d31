"""A state machine that can be run: its definition has been checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backup_actions.errors import DefinitionInvalid
from backup_actions_local.states.validation import mistakes_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from backup_actions_local.states.tasks import Integrations


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A definition with its name, and the role that its calls are made with."""

    name: str
    arn: str
    role_arn: str
    definition: Mapping[str, Any]
    created: datetime

    @property
    def timeout_seconds(self) -> int:
        """After so long an execution is timed out."""
        return int(self.definition["TimeoutSeconds"])


def check(name: str, definition: Mapping[str, Any], integrations: Integrations) -> None:
    """Raise DefinitionInvalid, with every mistake, if the interpreter cannot run the definition as AWS would."""
    if mistakes := mistakes_in(definition, integrations):
        raise DefinitionInvalid(name=name, count=len(mistakes), mistakes="\n".join(mistakes))
