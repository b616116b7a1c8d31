"""How a Task state reaches the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from backup_actions.model.json_types import JsonValue


class RunningTask(Protocol):
    """What an integration may ask of the Task state that it works for."""

    @property
    def execution_arn(self) -> str:
        """The execution that the task belongs to."""
        ...

    def wait(self, until: Callable[[], bool], *about: Hashable) -> None:
        """Return when the condition holds, which nothing brings about but what it is ``about``, if that is named.

        Raises StateFailed(States.Timeout) when the task's time is over, ExecutionEnded when the execution's is, or when
        it was stopped. Whoever brings the condition about tells the clock.
        """
        ...

    def submitted(self, output: JsonValue) -> None:
        """Note in the history that the work was handed over and is now waited for."""
        ...


class Integrations(Protocol):
    """The calls that a Task can make; ``resource`` is for instance ``aws-sdk:ec2:createVolume``."""

    def mistakes(self, resource: str, arguments: Any) -> Iterator[str]:
        """What can be seen to be wrong with a call before it is made; ``arguments`` is a template."""
        ...

    def run(self, resource: str, arguments: JsonValue, task: RunningTask) -> JsonValue:
        """Make the call and return its result. Raises StateFailed as the service would make AWS raise it."""
        ...
