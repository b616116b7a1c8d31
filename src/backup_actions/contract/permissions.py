"""Permissions, written by hand beside the workflow, exact, with a reason for every star.

Resources and conditions may contain the placeholders of ``contract.placeholders``; each reader (CDK, embedded AWS)
fills in its own values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from backup_actions.contract.placeholders import fill_text
from backup_actions.model.json_types import JsonValue

Condition = Mapping[str, Mapping[str, str | tuple[str, ...]]]
"""As IAM has it: operator → key → value(s)."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Allow these actions on these resources under these conditions.

    ``for_`` names the states of the workflow, or the functions of the code, that need it.
    ``because`` is obligatory where a resource is ``*`` or ends in a bare ``*`` of a whole resource type.
    """

    actions: tuple[str, ...]
    on: str | tuple[str, ...]
    when: Condition = field(default_factory=dict)
    for_: tuple[str, ...] = ()
    because: str = ""
    effect: str = "Allow"

    def __post_init__(self) -> None:
        if not self.actions:
            raise ValueError("a statement without actions grants nothing")
        for action in self.actions:
            if "*" in action or ":" not in action:
                raise ValueError(f"{action!r}: write every action out; a star grants what nobody reads")
        if any(resource.endswith("*") for resource in self.resources) and not self.because:
            raise ValueError(f"{self.actions}: a resource that ends in a star needs its reason in `because`")

    @property
    def resources(self) -> tuple[str, ...]:
        """The resources as a tuple, also where one was given."""
        return (self.on,) if isinstance(self.on, str) else self.on

    def filled(self, text_of: Callable[[str], str]) -> Statement:
        """The statement with its placeholders replaced; what two of them stand for alike stands there once."""

        def fill(value: str | tuple[str, ...]) -> str | tuple[str, ...]:
            if isinstance(value, tuple):
                return tuple(dict.fromkeys(fill_text(text, text_of) for text in value))
            return fill_text(value, text_of)

        when = {
            operator: {fill_text(key, text_of): fill(value) for key, value in keys.items()}
            for operator, keys in self.when.items()
        }
        return replace(self, on=fill(self.on), when=when)

    def to_policy(self) -> dict[str, JsonValue]:
        """The statement as an IAM policy has it, placeholders still in it."""
        statement: dict[str, JsonValue] = {
            "Effect": self.effect,
            "Action": list(self.actions),
            "Resource": list(self.resources),
        }
        if self.when:
            statement["Condition"] = {
                operator: {key: list(value) if isinstance(value, tuple) else value for key, value in keys.items()}
                for operator, keys in self.when.items()
            }
        return statement


@dataclass(frozen=True, slots=True)
class Permissions:
    """Who may do what: the state machine, each function, each job, each service. A role is made for each."""

    workflow: tuple[Statement, ...] = ()
    tasks: Mapping[str, tuple[Statement, ...]] = field(default_factory=dict)
    jobs: Mapping[str, tuple[Statement, ...]] = field(default_factory=dict)
    services: Mapping[str, tuple[Statement, ...]] = field(default_factory=dict)

    def roles(self) -> Mapping[str, tuple[Statement, ...]]:
        """Role name → statements: ``workflow``, ``task-<name>``, ``job-<name>``, ``service-<name>``."""
        return {
            "workflow": self.workflow,
            **{f"task-{name}": statements for name, statements in self.tasks.items()},
            **{f"job-{name}": statements for name, statements in self.jobs.items()},
            **{f"service-{name}": statements for name, statements in self.services.items()},
        }
