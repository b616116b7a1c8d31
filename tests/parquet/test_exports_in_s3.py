"""The whole way on a real S3 server: an export converted from bucket to bucket, compared, and asked."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import boto3
import pyarrow as pa
import pytest
from botocore.config import Config
from tests.parquet.exports import export, orders
from tests.parquet.tables import Item, line, md5_of

from backup_actions.archive import S3Store
from backup_actions.model.export_manifest import EXPORT_MANIFEST_NAME, ExportedTable, ExportManifest
from backup_actions.parquet import ConversionOptions, ExportFile, compare, convert
from backup_actions.parquet.athena import athena_tables
from backup_actions.parquet.exports import exports_below, tables_of
from backup_actions.parquet.querying import Queries

if TYPE_CHECKING:
    from backup_actions_local.seaweed import ObjectServer


@pytest.fixture(name="bucket")
def _bucket(flow_objects: ObjectServer) -> Iterator[S3Store]:
    """A bucket of its own."""
    client = boto3.client(
        "s3",
        endpoint_url=flow_objects.endpoint,
        aws_access_key_id=flow_objects.access_key,
        aws_secret_access_key=flow_objects.secret_key,
        region_name="us-east-1",
        config=Config(s3={"payload_signing_enabled": False, "addressing_style": "path"}),
    )
    name = f"exports-{uuid.uuid4()}"
    client.create_bucket(Bucket=name)
    yield S3Store(client=client, bucket=name)
    client.close()


def test_an_export_is_converted_compared_and_asked_where_it_lies(bucket: S3Store) -> None:
    place = "dynamodb-export/resource_type=DynamoDB/account=1/region=r/resource=Orders/date=2026-11-01/point"
    store = replace(bucket, prefix=place)
    items: list[Item] = [{"id": {"S": f"{number:04}"}, "n": {"N": str(number)}} for number in range(500)]
    files = []
    for number, some in enumerate((items[:200], items[200:])):
        content = gzip.compress(b"".join(map(line, some)))
        stored = store.put_if_absent(f"AWSDynamoDB/1/data/{number}.json.gz", content)
        files.append(ExportFile(name=stored.name, md5=md5_of(content), items=len(some)))

    table = convert(files, source=store, to=store, keys={"id": "S"}, options=ConversionOptions(workers=1))

    assert compare(files, source=store, to=store, table=table) == ()
    listed = ExportedTable(path=("Orders",), files=table.files, rows=table.rows, columns=table.columns)
    manifest = ExportManifest(
        tool_version="1",
        created="2026-11-01T05:00:00+00:00",
        kind="dynamodb",
        source={},
        date="2026-11-01",
        as_of="2026-11-01T03:00:00+00:00",
        route="point-in-time",
        tables=(listed,),
    )
    store.put_if_absent(EXPORT_MANIFEST_NAME, manifest.to_bytes())
    (found,) = tables_of(exports_below(bucket))
    with Queries([found], bucket.location) as queries:
        assert list(queries.rows("SELECT count(*), sum(n), max(id) FROM orders")[1]) == [(500, 124_750, "0499")]
    (known,) = athena_tables([found])
    assert known.projection["projection.backup.values"] == "point/parquet"
    assert known.projection["storage.location.template"].startswith(bucket.location)


def test_exports_of_several_dates_are_found_below_a_prefix(bucket: S3Store) -> None:
    tables: dict[tuple[str, ...], pa.Table] = {("shop", "orders"): orders(4)}
    for date in ("2026-11-01", "2026-11-02"):
        export(replace(bucket, prefix=f"rds-export/date={date}/job"), date, tables)

    (found,) = tables_of(exports_below(replace(bucket, prefix="rds-export")))

    assert found.dates == ["2026-11-01", "2026-11-02"]
