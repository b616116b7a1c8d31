"""An action deployed alone on an embedded AWS, with the backup that it is tried on."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backup_actions.contract import Action
from backup_actions.ledger import WAKE
from backup_actions.settings import from_mapping
from backup_actions_local.cloud import Cloud
from backup_actions_local.front.faults import CallSite
from backup_actions_local.samples import VAULT, Kept, MakeSample, Sample, sample_of
from backup_actions_local.seaweed import ObjectServer
from backup_actions_local.states.execution import Event, Execution
from backup_actions_testing import invariants
from backup_actions_testing.called_apis import ApiCall
from backup_actions_testing.calls import api_calls
from backup_actions_testing.faults import Trial
from backup_actions_testing.runs import Run

_numbers = itertools.count(1)
Heard = Callable[[Execution, Event], None]


@dataclass
class SampleRun(Run):
    """A run of one action on its sample."""

    action: Action
    sample: Sample

    def back_up(self) -> None:
        """The backup has appeared, and everything that follows has come to an end."""
        with self.cloud.clock.actor():
            self.sample.back_up(self.cloud)
        if self.sample.recovery_point_arn:
            self.arns = [self.sample.recovery_point_arn]
        self.wait()

    @property
    def machine_name(self) -> str:
        """The action's machine."""
        return self.deployment.name_of(self.action)

    @property
    def own_roles(self) -> tuple[str, ...]:
        """With what the names of those roles begin whose calls are the action's."""
        wake = self.deployment.name_of_function(WAKE)
        return (self.machine_name, wake) if self.action.awaits else (self.machine_name,)

    @property
    def result(self) -> dict[str, Any]:
        """What the action's machine came to, as the evidence has it."""
        (result,) = [each["result"] for each in self.evidence()["actions"]]
        return dict(result)

    @property
    def is_kept_against_the_policy(self) -> bool:
        """Whether the backup stands, although what the action makes can restore it and the policy is to delete."""
        return self.action.restorable and bool(self.arns) and self.point is not None

    def broken(self) -> list[str]:
        """Every promise that does not hold."""
        return [*invariants.broken(self), *(f"{self.action.name}: {each}" for each in self.sample.broken())]

    def left_behind(self) -> Iterable[str]:
        """See ``Sample.left_behind``."""
        return self.sample.left_behind()

    def kept(self) -> Collection[str]:
        """See ``Sample.kept``."""
        return self.sample.kept()


@contextmanager
def begun(
    action: Action,
    directory: Path,
    objects: ObjectServer,
    *,
    make_sample: MakeSample | None = None,
    on_event: Heard = lambda _execution, _event: None,
) -> Iterator[SampleRun]:
    """The action deployed, its sample made; the backup is not. Raises SampleMissing, SampleBroken."""
    number = next(_numbers)
    folder = directory / f"run-{number}"
    with Cloud(folder, objects, mode="inline", on_event=on_event) as cloud:
        sample = make_sample(cloud) if make_sample else sample_of(action, cloud)
        settings = from_mapping(
            {
                "account": cloud.place.account,
                "region": cloud.place.region,
                "zones": list(cloud.place.zones),
                "vaults": [VAULT],
                "deletion": {"policy": "delete"},
                "notifications": {"success": "each"},
                "actions": {action.name: {"enabled": True, **sample.settings}},
            },
            [action],
        )
        deployment = cloud.deploy(settings, [action], bucket=f"sample-{number}")
        run = SampleRun(cloud, deployment, folder, objects, action, sample)
        elsewhere, tempfile.tempdir = tempfile.tempdir, str(folder)  # where mount points would be left behind
        try:
            with sample.beside(deployment):
                yield run
        finally:
            tempfile.tempdir = elsewhere
            run.remove_bucket()


def complaints_about_good_run(run: SampleRun) -> Iterator[str]:
    """What is wrong after a run in which nothing was made to fail."""
    yield from run.broken()
    if not run.arns or not run.executions(run.main_name):
        yield "no execution was started: is the sample's backup of a resource type that the action handles?"
        return
    for entry in run.cloud.audit.refused():
        role = entry.caller.role if entry.caller else "somebody unknown"
        yield f"{entry.service}:{entry.operation} was refused to {role}: {entry.error_message}; grant it"
    if run.main.status != "SUCCEEDED":
        yield f"the run is {run.main.status}: {run.main.error}: {run.main.cause}"
        return
    if not run.has_evidence:
        yield "nothing was done with the backup: has it the tags that the action's settings and `selection` ask for?"
        return
    result = run.result
    if not result["succeeded"]:
        yield f"the action failed: {result['error']}: {result['cause']}"
    elif not result["report"]["verified"]:
        yield f"what the action made is not verified: {result['report']['reason']}"
    else:
        (outcome,) = run.evidence()["actions"]
        if not outcome["proven"]:
            yield f"what the action made cannot be proven: {outcome['reason']}"
        elif run.is_kept_against_the_policy:
            yield f"the backup was kept although `restorable` says that it may go: {run.notices[-1]['Message']}"
        yield from run.sample.complaints(Kept(report=result["report"], read=run.read))


def complaints_about_fault(run: SampleRun, trial: Trial) -> Iterator[str]:
    """What is wrong after a run in which one call failed; the run is made here."""
    trial.plan(run)
    run.back_up()
    yield from (f"{trial}: {each}" for each in run.broken())
    if run.cloud.faults.missing():
        yield f"{trial}: the call was not made this time; let the sample be the same in every run"
    is_ours = trial.must_succeed and not _is_of_a_service(run, trial.site)
    if is_ours and run.executions(run.main_name) and run.main.status != "SUCCEEDED":
        yield (
            f"{trial}: the run did not succeed ({run.main.error}: {run.main.cause}); an error that passes, and an "
            "answer that is lost, are nothing to fail for: retry the call, or look whether it was carried out"
        )
    elif is_ours and run.is_kept_against_the_policy:
        yield f"{trial}: the backup was kept although the run succeeded; without the fault it is deleted"


def _is_of_a_service(run: SampleRun, site: CallSite) -> bool:
    """Whether a service calls that with the action's rights: what it does not get done is told as its failure."""
    if site.role in dict(run.deployment.service_roles()):
        return True
    own = {call for state in run.action.workflow.calls() for call in api_calls(state)}
    of_workflow = site.role == run.deployment.role_of(run.action, "workflow")
    return of_workflow and ApiCall(site.service, site.operation) not in own


def complaints_about_stop(
    action: Action, state: str, directory: Path, objects: ObjectServer, make_sample: MakeSample | None
) -> Iterator[str]:
    """What is wrong after a run that somebody stopped when it entered a state."""
    stopped: list[Execution] = []
    machine: list[str] = []

    def heard(execution: Execution, event: Event) -> None:
        entered = event.type.endswith("StateEntered") and event.state == state
        if entered and not stopped and execution.machine.name in machine:
            stopped.append(execution)
            execution.stop("Tester", "stopped by hand")

    with begun(action, directory, objects, make_sample=make_sample, on_event=heard) as run:
        machine.append(run.machine_name)
        run.back_up()
        yield from (f"stopped in {state}: {each}" for each in run.broken())
