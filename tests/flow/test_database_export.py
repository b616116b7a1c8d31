"""Runs of the RDS export in which nothing goes wrong, on real databases."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from tests.flow.databases import (
    EXPORT,
    back_up,
    broken,
    database_flow,
    exporting,
    manifests,
    manifests_name_what_is_there,
    nothing_left_behind,
    rows_of,
    verification,
)

from backup_actions.archive import S3Store
from backup_actions.parquet.exports import exports_below, tables_of
from backup_actions.parquet.querying import Queries
from backup_actions_local.databases import shop

if TYPE_CHECKING:
    from tests.flow.flow import Flow, NewFlow

    from backup_actions_local.databases import DatabaseImage
    from backup_actions_local.seaweed import ObjectServer

TOTAL = (Decimal("625625.00"),)
"""What all orders of the shop come to."""


@pytest.fixture(name="postgresql", scope="module")
def _postgresql(
    tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer, postgresql_shop: DatabaseImage
) -> Iterator[Flow]:
    with database_flow(tmp_path_factory.mktemp("postgresql-flow"), flow_objects) as flow:
        back_up(flow, postgresql_shop, kms_key_id=flow.cloud.place.arn("kms", "key/customer"), tags={"of": "shop"})
        yield flow


@pytest.fixture(name="mariadb", scope="module")
def _mariadb(
    tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer, mariadb_shop: DatabaseImage
) -> Iterator[Flow]:
    with database_flow(tmp_path_factory.mktemp("mariadb-flow"), flow_objects) as flow:
        back_up(flow, mariadb_shop, engine="mysql")
        yield flow


def test_export_succeeds_and_the_backup_is_kept_because_parquet_restores_nothing(postgresql: Flow) -> None:
    (action,) = postgresql.evidence()["actions"]

    assert exporting(postgresql).status == "SUCCEEDED"
    assert (action["proven"], action["restorable"]) == (True, False)
    assert postgresql.point is not None
    assert "can restore the resource" in postgresql.evidence()["decision"]["because"]
    assert broken(postgresql) == []
    assert postgresql.cloud.audit.of("stepfunctions", "SendTaskSuccess"), "the event of the export's end was heard"
    assert postgresql.cloud.audit.refused() == ()


def test_manifest_names_every_table_with_its_rows_and_columns(postgresql: Flow) -> None:
    (manifest,) = manifests(postgresql).values()
    tables = {table.name: table for table in manifest.tables}

    assert {name: table.rows for name, table in tables.items()} == {
        "shop.audit.log": 1,
        "shop.public.Order Lines": 1,
        "shop.public.customers": 2,
        "shop.public.empty_for_now": 0,
        "shop.public.events_2025": 1,
        "shop.public.events_2026": 2,
        "shop.public.orders": shop.ORDERS,
    }
    assert len(tables["shop.public.orders"].files) == 2
    assert [column.type for column in tables["shop.audit.log"].columns] == ["bigint", "string"]
    assert all(file.crc64nvme for table in manifest.tables for file in table.files)
    assert (manifest.kind, manifest.source["engine"], manifest.route) == ("rds", "postgres", "snapshot-export")


def test_exported_rows_are_those_of_the_database(postgresql: Flow, postgresql_shop: DatabaseImage) -> None:
    assert_same_rows(postgresql, postgresql_shop)


def assert_same_rows(flow: Flow, image: DatabaseImage) -> None:
    for table in image.tables():
        exported = rows_of(flow, ".".join(table.path))
        assert exported.schema == table.rows.schema
        assert repr(exported.to_pylist()) == repr(table.rows.to_pylist())  # no NaN equals another


def test_evidence_says_what_was_found_in_each_table(postgresql: Flow) -> None:
    found = verification(postgresql)

    assert (found["verified"], found["problems"], found["rows"]) == (True, [], 1007)
    assert found["uncompressed_bytes"] > 0
    assert {key: value for key, value in found["tables"][0].items() if key in {"name", "rows"}} == {
        "name": "shop.audit.log",
        "rows": 1,
    }


def test_the_run_says_of_what_size_the_exported_snapshot_was(postgresql: Flow) -> None:
    usage = postgresql.evidence()["actions"][0]["usage"]

    assert usage["rds_exported_gib"] == 20  # what the instance has, and so its snapshot
    assert usage["job_attempts"] == 1
    assert usage["get_requests"] > 0


def answers(flow: Flow, sql: str) -> list[tuple[object, ...]]:
    """What a query over everything in the bucket says."""
    store = S3Store(client=flow.s3, bucket=flow.bucket, prefix="rds-export")
    with Queries(tables_of(exports_below(store)), store.location) as queries:
        return list(queries.rows(sql)[1])


def test_exported_tables_can_be_queried_under_their_own_names(postgresql: Flow) -> None:
    assert answers(postgresql, "SELECT sum(amount::DECIMAL(12, 2)) FROM shop.public.orders") == [TOTAL]
    assert answers(postgresql, 'SELECT "größe" FROM shop.public."Order Lines"') == [(42,)]
    assert answers(postgresql, "SELECT count(*) FROM shop.public.empty_for_now") == [(0,)]


def test_prefix_and_identifier_are_such_as_rds_takes(postgresql: Flow) -> None:
    (task,) = postgresql.cloud.database_exports.tasks.values()

    assert task.asked["S3Prefix"].startswith("rds-export/resource_type=RDS/account=111122223333/")
    assert ":" not in task.asked["S3Prefix"]
    assert task.id.startswith("rds-export-")
    assert len(task.id) <= 60


def test_rds_can_write_and_remove_everything_but_the_manifest(postgresql: Flow) -> None:
    s3 = postgresql.cloud.session(f"{EXPORT}-service-export").client("s3")
    ((prefix, _),) = manifests(postgresql).items()

    s3.put_object(Bucket=postgresql.bucket, Key=f"{prefix}/other/file", Body=b"")
    s3.delete_object(Bucket=postgresql.bucket, Key=f"{prefix}/other/file")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=postgresql.bucket, Key=f"{prefix}/export.json", Body=b"{}")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=postgresql.bucket, Key=f"{prefix}/export.json")


def test_polls_are_few_and_grow(postgresql: Flow) -> None:
    states = postgresql.states(EXPORT)

    assert states.count("DescribeExport") < 40
    assert len(exporting(postgresql).history) < 500


def test_exported_rows_are_those_of_mariadb(mariadb: Flow, mariadb_shop: DatabaseImage) -> None:
    assert mariadb.main.status == "SUCCEEDED"
    assert broken(mariadb) == []
    assert_same_rows(mariadb, mariadb_shop)


def test_mariadb_s_unsigned_and_decimal_values_lose_no_digit(mariadb: Flow) -> None:
    customers = rows_of(mariadb, "shop.customers").to_pylist()
    orders = rows_of(mariadb, "shop.orders").to_pylist()

    assert {row["big"] for row in customers} == {Decimal(2**64 - 1), None}
    assert max(row["amount"] for row in orders) == Decimal("1250.00")


def test_tables_of_mariadb_can_be_queried_as_well(mariadb: Flow) -> None:
    assert answers(mariadb, "SELECT sum(amount) FROM shop.orders") == [TOTAL]


def test_aurora_cluster_is_exported_and_its_backup_deleted_where_that_is_asked_for(
    new_database_flow: NewFlow, postgresql_shop: DatabaseImage
) -> None:
    flow = new_database_flow(deletion={"after_unrestorable": True})
    back_up(flow, postgresql_shop, engine="aurora-postgresql")

    assert flow.arns[0].startswith("arn:aws:rds:us-east-1:111122223333:cluster-snapshot:awsbackup:job-")
    assert flow.main.status == "SUCCEEDED"
    assert flow.point is None
    assert flow.cloud.audit.of("stepfunctions", "SendTaskSuccess"), "the event of a cluster's snapshot was heard"
    assert verification(flow)["verified"]
    assert broken(flow) == []


def test_only_what_the_settings_name_is_exported_and_the_manifest_says_so(
    new_database_flow: NewFlow, postgresql_shop: DatabaseImage
) -> None:
    flow = new_database_flow(settings={"export_only": ["shop.audit", "shop.public.orders"]})
    back_up(flow, postgresql_shop)

    (manifest,) = manifests(flow).values()
    assert [table.name for table in manifest.tables] == ["shop.audit.log", "shop.public.orders"]
    assert "Of the databases only shop.audit, shop.public.orders was asked for." in manifest.notes
    assert broken(flow) == []


def statuses(flow: Flow) -> list[str]:
    """Where the exports of all recovery points stand in the ledger."""
    points = [str(point.of.arn) for point in flow.cloud.vaults.points()]
    return [entry.status for point in points for entry in flow.ledger(point) if entry.item == "action#rds-export"]


def test_exports_beyond_the_quota_wait_visibly_and_none_fails(
    new_database_flow: NewFlow, postgresql_shop: DatabaseImage
) -> None:
    flow = new_database_flow(policy="keep", settings={"concurrent_exports": 2})
    most = 0
    waiting: list[str] = []

    def count() -> None:
        nonlocal most
        most = max(most, sum(task.is_active for task in flow.cloud.database_exports.tasks.values()))
        flow.when(EXPORT, "DescribeExport", count)

    count()
    flow.when(EXPORT, "WaitForLease", lambda: waiting.extend(statuses(flow)))
    back_up(flow, postgresql_shop, *(f"shop-{number}" for number in range(3)))

    assert [execution.status for execution in flow.executions(EXPORT)] == ["SUCCEEDED"] * 3
    assert most == 2
    assert "waiting" in waiting
    assert nothing_left_behind(flow) + manifests_name_what_is_there(flow) == []
