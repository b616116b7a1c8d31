"""The same for exports of DynamoDB tables: each call of a run fails in turn, each grant is taken away in turn."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from tests.flow.flow import MAIN, Flow, NewFlow
from tests.flow.tables import EXPORT, back_up, broken, make_table, table_flow
from tests.sweeps.grants import Grant, every_grant
from tests.sweeps.outcomes import outcome_of, refused_to

from backup_actions_local.front.faults import CallSite
from backup_actions_testing.faults import Kind, Trial, every_trial

if TYPE_CHECKING:
    from backup_actions_local.seaweed import ObjectServer

Run = Callable[[Flow], None]

_GRANTS_SAMPLED = 2
"""The suite takes so many of the grants."""


def restored(flow: Flow) -> None:
    """A table without a history: the backup is restored, exported, converted, verified, and the table deleted."""
    make_table(flow)
    back_up(flow)


# ------------------------------------------------------------------------------------------------------------ the calls


@pytest.fixture(name="sites", scope="module")
def _sites(tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer) -> tuple[CallSite, ...]:
    """Every call of a run in which nothing goes wrong but those of the main machine, which other sweeps fail."""
    with table_flow(tmp_path_factory.mktemp("good"), flow_objects, settings={"keep_original": False}) as flow:
        restored(flow)
        return tuple(site for site in flow.cloud.faults.calls if site.role.startswith(EXPORT))


@pytest.mark.usefixtures("whole_sweep")
@pytest.mark.timeout(9000)
def test_no_single_fault_of_a_table_s_export_breaks_a_promise(
    new_table_flow: NewFlow,
    sites: tuple[CallSite, ...],
    record_property: Callable[[str, object], None],
) -> None:
    results = [tried(new_table_flow(settings={"keep_original": False}), trial) for trial in every_trial(sites)]

    record_property("faults", json.dumps(results))
    assert [result for result in results if result["broken"]] == []


def tried(flow: Flow, trial: Trial) -> dict[str, Any]:
    """What became of a run in which that happens."""
    trial.plan(flow)
    restored(flow)
    flow.cloud.faults.assert_all_happened()
    wrong = broken(flow)
    # What DynamoDB does not get done with the rights of the workflow is a failed export, whatever the error.
    is_ours = (trial.site.role, trial.site.service) != (f"{EXPORT}-workflow", "s3")
    if trial.kind in {Kind.BUSY, Kind.LOST} and is_ours and flow.main.status != "SUCCEEDED":
        wrong.append(f"the run did not succeed: {flow.main.error}: {flow.main.cause}")
    return {"trial": str(trial), "group": trial.kind, "outcome": outcome_of(flow), "broken": wrong}


# ----------------------------------------------------------------------------------------------------------- the grants


def classic(flow: Flow) -> None:
    """A backup of DynamoDB's own is restored."""
    flow.cloud.table_backups.advanced = False
    restored(flow)


def failing(flow: Flow) -> None:
    """The export fails half-way, and what it wrote is discarded."""
    flow.cloud.mishaps.export_fails()
    restored(flow)


def stopped(flow: Flow) -> None:
    """Somebody stops the run while DynamoDB exports."""
    flow.stop_when(EXPORT, "WaitForExport")
    restored(flow)


def stopped_while_converting(flow: Flow) -> None:
    """Somebody stops the run while the job has no host yet."""
    flow.stop_when(EXPORT, "WaitForJob")
    restored(flow)


def broken_upload(flow: Flow) -> None:
    """A file of Parquet is refused when it is nearly stored: its upload is given up."""
    flow.cloud.faults.on("s3", "UploadPart", role=f"{EXPORT}-job-convert").fail("AccessDenied", status=403).always()
    restored(flow)


def vanishing(name: str, state: str) -> Run:
    """Objects are gone at the moment when the machine enters the state."""

    def run(flow: Flow) -> None:
        flow.lose_when(EXPORT, state, name)
        restored(flow)

    return run


RUNS: Mapping[tuple[str, str], Run] = {
    (f"{EXPORT}-workflow", "batch:TerminateJob"): stopped_while_converting,
    (f"{EXPORT}-task-clean", "dynamodb:DescribeExport"): stopped,
    (f"{EXPORT}-task-clean", "s3:DeleteObject"): failing,
    (f"{EXPORT}-task-report", "s3:ListBucket"): vanishing("export.json", "Report"),
    (f"{EXPORT}-task-drop-original", "s3:ListBucket"): vanishing("export.json", "DropOriginal"),
    (f"{EXPORT}-job-verify", "s3:ListBucket"): vanishing("conversion.json", "BeginVerification"),
}
"""Where an ordinary run does without the grant."""

UNUSED_HERE: Mapping[tuple[str, str], str] = {
    (
        f"{EXPORT}-task-clean",
        "s3:AbortMultipartUpload",
    ): "for an upload of a lost host; here jobs store small files whole",
    (f"{EXPORT}-job-convert", "s3:AbortMultipartUpload"): "for an upload that fails; here files are stored whole",
    (f"{EXPORT}-service-restore", "kms:Decrypt"): "for keys of vaults, which are not embedded",
    (f"{EXPORT}-service-restore", "kms:DescribeKey"): "for keys of vaults, which are not embedded",
    (f"{EXPORT}-service-restore", "kms:GenerateDataKey"): "for keys of vaults, which are not embedded",
}
"""Grants whose lack no run of ours can show, and why they stand all the same."""


def grants_of(flow: Flow) -> list[Grant]:
    """Every grant that a run of the export can miss, and the main machine's for backups that it manages fully."""
    return [
        grant
        for grant in every_grant(flow)
        if grant.role.startswith(EXPORT) or (grant.role.startswith(MAIN) and grant.action == "backup:ListTags")
        if (grant.role, grant.action) not in UNUSED_HERE
    ]


@pytest.mark.timeout(9000)
def test_every_grant_of_a_table_s_export_is_needed_and_its_lack_does_no_harm(
    new_table_flow: NewFlow,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    grants = grants_of(new_table_flow())
    chosen = grants if pytestconfig.getoption("sweep") else grants[:: max(1, len(grants) // _GRANTS_SAMPLED)]
    results = [lacking(new_table_flow(**CHOICES.get(grant.role, {})), grant) for grant in chosen]

    record_property("grants", json.dumps(results))
    assert [result for result in results if result["broken"]] == []


CHOICES: Mapping[str, Mapping[str, Any]] = {
    f"{EXPORT}-task-drop-original": {"settings": {"keep_original": False}},
}
"""What has to be chosen for the role to have something to do."""


def lacking(flow: Flow, grant: Grant) -> dict[str, Any]:
    """What became of a run without the grant."""
    flow.take_away(grant.role, grant.action, grant.statement)
    run = (
        classic if grant.action == "dynamodb:RestoreTableFromBackup" else RUNS.get((grant.role, grant.action), restored)
    )
    run(flow)
    wrong = broken(flow)
    # AWS Backup's own calls are in nobody's audit.
    failed = [job.message for job in flow.cloud.restores.jobs.values() if grant.action in job.message]
    if not refused_to(flow, grant.role) and not failed:
        wrong.append("nothing was refused: the grant is too much")
    return {"trial": str(grant), "group": grant.role, "outcome": outcome_of(flow), "broken": wrong}


def test_grants_of_a_table_s_export_that_no_run_needs_still_exist(new_table_flow: NewFlow) -> None:
    granted = {(grant.role, grant.action) for grant in every_grant(new_table_flow())}

    assert granted >= set(UNUSED_HERE)
    assert granted >= set(RUNS)
