"""Permissions are complete and minimal: what workflows and code call is granted, and nothing else is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from backup_actions.contract import Machine, Permissions, Settings, Statement
from backup_actions_testing import reference
from backup_actions_testing.called_apis import SourceUnclear
from backup_actions_testing.calls import actions_for, apis_of, needed_by_states

NEVER_ASKED_FOR = {
    ("states:DescribeExecution", "express"): "none of our machines is an express one",
    ("dynamodb:TagResource", "stream"): "no stream is tagged",
    ("rds:DeleteDBCluster", "cluster-snapshot"): "no final snapshot is taken",
    ("states:ListExecutions", "maprun"): "no Map of ours is a distributed one",
}
"""Types of resources that the reference calls required and that do not come up here."""


def complaints_about_workflow_grants(machine: Machine) -> Iterator[str]:
    """What states lack, and what the workflow's role has too much or without saying for which state."""
    yield from complaints_about_superfluous_grants(machine)
    for state, needed in needed_by_states(machine).items():
        if lacking := needed - granted_to(state, machine.permissions.workflow):
            yield (
                f"{state}: the workflow's role may not {_listed(lacking)}; grant it by a Statement "
                f"with for_=({state!r},)"
            )


def complaints_about_superfluous_grants(machine: Machine) -> Iterator[str]:
    """What the workflow's role has too much, or without saying for which state."""
    needed = needed_by_states(machine)
    for statement in machine.permissions.workflow:
        what = f"the workflow's statement {_listed(statement.actions)}"
        if not statement.for_:
            yield f"{what}: say in for_ which states need it"
        if unknown := set(statement.for_) - needed.keys():
            yield f"{what}: {_listed(unknown)} in for_ is no Task state"
            continue
        wanted = frozenset[str]().union(*(needed[state] for state in statement.for_))
        if statement.for_ and (superfluous := set(statement.actions) - wanted):
            yield f"{what}: no state that it is for needs {_listed(superfluous)}; take it out"
        for state in statement.for_:
            if not needed[state] & set(statement.actions):
                yield f"{what}: {state} needs nothing of it; take the state out of for_"


def granted_to(state: str, statements: Iterable[Statement]) -> frozenset[str]:
    """What the statements grant for this state."""
    return frozenset(action for statement in statements if state in statement.for_ for action in statement.actions)


def complaints_about_code_grants(machine: Machine, not_called: Collection[tuple[str, str]] = ()) -> Iterator[str]:
    """Where a function's or a job's role has not just what its code calls.

    ``not_called`` are pairs of a step (``task report``) and an action that the reading of the source finds too much.
    """
    for step, code, statements in code_roles(machine):
        passed = {action for name, action in not_called if name == step}
        yield from (f"{step}: {each}" for each in complaints_about_code(code, statements, passed))


def code_roles(machine: Machine) -> Iterator[tuple[str, str, tuple[Statement, ...]]]:
    """What runs Python: the step, its code, its statements."""
    permissions = machine.permissions
    for name, task in machine.tasks.items():
        yield f"task {name}", task.code, permissions.tasks[name]
    for name, job in machine.jobs.items():
        yield f"job {name}", job.code, permissions.jobs[name]
    for function in machine.functions:
        yield f"function {function.name}", function.code, function.permissions.tasks["function"]


def complaints_about_code(
    code: str, statements: Iterable[Statement], not_called: Collection[str] = ()
) -> Iterator[str]:
    """In what ``module:function`` and the statements of its role differ."""
    try:
        needed = {action for call in apis_of(code) for action in actions_for(call)} - set(not_called)
    except SourceUnclear as unclear:
        yield f"{code}: {unclear}"
        return
    granted = {action for statement in statements if statement.effect == "Allow" for action in statement.actions}
    if lacking := needed - granted:
        yield f"{code} calls what its role may not: grant {_listed(lacking)}"
    if superfluous := granted - needed:
        yield f"{code} never calls what its role may: take out {_listed(superfluous)}"


def complaints_about_statements(permissions: Permissions, settings: Settings | None = None) -> Iterator[str]:
    """In what statements contradict AWS's service authorization reference, role by role."""
    chosen = settings.placeholders() if settings else {}
    for role, granted in permissions.roles().items():
        statements = tuple(each.filled(lambda name: chosen.get(name) or f"${{{name}}}") for each in granted)
        for statement in statements:
            yield from (f"{role}: {complaint}" for complaint in reference.complaints_about(statement))
        yield from (f"{role}: {complaint}" for complaint in _uncovered(statements))


def _uncovered(statements: tuple[Statement, ...]) -> Iterator[str]:
    """Types of resources that an action is asked for and that no statement names."""
    for action in sorted({action for statement in statements for action in statement.actions}):
        resources = tuple(
            resource
            for statement in statements
            if action in statement.actions
            for resource in statement.filled(reference.sample).resources
        )
        if resources == ("*",) or not reference.exists(action):
            continue
        asked_for = {kind for kind in reference.required_kinds(action) if (action, kind) not in NEVER_ASKED_FOR}
        if missing := asked_for - reference.kinds_of(action, resources):
            yield f"{action} is asked for {_listed(missing)} too: name such resources in a statement"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
