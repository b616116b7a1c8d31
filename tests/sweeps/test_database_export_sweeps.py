"""The same for exports of databases: each call of a run fails in turn, each grant is taken away in turn."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest
from tests.flow.databases import EXPORT, back_up, broken, database_flow
from tests.flow.flow import NAME, Flow, NewFlow
from tests.sweeps.grants import Grant, every_grant
from tests.sweeps.outcomes import outcome_of, refused_to

from backup_actions_local.front.faults import CallSite
from backup_actions_testing.faults import Kind, Trial, every_trial

if TYPE_CHECKING:
    from backup_actions_local.databases import DatabaseImage
    from backup_actions_local.seaweed import ObjectServer

Run = Callable[[Flow, "DatabaseImage"], None]

OWN_ROLES = (EXPORT, f"{NAME}-wake")
"""Those of the export, and that of the function which hears of its end."""

_GRANTS_SAMPLED = 3
"""The suite takes so many of the grants."""


# ------------------------------------------------------------------------------------------------------------ the calls


@pytest.fixture(name="sites", scope="module")
def _sites(
    tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer, postgresql_shop: DatabaseImage
) -> tuple[CallSite, ...]:
    """Every call of a run in which nothing goes wrong but those of the main machine, which other sweeps fail."""
    with database_flow(tmp_path_factory.mktemp("good"), flow_objects) as flow:
        back_up(flow, postgresql_shop)
        return tuple(site for site in flow.cloud.faults.calls if site.role.startswith(OWN_ROLES))


@pytest.mark.usefixtures("whole_sweep")
@pytest.mark.timeout(3000)
def test_no_single_fault_of_an_export_breaks_a_promise(
    new_database_flow: NewFlow,
    postgresql_shop: DatabaseImage,
    sites: tuple[CallSite, ...],
    record_property: Callable[[str, object], None],
) -> None:
    results = [_tried(new_database_flow(), trial, postgresql_shop) for trial in every_trial(sites)]

    record_property("faults", json.dumps(results))
    assert [result for result in results if result["broken"]] == []


def _tried(flow: Flow, trial: Trial, image: DatabaseImage) -> dict[str, object]:
    trial.plan(flow)
    back_up(flow, image)
    flow.cloud.faults.assert_all_happened()
    wrong = broken(flow)
    # What RDS itself does not get done is a failed export, whatever the error: it is told, and tried again by hand.
    is_ours = "-service-" not in trial.site.role
    if trial.kind in {Kind.BUSY, Kind.LOST} and is_ours and flow.main.status != "SUCCEEDED":
        wrong.append(f"the run did not succeed: {flow.main.error}: {flow.main.cause}")
    return {"trial": str(trial), "group": trial.kind, "outcome": outcome_of(flow), "broken": wrong}


# ----------------------------------------------------------------------------------------------------------- the grants


def ordinary(flow: Flow, image: DatabaseImage) -> None:
    """A database is backed up."""
    back_up(flow, image)


def aurora(flow: Flow, image: DatabaseImage) -> None:
    """A cluster is backed up."""
    back_up(flow, image, engine="aurora-postgresql")


def failing(flow: Flow, image: DatabaseImage) -> None:
    """The export fails half-way, and what it wrote is discarded."""
    flow.cloud.mishaps.database_export_fails()
    back_up(flow, image)


def stopped(flow: Flow, image: DatabaseImage) -> None:
    """Somebody stops the run while RDS exports."""
    flow.stop_when(EXPORT, "WaitForExport")
    back_up(flow, image)


def stopped_while_verifying(flow: Flow, image: DatabaseImage) -> None:
    """Somebody stops the run while the job has no host yet."""
    flow.stop_when(EXPORT, "WaitForJob")
    back_up(flow, image)


def unknown_manifest(flow: Flow, image: DatabaseImage) -> None:
    """The verification is gone when the report is made."""
    flow.lose_when(EXPORT, "Report", "verification.json")
    back_up(flow, image)


RUNS: Mapping[tuple[str, str], Run] = {
    (f"{EXPORT}-workflow", "rds:CancelExportTask"): stopped,
    (f"{EXPORT}-workflow", "batch:TerminateJob"): stopped_while_verifying,
    (f"{EXPORT}-task-prepare", "rds:DescribeDBClusterSnapshots"): aurora,
    (f"{EXPORT}-task-discard", "s3:DeleteObject"): failing,
    (f"{EXPORT}-task-discard", "s3:ListBucket"): failing,
    (f"{EXPORT}-task-report", "s3:ListBucket"): unknown_manifest,
}
"""Where an ordinary run does without the grant."""

UNUSED_HERE: Mapping[tuple[str, str], str] = {
    (
        f"{EXPORT}-task-discard",
        "s3:AbortMultipartUpload",
    ): "for an upload of RDS's own, which here writes whole objects",
    (f"{EXPORT}-service-export", "s3:AbortMultipartUpload"): "asked for by what RDS does itself",
    (f"{EXPORT}-service-export", "s3:DeleteObject"): "asked for by RDS's documentation",
    (f"{EXPORT}-service-export", "s3:GetBucketLocation"): "asked for by RDS's documentation",
    (f"{EXPORT}-service-export", "s3:GetObject"): "asked for by RDS's documentation",
    (f"{EXPORT}-service-export", "s3:ListBucket"): "asked for by RDS's documentation",
    (f"{EXPORT}-service-export", "kms:Decrypt"): "asked for by RDS's documentation",
    (f"{EXPORT}-service-export", "kms:DescribeKey"): "asked for by RDS's documentation",
}
"""Grants whose lack no run of ours can show, and why they stand all the same."""


def grants_of(flow: Flow) -> list[Grant]:
    """Every grant that a run of the export can miss, and the main machine's for databases."""
    denied = {
        (role, number)
        for role, statements in flow.deployment.roles()
        for number, statement in enumerate(statements)
        if statement.effect == "Deny"
    }
    return [
        grant
        for grant in every_grant(flow)
        if (grant.role.startswith(OWN_ROLES) or grant.action.startswith("rds:"))
        if (grant.role, grant.action) not in UNUSED_HERE and (grant.role, grant.statement) not in denied
    ]


@pytest.mark.timeout(3000)
def test_every_grant_of_an_export_is_needed_and_its_lack_does_no_harm(
    new_database_flow: NewFlow,
    postgresql_shop: DatabaseImage,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    grants = grants_of(new_database_flow())
    chosen = grants if pytestconfig.getoption("sweep") else grants[:: max(1, len(grants) // _GRANTS_SAMPLED)]
    results = [_lacking(new_database_flow(), grant, postgresql_shop) for grant in chosen]

    record_property("grants", json.dumps(results))
    assert [result for result in results if result["broken"]] == []


def _lacking(flow: Flow, grant: Grant, image: DatabaseImage) -> dict[str, object]:
    flow.take_away(grant.role, grant.action, grant.statement)
    RUNS.get((grant.role, grant.action), ordinary)(flow, image)
    wrong = broken(flow)
    if not refused_to(flow, grant.role):
        wrong.append("nothing was refused: the grant is too much")
    return {"trial": str(grant), "group": grant.role, "outcome": outcome_of(flow), "broken": wrong}


def test_grants_of_the_export_that_no_run_needs_still_exist(new_database_flow: NewFlow) -> None:
    granted = {(grant.role, grant.action) for grant in every_grant(new_database_flow())}

    assert granted >= set(UNUSED_HERE)
    assert granted >= set(RUNS)
