"""What was made under narrower settings does not count for wider ones: the backup stays, and people are told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.flow import databases, dumps, tables
from tests.flow.changed_settings import deploy_again, remove_manifest, replay
from tests.flow.dumps import QUICK, server_of
from tests.flow.flow import Flow, NewFlow
from tests.flow.offsite import COPY, SEPARATED, THIRD, two_accounts

from backup_actions.dump import StoredDump
from backup_actions.model.export_manifest import EXPORT_MANIFEST_NAME
from backup_actions.model.manifest import MANIFEST_NAME

if TYPE_CHECKING:
    from backup_actions_local.databases import DatabaseImage
    from backup_actions_local.seaweed import ObjectServer


def kept_and_told(flow: Flow, manifest: str) -> str:
    """The reason why the backup is kept, which names what a person can remove."""
    run = replay(flow)
    (key,) = (key for key in flow.stored() if key.endswith(f"/{manifest}"))
    told: str = flow.notices[-1]["Message"]

    assert run.status == "FAILED"
    assert flow.point is not None
    assert f"remove {key} and replay the recovery point with --again" in told
    assert "an earlier run" in told
    return told


def made_anew(flow: Flow, manifest: str) -> None:
    """Whoever does what they were told has it made again, and then the backup goes."""
    remove_manifest(flow, manifest)

    assert replay(flow).status == "SUCCEEDED"
    assert flow.evidence()["decision"]["verdict"] == "delete"
    assert flow.point is None


# ---------------------------------------------------------------------------------------------------------------- dumps


@pytest.mark.parametrize("verify", ["restore", "list"])
def test_a_dump_of_some_databases_is_none_of_all(new_dump_flow: NewFlow, verify: str) -> None:
    flow = new_dump_flow(policy="keep", settings={"databases": ["app"]})
    server_of(flow).fill("crm", {("public", "customers"): ["somebody"]})
    dumps.back_up(flow)
    deploy_again(flow, {"verify": verify})

    assert "dumped app alone, and the settings ask for crm too" in kept_and_told(flow, MANIFEST_NAME)

    made_anew(flow, MANIFEST_NAME)
    (store,) = flow.archives()
    assert [database.name for database in StoredDump.open(store).description.databases] == ["app", "crm"]
    assert dumps.complete_dumps_verify(flow) == []


def test_a_dump_of_all_databases_is_one_of_some(new_dump_flow: NewFlow) -> None:
    flow = new_dump_flow(policy="keep")
    server_of(flow).fill("crm", {("public", "customers"): ["somebody"]})
    dumps.back_up(flow)
    deploy_again(flow, {"databases": ["app"]})

    assert replay(flow).status == "SUCCEEDED"
    assert flow.point is None


def test_a_dump_that_was_listed_is_restored_where_the_settings_now_say_so(new_dump_flow: NewFlow) -> None:
    flow = new_dump_flow(policy="keep", settings={"verify": "list"})
    dumps.back_up(flow)
    deploy_again(flow, {"verify": "restore"})

    assert replay(flow).status == "SUCCEEDED"
    assert dumps.verification(flow)["dump"]["depth"] == "restore"


# -------------------------------------------------------------------------------------------------------------- exports


def test_an_export_of_some_tables_is_none_of_all(new_database_flow: NewFlow, postgresql_shop: DatabaseImage) -> None:
    flow = new_database_flow(
        policy="keep", settings={"export_only": ["shop.public.orders"]}, deletion={"after_unrestorable": True}
    )
    databases.back_up(flow, postgresql_shop)
    deploy_again(flow, {})

    told = kept_and_told(flow, EXPORT_MANIFEST_NAME)
    assert "exported shop.public.orders alone, and the settings ask for everything" in told

    made_anew(flow, EXPORT_MANIFEST_NAME)
    (manifest,) = databases.manifests(flow).values()
    assert len(manifest.tables) > 1
    assert databases.manifests_name_what_is_there(flow) == []


def test_a_history_of_a_table_is_no_restored_backup(new_table_flow: NewFlow) -> None:
    flow = new_table_flow(policy="keep", deletion={"after_unrestorable": True})
    tables.make_table(flow, remember=True)
    tables.back_up(flow)
    deploy_again(flow, {"route": "restore"})

    assert "exported the table's history" in kept_and_told(flow, EXPORT_MANIFEST_NAME)

    made_anew(flow, EXPORT_MANIFEST_NAME)
    assert tables.manifest(flow).route == "restore"


def test_an_export_without_dynamodb_s_own_files_is_none_with_them(new_table_flow: NewFlow) -> None:
    flow = new_table_flow(policy="keep", settings={"keep_original": False}, deletion={"after_unrestorable": True})
    tables.make_table(flow, remember=True)
    tables.back_up(flow)
    deploy_again(flow, {"keep_original": True})

    run = replay(flow)

    assert run.status == "FAILED"
    assert "DynamoDB's own files are gone, and the settings ask to keep them" in flow.notices[-1]["Message"]
    made_anew(flow, EXPORT_MANIFEST_NAME)
    assert any("/AWSDynamoDB/" in key for key in flow.stored())


# ------------------------------------------------------------------------------------------------------------- archives


@pytest.mark.root
@pytest.mark.parametrize(
    ("before", "after", "lacking"),
    [
        ({}, {"raw": "always"}, "archived no image of whole, and the settings ask for images"),
        ({}, {"read_from": "snapshot"}, "archived no image of whole, and the settings ask for images"),
        (
            {"raw": "always"},
            {"raw": "always", "whole_images": True},
            "archived only what is in use of whole, and the settings ask for whole images",
        ),
    ],
)
def test_an_archive_that_lacks_what_the_settings_now_ask_for_does_not_count(
    new_flow: NewFlow, before: dict[str, Any], after: dict[str, Any], lacking: str
) -> None:
    flow = new_flow(policy="keep", archive=before)
    flow.back_up()
    deploy_again(flow, after)

    assert lacking in kept_and_told(flow, MANIFEST_NAME)
    made_anew(flow, MANIFEST_NAME)


@pytest.mark.root
def test_images_are_as_good_as_files_and_a_sample_is_no_whole_verification(new_flow: NewFlow) -> None:
    flow = new_flow(policy="keep", archive={"raw": "always", "whole_images": True, "verify": "sample"})
    flow.back_up()
    deploy_again(flow, {})

    assert replay(flow).status == "SUCCEEDED"
    assert "read back in whole" in flow.notices[-1]["Message"]
    assert flow.point is None


# --------------------------------------------------------------------------------------------------------------- copies


def test_an_import_of_one_account_is_none_of_another(tmp_path: Path, flow_objects: ObjectServer) -> None:
    with two_accounts(tmp_path, flow_objects, policy="keep", durations=QUICK) as accounts:
        flow = accounts.source
        accounts.back_up(accounts.database())
        assert accounts.acknowledgement() is not None
        own = {"enabled": True, "separated_account": THIRD, "acknowledgement_timeout_hours": 1}
        deploy_again(flow, own)

        run = replay(flow)

        assert run.status == "FAILED"
        assert flow.point is not None
        assert f"account {THIRD} has not acknowledged" in flow.notices[-1]["Message"]
        assert len(flow.cloud.audit.of("rds", "CopyDBSnapshot")) == 2

        deploy_again(flow, {**own, "separated_account": SEPARATED})
        assert replay(flow).status == "SUCCEEDED", flow.executions(COPY)[-1].cause
        assert flow.point is None
