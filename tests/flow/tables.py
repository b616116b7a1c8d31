"""Backups of DynamoDB tables in a flow, and what must hold after every run of the DynamoDB export, however it went."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from tests.flow.flow import MAIN, NAME, VAULT, Flow

from backup_actions.actions.dynamodb_export.places import temporary_table, verification_key
from backup_actions.model.export_manifest import EXPORT_MANIFEST_NAME, ExportManifest
from backup_actions_testing.invariants import archived_once, executions_end, failures_are_told, no_secrets_shown

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from backup_actions_local.seaweed import ObjectServer
    from backup_actions_local.states.execution import Execution

EXPORT = f"{NAME}-dynamodb-export"
TABLE = "Shop.Orders_2026"
Item = dict[str, Any]

ITEMS: tuple[Item, ...] = (
    {"id": {"S": "o-1"}, "line": {"N": "1"}, "price": {"N": "12.50"}, "tags": {"SS": ["new", "paid"]}},
    {"id": {"S": "o-1"}, "line": {"N": "2"}, "price": {"N": "12345678901234567890123456789012345678"}},
    {"id": {"S": "ö-2"}, "line": {"N": "1"}, "price": {"S": "on request"}, "gone": {"NULL": True}},
    {
        "id": {"S": "o-3"},
        "line": {"N": "-7"},
        "blob": {"B": "AAEC"},
        "ok": {"BOOL": True},
        "deep": {"M": {"a": {"L": []}}},
    },
)


@contextmanager
def table_flow(directory: Path, objects: ObjectServer, **choices: Any) -> Iterator[Flow]:
    """A world whose one action is the DynamoDB export; ``settings`` are its settings."""
    settings = choices.pop("settings", {})
    no_disk = directory / "no-disk"
    with Flow.begun(directory, no_disk, objects, action="dynamodb-export", archive=settings, **choices) as flow:
        yield flow


def make_table(flow: Flow, items: Sequence[Item] = ITEMS, *, remember: bool = False, tags: bool = True) -> str:
    """A customer's table with these items; its ARN. With ``remember`` its history begins an hour before now."""
    dynamodb: DynamoDBClient = flow.cloud.administrator.client("dynamodb")
    with flow.cloud.clock.actor():
        dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "line", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "line", "AttributeType": "N"},
            ],
            BillingMode="PAY_PER_REQUEST",
            Tags=[{"Key": "team", "Value": "sales"}] if tags else [],
        )
        for item in items:
            dynamodb.put_item(TableName=TABLE, Item={name: _for_boto3(value) for name, value in item.items()})
        if remember:
            dynamodb.update_continuous_backups(
                TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )
            flow.cloud.clock.sleep(3600)
    return flow.cloud.tables.arn_of(TABLE)


def _for_boto3(value: dict[str, Any]) -> Any:
    """boto3 takes binary values as bytes; exports have them in base64, as the wire has."""
    return {"B": base64.b64decode(value["B"])} if "B" in value else value


def begin_backup(flow: Flow) -> None:
    """AWS Backup begins to back the table up."""
    flow.cloud.administrator.client("backup").start_backup_job(
        BackupVaultName=VAULT,
        ResourceArn=flow.cloud.tables.arn_of(TABLE),
        IamRoleArn=flow.cloud.place.role_arn("backup"),
    )


def back_up(flow: Flow, *, afterwards: Callable[[DynamoDBClient], object] | None = None) -> None:
    """AWS Backup backs the table up, and everything that follows has come to an end.

    ``afterwards`` happens to the table when the backup is made and before anything else is done.
    """
    if afterwards is not None:
        dynamodb = flow.cloud.administrator.client("dynamodb")
        flow.when(MAIN, "Describe", lambda: afterwards(dynamodb))
    with flow.cloud.clock.actor():
        begin_backup(flow)
    flow.wait()


def temporary(flow: Flow) -> str:
    """The table that the run may restore."""
    return temporary_table(NAME, flow.main.name)


def exporting(flow: Flow) -> Execution:
    """The first execution of the exporting machine; later ones clean up after it."""
    return flow.executions(EXPORT)[0]


def read(flow: Flow, key: str) -> bytes:
    """An object of the archive bucket."""
    return flow.s3.get_object(Bucket=flow.bucket, Key=key)["Body"].read()


def prefixes(flow: Flow) -> list[str]:
    """Where a manifest says that an export is complete."""
    return [key.removesuffix(f"/{EXPORT_MANIFEST_NAME}") for key in flow.stored() if key.endswith(EXPORT_MANIFEST_NAME)]


def manifest(flow: Flow) -> ExportManifest:
    """The one export's manifest."""
    (prefix,) = prefixes(flow)
    return ExportManifest.from_bytes(read(flow, f"{prefix}/{EXPORT_MANIFEST_NAME}"))


def verification(flow: Flow) -> dict[str, Any]:
    """The one export's verification."""
    (key,) = [key for key in flow.stored() if key.endswith(verification_key(""))]
    document: dict[str, Any] = json.loads(read(flow, key))
    return document


def exported(flow: Flow, prefix: str | None = None) -> list[Item]:
    """The items of an export, from its Parquet files."""
    (prefix,) = [prefix] if prefix else prefixes(flow)
    (table,) = ExportManifest.from_bytes(read(flow, f"{prefix}/{EXPORT_MANIFEST_NAME}")).tables
    files = [pq.read_table(io.BytesIO(read(flow, f"{prefix}/{file.name}")), columns=["item"]) for file in table.files]
    return ordered(json.loads(text) for file in files for text in file.column("item").to_pylist())


def ordered(items: Any) -> list[Item]:
    """Items that can be compared: in no table have they an order."""
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))


def tables(flow: Flow) -> list[str]:
    """The names of all tables but the ledger."""
    names = flow.cloud.administrator.client("dynamodb").list_tables()["TableNames"]
    return [name for name in names if name != flow.deployment.resources["LedgerTable"]]


# ------------------------------------------------------------------------------------------------------- what must hold


def broken(flow: Flow) -> list[str]:
    """Everything that does not hold after this run."""
    return [f"{invariant.__name__}: {sentence}" for invariant in INVARIANTS for sentence in invariant(flow)]


def backups_stay(flow: Flow) -> list[str]:
    """Parquet cannot restore a table: no backup goes because of it."""
    return [f"{arn} is gone" for arn in flow.arns if flow.cloud.vaults.point(VAULT, arn) is None]


def complete_exports_are_whole(flow: Flow) -> list[str]:
    """Where there is a manifest, its rows are there, and a verification covers it."""
    wrong = []
    for prefix in prefixes(flow):
        stated = ExportManifest.from_bytes(read(flow, f"{prefix}/{EXPORT_MANIFEST_NAME}"))
        if len(exported(flow, prefix)) != stated.rows:
            wrong.append(f"{prefix} has other rows than it says")
        if not any(key.endswith(verification_key("")) for key in flow.stored()):
            wrong.append(f"{prefix} has no verification")
    return wrong


def nothing_left_behind(flow: Flow) -> list[str]:
    """Nothing that a run made is left; what could not be removed was told to people as LeftBehind."""
    left = [f"table {name}" for name in tables(flow) if name.startswith(f"{NAME}-export-")]
    left += [f"job {job.name} is {job.status}" for job in flow.cloud.jobs.jobs.values() if not job.has_ended]
    left += [f"restore {job.id}" for job in flow.cloud.restores.jobs.values() if job.status in {"PENDING", "RUNNING"}]
    left += [f"export {each.id}" for each in flow.cloud.dynamodb.exports.values() if each.status == "IN_PROGRESS"]
    left += [f"open upload of {key}" for key in flow.open_uploads()]
    complete = tuple(f"{prefix}/" for prefix in prefixes(flow)) or "no export"
    left += [
        f"object {key}" for key in flow.stored() if key.startswith("dynamodb-export/") and not key.startswith(complete)
    ]
    told = any("LeftBehind" in notice["Message"] for notice in flow.notices)
    unnoticed = any(execution.status == "SUCCEEDED" for execution in flow.executions(EXPORT))
    return [] if told and not unnoticed else left


INVARIANTS: tuple[Callable[[Flow], list[str]], ...] = (
    backups_stay,
    complete_exports_are_whole,
    nothing_left_behind,
    archived_once,
    executions_end,
    failures_are_told,
    no_secrets_shown,
)
