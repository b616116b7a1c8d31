"""What every action owes, as tests that a class inherits by naming its action."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from backup_actions.contract import Action
from backup_actions.errors import BackupActionsError

if TYPE_CHECKING:
    from backup_actions_local.front.faults import CallSite
    from backup_actions_local.samples import MakeSample
    from backup_actions_local.seaweed import ObjectServer


class DescriptionContract:
    """What can be told of an action without running it. A subclass names its action: ``action = ACTION``."""

    action: ClassVar[Action]
    not_called: ClassVar[Mapping[tuple[str, str], str]] = {}
    """A step (``task report``) and an IAM action that its code seems to call and never does → why it seems so."""
    kept: ClassVar[Mapping[str, str]] = {}
    """A state that makes something which is not removed, because it is what is wanted → why nobody has to remove it."""

    def test_the_description_agrees_with_itself_and_is_announced(self) -> None:
        """The plug-in can be installed and found."""
        from backup_actions_testing.descriptions import complaints_about_description

        hold(complaints_about_description(self.action))

    def test_reading_the_description_imports_nothing_heavy(self) -> None:
        """Help texts, synthesis and jobs read every action."""
        from backup_actions_testing.descriptions import complaints_about_weight

        hold(complaints_about_weight(self.action))

    def test_functions_find_what_they_import(self) -> None:
        """They have no packages but those of actions."""
        from backup_actions_testing.surroundings import complaints_about_functions

        hold(complaints_about_functions(self.action))

    def test_what_the_package_brings_to_the_embedded_aws_is_as_aws_has_it(self) -> None:
        """Operations, and what IAM is asked for them."""
        from backup_actions_testing.surroundings import complaints_about_brought

        hold(complaints_about_brought(self.action))

    def test_settings_are_the_same_in_schema_example_and_workflow(self) -> None:
        """One truth about each setting."""
        from backup_actions_testing.descriptions import complaints_about_settings

        hold(complaints_about_settings(self.action))

    def test_the_workflow_is_valid(self) -> None:
        """States Language, JSONata, and every API as it is."""
        from backup_actions_testing.workflows import complaints_about_workflow

        hold(complaints_about_workflow(self.action))

    def test_every_wait_and_every_loop_of_the_workflow_ends(self) -> None:
        """Nothing hangs, nothing fills its history."""
        from backup_actions_testing.bounds import complaints_about_bounds

        hold(complaints_about_bounds(self.action))

    def test_what_the_workflow_makes_is_removed_on_every_path(self) -> None:
        """Success, failure, time-out and abort."""
        from backup_actions_testing.clean_ups import complaints_about_clean_up

        hold(complaints_about_clean_up(self.action, self.kept))

    def test_the_workflow_is_granted_what_it_calls_and_nothing_else(self) -> None:
        """State by state."""
        from backup_actions_testing.grants import complaints_about_workflow_grants

        hold(complaints_about_workflow_grants(self.action))

    def test_tasks_and_jobs_are_granted_what_they_call_and_nothing_else(self) -> None:
        """Read from their source."""
        from backup_actions_testing.grants import complaints_about_code_grants

        hold(complaints_about_code_grants(self.action, self.not_called))

    def test_permissions_agree_with_the_service_authorization_reference(self) -> None:
        """Actions, types of resources and condition keys exist and belong together."""
        from backup_actions_testing.grants import complaints_about_statements

        settings = self.action.settings()
        hold(complaints_about_statements(self.action.permissions, settings))
        for function in self.action.functions:
            hold(complaints_about_statements(function.permissions, settings))


class RunContract:
    """What an action does on the embedded AWS, when all goes well and when something does not.

    It is tried on what the fixture ``make_sample`` makes, if a subclass has one, else on what its package announces in
    the entry points ``backup_actions.samples``, else on a usual resource of a type that it handles. A fixed sample of
    faults is tried, spread over the calls of a good run; with ``--sweep`` every single one.
    """

    action: ClassVar[Action]
    faults_tried: ClassVar[int] = 4
    stops_tried: ClassVar[int] = 2

    @pytest.fixture(name="objects", scope="class")
    @classmethod
    def _objects(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
        """A real S3 server, which the runs share."""
        from backup_actions_local.seaweed import object_server

        with object_server(tmp_path_factory.mktemp("objects")) as server:
            yield server

    @pytest.fixture(name="make_sample", scope="class")
    @classmethod
    def _make_sample(cls) -> MakeSample | None:
        """For a subclass: what costs much is made here once, for all runs."""
        return None

    @pytest.fixture(name="good", scope="class")
    @classmethod
    def _good(
        cls, tmp_path_factory: pytest.TempPathFactory, objects: ObjectServer, make_sample: MakeSample | None
    ) -> _Good:
        """What is wrong after a run in which nothing was made to fail, and what happened in it."""
        from backup_actions_testing.trials import begun, complaints_about_good_run

        folder = tmp_path_factory.mktemp("good")
        with _told_in_a_sentence(), begun(cls.action, folder, objects, make_sample=make_sample) as run:
            run.back_up()
            complaints = tuple(complaints_about_good_run(run))
            own = [site for site in run.cloud.faults.calls if site.role.startswith(run.own_roles)]
            events = [event for execution in run.executions(run.machine_name) for event in execution.history]
            states = [str(event.state) for event in events if event.type.endswith("StateEntered")]
            return _Good(complaints, tuple(own), tuple(dict.fromkeys(states)))

    def test_a_backup_is_worked_on_and_the_result_is_proven(self, good: _Good) -> None:
        """The sample, from its event to the evidence."""
        hold(good.complaints)

    def test_no_single_fault_breaks_a_promise(
        self,
        good: _Good,
        objects: ObjectServer,
        make_sample: MakeSample | None,
        tmp_path: Path,
        pytestconfig: pytest.Config,
    ) -> None:
        """A call fails once, is refused, loses its answer, or fails for good."""
        from backup_actions_testing.faults import every_trial, spread_over
        from backup_actions_testing.trials import begun, complaints_about_fault

        if good.complaints:
            pytest.skip("the run fails without any fault")
        every = pytestconfig.getoption("sweep", default=False)
        trials = every_trial(good.sites) if every else spread_over(good.sites, self.faults_tried)
        complaints: list[str] = []
        for trial in trials:
            with begun(self.action, tmp_path, objects, make_sample=make_sample) as run:
                complaints += complaints_about_fault(run, trial)
        hold(complaints)

    def test_a_run_that_somebody_stops_leaves_nothing_behind(
        self,
        good: _Good,
        objects: ObjectServer,
        make_sample: MakeSample | None,
        tmp_path: Path,
        pytestconfig: pytest.Config,
    ) -> None:
        """Whatever state it is in."""
        from backup_actions_testing.trials import complaints_about_stop

        if good.complaints:
            pytest.skip("the run fails without being stopped")
        every = pytestconfig.getoption("sweep", default=False)
        step = max(1, len(good.states) // self.stops_tried)
        states = good.states if every else good.states[step // 2 :: step]
        for state in states:
            hold(complaints_about_stop(self.action, state, tmp_path, objects, make_sample))


class ActionContract(RunContract, DescriptionContract):  # pytest begins with the last: what is told at once
    """Everything that an action owes: ``class TestMine(ActionContract): action = ACTION``."""


@dataclass(frozen=True, slots=True)
class _Good:
    complaints: tuple[str, ...]
    sites: tuple[CallSite, ...]
    """The calls of the action's own roles, and of the function that hears of what it waits for."""
    states: tuple[str, ...]
    """Of its machine, in the order in which they were entered first."""


@contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    """What cannot even be deployed or tried is told by its error, without the way there."""
    try:
        yield
    except BackupActionsError as error:
        pytest.fail(f"{error}\n{error.hint}", pytrace=False)


def hold(complaints: Iterable[str]) -> None:
    """Fail with every complaint on a line of its own, if there is one."""
    if told := list(complaints):
        pytest.fail("\n".join(told), pytrace=False)
