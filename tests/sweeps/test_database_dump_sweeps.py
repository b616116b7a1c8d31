"""The same for dumps of databases: each call of a run fails in turn, each grant is taken away in turn."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from tests.flow.dumps import DUMP, back_up, broken, folder_flow, main_succeeded, server_of
from tests.flow.flow import Flow, NewFlow
from tests.sweeps.grants import Grant, every_grant
from tests.sweeps.outcomes import outcome_of

from backup_actions_local.front.audit import Verdict
from backup_actions_local.front.faults import CallSite
from backup_actions_testing.faults import Kind, Trial, every_trial

if TYPE_CHECKING:
    from backup_actions_local.seaweed import ObjectServer

Run = Callable[[Flow], None]

TESTED = "proofs/x-restored.json"
"""Where the restore test says what it has come to."""

_GRANTS_SAMPLED = 2
"""The suite takes so many of the grants."""


def ordinary(flow: Flow) -> None:
    """A database is backed up; its backup is encrypted."""
    back_up(flow, kms_key_id=flow.cloud.place.arn("kms", "key/customer"))


def aurora(flow: Flow) -> None:
    """A cluster is backed up; its backup is encrypted."""
    back_up(flow, engine="aurora-postgresql", kms_key_id=flow.cloud.place.arn("kms", "key/customer"))


def loading(flow: Flow) -> None:
    """The dump of a database is loaded in a restore test."""
    ordinary(flow)
    flow.wait()
    began = flow.evidence()["actions"][0]["result"]
    given = {
        "recoveryPoint": flow.evidence()["recovery_point"],
        "prefix": began["prefix"],
        "evidencePrefix": began["evidencePrefix"],
        "restoreTest": {"documentKey": TESTED},
    }
    machine = flow.cloud.place.arn("states", f"stateMachine:{DUMP}")
    stepfunctions = flow.cloud.administrator.client("stepfunctions")
    stepfunctions.start_execution(stateMachineArn=machine, name="restore-test", input=json.dumps(given))
    flow.wait()


# ------------------------------------------------------------------------------------------------------------ the calls


@pytest.fixture(name="sites", scope="module")
def _sites(tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer) -> tuple[tuple[CallSite, Run], ...]:
    """Every call of a good run, and those that only a cluster's makes, or a restore test.

    Other sweeps fail those of the main machine.
    """
    found: list[tuple[CallSite, Run]] = []
    for run in (ordinary, aurora, loading):
        with folder_flow(tmp_path_factory.mktemp("good"), flow_objects) as flow:
            run(flow)
            known = {(site.role, site.service, site.operation) for site, _ in found}
            found += [
                (site, run)
                for site in flow.cloud.faults.calls
                if site.role.startswith(DUMP) and (site.role, site.service, site.operation) not in known
            ]
    return tuple(found)


@pytest.mark.usefixtures("whole_sweep")
@pytest.mark.timeout(9000)
def test_no_single_fault_of_a_dump_breaks_a_promise(
    new_dump_flow: NewFlow,
    sites: tuple[tuple[CallSite, Run], ...],
    record_property: Callable[[str, object], None],
) -> None:
    results = [_tried(new_dump_flow(), trial, run) for site, run in sites for trial in every_trial((site,))]

    record_property("faults", json.dumps(results))
    assert [result for result in results if result["broken"]] == []


def _tried(flow: Flow, trial: Trial, run: Run) -> dict[str, object]:
    trial.plan(flow)
    run(flow)
    flow.cloud.faults.assert_all_happened()
    wrong = broken(flow)
    if trial.kind in {Kind.BUSY, Kind.LOST} and not main_succeeded(flow):
        wrong.append(f"the run did not succeed: {flow.main.error}: {flow.main.cause}")
    if trial.kind in {Kind.BUSY, Kind.LOST} and run is loading and TESTED not in flow.stored():
        wrong.append("nothing was loaded")
    return {"trial": str(trial), "group": trial.kind, "outcome": outcome_of(flow), "broken": wrong}


# ----------------------------------------------------------------------------------------------------------- the grants


def waiting(flow: Flow) -> None:
    """The account's quota is full for a while."""
    flow.cloud.faults.on("rds", "RestoreDBInstanceFromDBSnapshot").fail("InstanceQuotaExceeded", status=400)
    ordinary(flow)


def failing(flow: Flow) -> None:
    """A program fails when other sections are stored already."""
    server_of(flow).fault("d0-after", "sleep 0; exit 1")
    ordinary(flow)


def stopped(flow: Flow) -> None:
    """Somebody stops the run while the job has no host yet."""
    flow.stop_when(DUMP, "WaitForJob")
    ordinary(flow)


def vanishing(name: str, state: str, run: Run = ordinary) -> Run:
    """An object is gone at the moment when the machine enters the state."""

    def lacking(flow: Flow) -> None:
        flow.lose_when(DUMP, state, name)
        run(flow)

    return lacking


_LOADING = frozenset(f"{DUMP}-{step}" for step in ("task-prepare-load", "task-create", "task-report-load", "job-load"))
_WORKFLOW, _CLEAN = f"{DUMP}-workflow", f"{DUMP}-task-clean"
_CLUSTER_GRANTS = frozenset(
    {
        "rds:RestoreDBClusterFromSnapshot",
        "rds:DescribeDBClusters",
        "rds:DescribeDBClusterSnapshots",
        "rds:ModifyDBCluster",
        "rds:DeleteDBCluster",
    }
)

RUNS: Mapping[tuple[str, str], Run] = {
    (_WORKFLOW, "batch:TerminateJob"): stopped,
    (_WORKFLOW, "rds:CreateDBInstance"): aurora,
    (f"{DUMP}-task-record", "dynamodb:PutItem"): waiting,
    (_CLEAN, "s3:DeleteObject"): failing,
    (f"{DUMP}-task-report", "s3:ListBucket"): vanishing("verification.json", "Report"),
    (f"{DUMP}-job-verify", "s3:ListBucket"): vanishing("manifest.json", "BeginVerification"),
    (f"{DUMP}-task-report-load", "s3:ListBucket"): vanishing("-restored.json", "ReportLoad", loading),
}
"""Where an ordinary run does without the grant."""

UNUSED_HERE: Mapping[tuple[str, str], str] = {
    (_CLEAN, "s3:AbortMultipartUpload"): "for an upload of a lost host; here jobs store small sections whole",
    (f"{DUMP}-job-dump", "s3:AbortMultipartUpload"): "for an upload that fails; here sections are stored whole",
    (f"{DUMP}-job-dump", "s3:ListMultipartUploadParts"): "for an upload that goes on; here sections are stored whole",
    (f"{DUMP}-task-prepare-load", "s3:ListBucket"): "for a dump that is gone: then other promises would be broken",
    (f"{DUMP}-job-load", "s3:ListBucket"): "the same",
}
"""Grants whose lack no run of ours can show, and why they stand all the same."""


def run_for(grant: Grant) -> Run:
    """The run in which a grant is needed."""
    if grant.role in _LOADING:
        return RUNS.get((grant.role, grant.action), loading)
    if grant.action in _CLUSTER_GRANTS:
        return aurora
    return RUNS.get((grant.role, grant.action), ordinary)


def grants_of(flow: Flow) -> list[Grant]:
    """Every grant that a run of the dump can miss."""
    return [
        grant
        for grant in every_grant(flow)
        if grant.role.startswith(DUMP) and (grant.role, grant.action) not in UNUSED_HERE
    ]


@pytest.mark.timeout(9000)
def test_every_grant_of_a_dump_is_needed_and_its_lack_does_no_harm(
    new_dump_flow: NewFlow,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    grants = grants_of(new_dump_flow())
    chosen = grants if pytestconfig.getoption("sweep") else grants[:: max(1, len(grants) // _GRANTS_SAMPLED)]
    results = [_lacking(new_dump_flow(), grant) for grant in chosen]

    record_property("grants", json.dumps(results))
    assert [result for result in results if result["broken"]] == []


def _lacking(flow: Flow, grant: Grant) -> dict[str, Any]:
    flow.take_away(grant.role, grant.action, grant.statement)
    run_for(grant)(flow)
    wrong = broken(flow)
    refused = [
        entry
        for entry in flow.cloud.audit.entries
        if entry.caller and entry.caller.role == grant.role
        if entry.verdict is Verdict.REFUSED or entry.error_code in {"AccessDenied", "403"}
    ]
    if not refused:
        wrong.append("nothing was refused: the grant is too much")
    return {"trial": str(grant), "group": grant.role, "outcome": outcome_of(flow), "broken": wrong}


def test_grants_of_a_dump_that_no_run_needs_still_exist(new_dump_flow: NewFlow) -> None:
    granted = {(grant.role, grant.action) for grant in every_grant(new_dump_flow())}

    assert granted >= set(UNUSED_HERE)
    assert granted >= set(RUNS)
