"""Backups of databases in a flow, and what must hold after every run of the RDS export, however it went."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow
import pyarrow.parquet as pq
from tests.flow.flow import NAME, VAULT, Flow

from backup_actions.ledger import Leases
from backup_actions.model.export_manifest import EXPORT_MANIFEST_NAME, ExportManifest
from backup_actions_testing.invariants import archived_once, executions_end, failures_are_told, no_secrets_shown

if TYPE_CHECKING:
    from backup_actions_local.databases import DatabaseImage
    from backup_actions_local.seaweed import ObjectServer
    from backup_actions_local.states.execution import Execution

EXPORT = f"{NAME}-rds-export"


@contextmanager
def database_flow(directory: Path, objects: ObjectServer, **choices: Any) -> Iterator[Flow]:
    """A world whose one action is the RDS export; ``settings`` are its settings."""
    settings = choices.pop("settings", {})
    no_disk = directory / "no-disk"
    with Flow.begun(directory, no_disk, objects, action="rds-export", archive=settings, **choices) as flow:
        yield flow


def back_up(flow: Flow, image: DatabaseImage | None, *names: str, **about: Any) -> None:
    """AWS Backup backs databases with that in them up, and everything that follows has come to an end."""
    client = flow.cloud.administrator.client("backup")
    with flow.cloud.clock.actor():
        for name in names or ("shop",):
            database = flow.cloud.databases.make(name, image, **about)
            client.start_backup_job(
                BackupVaultName=VAULT, ResourceArn=database.arn, IamRoleArn=flow.cloud.place.role_arn("backup")
            )
    flow.wait()


def exporting(flow: Flow) -> Execution:
    """The first execution of the exporting machine; later ones clean up after it."""
    return flow.executions(EXPORT)[0]


def manifests(flow: Flow) -> dict[str, ExportManifest]:
    """Every manifest of an export, by the prefix that it lies under."""
    return {
        key.removesuffix(f"/{EXPORT_MANIFEST_NAME}"): ExportManifest.from_bytes(read(flow, key))
        for key in flow.stored()
        if key.endswith(f"/{EXPORT_MANIFEST_NAME}")
    }


def read(flow: Flow, key: str) -> bytes:
    """An object's bytes."""
    return flow.s3.get_object(Bucket=flow.bucket, Key=key)["Body"].read()


def verification(flow: Flow) -> dict[str, Any]:
    """The one verification document."""
    (key,) = (key for key in flow.stored() if key.endswith("/rds-export-verification.json"))
    document: dict[str, Any] = json.loads(read(flow, key))
    return document


def rows_of(flow: Flow, name: str) -> pyarrow.Table:
    """All rows of an exported table, read by the manifest alone."""
    ((prefix, manifest),) = manifests(flow).items()
    (table,) = (table for table in manifest.tables if table.name == name)
    parts = [pq.read_table(io.BytesIO(read(flow, f"{prefix}/{file.name}"))) for file in table.files]
    return pyarrow.concat_tables(parts)


# --------------------------------------------------------------------------------------------------------- the promises


def broken(flow: Flow) -> list[str]:
    """Everything that does not hold after this run."""
    return [f"{invariant.__name__}: {sentence}" for invariant in INVARIANTS for sentence in invariant(flow)]


def manifests_name_what_is_there(flow: Flow) -> list[str]:
    """A manifest never names a file that is not there, or is there otherwise."""
    sizes = {f["Key"]: f["Size"] for f in flow.s3.list_objects_v2(Bucket=flow.bucket).get("Contents", [])}
    return [
        f"{prefix}/{file.name} has {sizes.get(f'{prefix}/{file.name}')} bytes"
        for prefix, manifest in manifests(flow).items()
        for table in manifest.tables
        for file in table.files
        if sizes.get(f"{prefix}/{file.name}") != file.size_bytes
    ]


def nothing_left_behind(flow: Flow) -> list[str]:
    """No export runs, no lease is held, no object stands that no manifest speaks of; else people were told."""
    left = list(_left(flow))
    told = any("LeftBehind" in notice["Message"] for notice in flow.notices)
    silently = any(execution.status == "SUCCEEDED" for execution in flow.executions(EXPORT))
    return left if not told or silently else []


def deleted_only_when_proven(flow: Flow) -> list[str]:
    """A recovery point is gone only if a verification that is good stands in the evidence."""
    gone = [arn for arn in flow.arns if flow.cloud.vaults.point(VAULT, arn) is None]
    return [f"{arn} is gone" for arn in gone if not verification(flow)["verified"]]


def _left(flow: Flow) -> Iterator[str]:
    yield from (f"export {t.id} is {t.status}" for t in flow.cloud.database_exports.tasks.values() if t.is_active)
    yield from (f"job {job.name} is {job.status}" for job in flow.cloud.jobs.jobs.values() if not job.has_ended)
    yield from (f"a lease of {lease.owner}" for lease in leases(flow).held())
    yield from (f"open upload of {key}" for key in flow.open_uploads())
    known = {f"{prefix}/{m.source['export_task']}" for prefix, m in manifests(flow).items()}
    for key in flow.stored():
        inside = any(key.startswith(f"{folder}/") for folder in known)
        if key.startswith("rds-export/") and not key.endswith(f"/{EXPORT_MANIFEST_NAME}") and not inside:
            yield f"object {key} of an export that is not whole"


def leases(flow: Flow) -> Leases:
    """The account's places for exports, as the ledger has them."""
    client, table = flow.cloud.administrator.client("dynamodb"), flow.deployment.resources["LedgerTable"]
    return Leases(client, table, flow.cloud.clock, quota="rds-export", slots=5)


INVARIANTS: tuple[Callable[[Flow], list[str]], ...] = (
    manifests_name_what_is_there,
    nothing_left_behind,
    deleted_only_when_proven,
    archived_once,
    executions_end,
    failures_are_told,
    no_secrets_shown,
)
