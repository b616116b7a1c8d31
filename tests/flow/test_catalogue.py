"""After exports on real databases and tables, Glue has tables that agree with the Parquet files that are there."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from tests.flow import databases, tables
from tests.flow.databases import manifests, read

from backup_actions.archive import S3Store
from backup_actions.parquet.athena import athena_tables
from backup_actions.parquet.column_types import athena_type
from backup_actions.parquet.exports import exports_below, tables_of

if TYPE_CHECKING:
    from tests.flow.flow import Flow, NewFlow

    from backup_actions_local.databases import DatabaseImage
    from backup_actions_local.seaweed import ObjectServer

DATABASE = "backup_actions"
CATALOGUE = "backup-actions-catalogue"
_DAY_SECONDS = 24 * 3600


def glue_tables(flow: Flow) -> list[dict[str, Any]]:
    """What Glue has."""
    glue = flow.cloud.administrator.client("glue")
    return [dict(table) for table in glue.get_tables(DatabaseName=DATABASE)["TableList"]]


def back_up_again(flow: Flow, arn: str) -> None:
    """Another backup of the same, a day later."""
    with flow.cloud.clock.actor():
        flow.cloud.clock.sleep(_DAY_SECONDS)
        flow.cloud.administrator.client("backup").start_backup_job(
            BackupVaultName="backups", ResourceArn=arn, IamRoleArn=flow.cloud.place.role_arn("backup")
        )
    flow.wait()


@pytest.fixture(name="flow", scope="module", params=["rds", "dynamodb"])
def _flow(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer
) -> Iterator[Flow]:
    """Two exports of one source, a day apart."""
    folder = tmp_path_factory.mktemp("catalogue")
    if request.param == "rds":
        shop: DatabaseImage = request.getfixturevalue("postgresql_shop")
        with databases.database_flow(folder, flow_objects, athena=True) as flow:
            databases.back_up(flow, shop)
            back_up_again(flow, flow.cloud.place.arn("rds", "db:shop"))
            yield flow
    else:
        with tables.table_flow(folder, flow_objects, athena=True) as flow:
            arn = tables.make_table(flow, remember=True)
            tables.back_up(flow)
            back_up_again(flow, arn)
            yield flow


def partitions(table: dict[str, Any]) -> set[str]:
    """Every location at which the projection has Athena look, for these dates."""
    properties = table["Parameters"]
    date, backup = (key["Name"] for key in table["PartitionKeys"])
    assert properties[f"projection.{date}.range"].endswith(",NOW")
    return {
        properties["storage.location.template"].replace(f"${{{date}}}", day).replace(f"${{{backup}}}", value)
        for day, value in itertools.product(properties["dates"], properties[f"projection.{backup}.values"].split(","))
    }


def test_two_dates_are_two_partitions_that_hold_every_file_of_the_table(flow: Flow) -> None:
    dates = sorted({manifest.date for manifest in manifests(flow).values()})
    assert len(dates) == 2
    for table in glue_tables(flow):
        table["Parameters"]["dates"] = dates
        places = partitions(table)
        held = {
            place: [key for key in flow.stored() if f"s3://{flow.bucket}/{key}".startswith(place)] for place in places
        }
        assert len([place for place, keys in held.items() if keys]) == 2


def test_columns_and_types_are_those_of_the_files(flow: Flow) -> None:
    found = {table["Name"]: table for table in glue_tables(flow)}
    assert found
    for described in athena_tables(tables_of(exports_below(S3Store(client=flow.s3, bucket=flow.bucket, prefix="")))):
        storage = found.pop(described.name)["StorageDescriptor"]
        for prefix, manifest in manifests(flow).items():
            for table in (each for each in manifest.tables if each.path == described.path):
                schema = pq.read_schema(io.BytesIO(read(flow, f"{prefix}/{table.files[0].name}")))
                assert {column["Name"]: column["Type"] for column in storage["Columns"]} == {
                    field.name: athena_type(field.type) for field in schema
                }
    assert found == {}, "Glue has nothing else"


def test_ddl_of_a_query_says_what_glue_has(flow: Flow) -> None:
    found = exports_below(S3Store(client=flow.s3, bucket=flow.bucket, prefix=""))
    expected = {table.name: table.table_input() for table in athena_tables(tables_of(found))}

    assert {table["Name"]: {key: table[key] for key in expected[table["Name"]]} for table in glue_tables(flow)} == (
        expected
    )


def test_nothing_is_refused_or_buried(flow: Flow) -> None:
    assert flow.cloud.audit.refused() == ()
    assert flow.dead_letters == []
    called = {call.operation for call in flow.cloud.audit.of("glue", role=CATALOGUE)}
    assert called == {"GetTable", "CreateTable", "UpdateTable"}


def test_catalogue_that_fails_leaves_the_export_alone_and_its_event_is_kept(new_table_flow: NewFlow) -> None:
    flow = new_table_flow(athena=True)
    tables.make_table(flow, remember=True)
    flow.cloud.faults.on("glue", "CreateTable").fail("AccessDeniedException").always()
    tables.back_up(flow)

    assert flow.main.status == "SUCCEEDED"
    assert tables.broken(flow) == []
    assert glue_tables(flow) == []
    (letter,) = flow.dead_letters
    assert json.loads(letter["Body"])
