"""What every check is given, and how one asks for what may not be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from backup_actions.aws import translated
from backup_actions.errors import AwsCallFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from backup_actions.aws import Clients
    from backup_actions.contract import Action
    from backup_actions.settings import DeploymentSettings

Answered = TypeVar("Answered")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The settings that are to be deployed, the installed actions, and clients of their region."""

    settings: DeploymentSettings
    actions: tuple[Action, ...]
    clients: Clients

    @property
    def enabled(self) -> frozenset[str]:
        """The names of the actions that are used."""
        return frozenset(action.name for action in self.settings.enabled(self.actions))


def unless(codes: Collection[str], call: Callable[[], Answered]) -> Answered | None:
    """What the call answers, or None where AWS refuses it with one of the codes. Raises AwsCallFailed, AwsBusy."""
    try:
        with translated():
            return call()
    except AwsCallFailed as refused:
        if refused.facts["error_code"] in codes:
            return None
        raise
