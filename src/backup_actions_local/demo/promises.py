"""What has to be true of every backup when all is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backup_actions.aws.documents import read_object
from backup_actions.ledger import Leases
from backup_actions_local.demo.outcome import Check, Outcome
from backup_actions_local.samples import Kept, Sample

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from backup_actions_local.cloud import Cloud
    from backup_actions_local.deployment import Deployment


def of_disks(outcomes: Mapping[str, Outcome]) -> Iterator[Check]:
    """Three are archived and their backups gone; the fourth's is kept."""
    for name in ("data", "root disk", "unreadable"):
        outcome = outcomes[name]
        proof = (outcome.evidence.get("deletion") or {}).get("proof", "")
        yield Check(
            sentence=f"{name}: archived and verified by a role that cannot write archives",
            holds=bool(outcome.verified),
            detail=outcome.verified or outcome.why,
        )
        yield Check(
            sentence=f"{name}: the backup is deleted, and its absence was proven",
            holds=outcome.fate == "deleted" and "ResourceNotFound" in proof,
            detail=proof or outcome.fate,
        )
    unlucky = outcomes["unlucky"]
    yield Check(
        sentence="unlucky: the job died on every attempt and the backup is kept",
        holds=unlucky.status == "FAILED" and unlucky.fate == "kept" and not unlucky.works,
        detail=unlucky.why,
    )


def of_export(outcome: Outcome) -> Iterator[Check]:
    """It is whole, and shows the backup and not the present."""
    answer, export = outcome.answer, outcome.work("export")
    yield Check(
        sentence=f"{outcome.name}: exported to Parquet, and every file looked through by another role",
        holds=export is not None and bool(export.verified),
        detail=export.verified if export else outcome.why,
    )
    yield Check(
        sentence=f"{outcome.name}: a query of the export shows what it held at the backup, and no longer holds",
        holds=answer is not None and answer.shows_the_backup,
        detail=answer.sql if answer else "there is nothing to be asked",
    )


def of_export_alone(outcome: Outcome) -> Iterator[Check]:
    """It lets no backup go."""
    yield Check(
        sentence=f"{outcome.name}: the backup is kept, because no database is restored from Parquet",
        holds=outcome.fate == "kept" and "can restore the resource" in outcome.why,
        detail=outcome.why,
    )


def of_dump(outcome: Outcome) -> Iterator[Check]:
    """It was proven to restore, and lets the backup go."""
    dump = outcome.work("dump")
    proof = (outcome.evidence.get("deletion") or {}).get("proof", "")
    yield Check(
        sentence=f"{outcome.name}: dumped, and the dump loaded into a scratch database and compared by another role",
        holds=dump is not None and "loaded and compared" in dump.verified,
        detail=dump.verified if dump else outcome.why,
    )
    yield Check(
        sentence=f"{outcome.name}: the backup is deleted, and its absence was proven",
        holds=outcome.fate == "deleted" and "ResourceNotFound" in proof,
        detail=proof or outcome.fate,
    )


def of_copy(outcome: Outcome) -> Iterator[Check]:
    """The other account has it, and lets the backup go."""
    copy = outcome.work("copy")
    proof = (outcome.evidence.get("deletion") or {}).get("proof", "")
    yield Check(
        sentence=f"{outcome.name}: copied under a key for another account, which has acknowledged what it imported",
        holds=copy is not None and "imported as" in copy.verified,
        detail=copy.verified if copy else outcome.why,
    )
    yield Check(
        sentence=f"{outcome.name}: the backup was deleted only then",
        holds=outcome.fate == "deleted" and "ResourceNotFound" in proof,
        detail=proof or outcome.fate,
    )


def of_sample(outcome: Outcome, sample: Sample, s3: S3Client, bucket: str) -> Iterator[Check]:
    """What somebody else's action made of its sample is proven, and as its package says."""
    results = [action["result"] for action in outcome.evidence.get("actions", ()) if action["proven"]]
    yield Check(
        sentence=f"{outcome.name}: what it made was looked up and found verified by another role",
        holds=bool(results),
        detail=outcome.why,
    )
    kept = [Kept(report=result["report"], read=lambda key: read_object(s3, bucket, key) or b"") for result in results]
    complaints = [complaint for each in kept for complaint in sample.complaints(each)]
    yield Check(
        sentence=f"{outcome.name}: its package finds nothing wrong with that",
        holds=bool(kept) and not complaints,
        detail="; ".join(complaints) or outcome.why,
    )
    left = list(sample.left_behind())
    yield Check(sentence=f"{outcome.name}: nothing that it made is left behind", holds=not left, detail=", ".join(left))


def of_what_is_left(cloud: Cloud, deployment: Deployment, s3: Any) -> Iterator[Check]:
    """What the workflows made for themselves is gone again."""
    store = cloud.store
    volumes = [volume.id for volume in store.volumes() if "backup-actions:run" in (store.tagged(volume.id) or {})]
    yield Check(sentence="every volume that a workflow made is gone", holds=not volumes, detail=", ".join(volumes))
    dynamodb = cloud.administrator.client("dynamodb")
    names = dynamodb.list_tables()["TableNames"]
    tables = [name for name in names if name.startswith(f"{deployment.settings.name}-export-")]
    yield Check(sentence="every table that a workflow restored is gone", holds=not tables, detail=", ".join(tables))
    leases = Leases(dynamodb, deployment.resources["LedgerTable"], cloud.clock, quota="rds-export", slots=5)
    running = [task.id for task in cloud.database_exports.tasks.values() if task.is_active]
    running += [lease.owner for lease in leases.held()]
    yield Check(
        sentence="every place in the quota of exports is free again", holds=not running, detail=", ".join(running)
    )
    databases = [each.id for clusters in (False, True) for each in cloud.databases.all(clusters=clusters)]
    restored = [name for name in databases if name.startswith(f"{deployment.settings.name}-dump-")]
    yield Check(
        sentence="every database that a workflow restored is gone", holds=not restored, detail=", ".join(restored)
    )
    uploads = s3.list_multipart_uploads(Bucket=deployment.resources["Bucket"]).get("Uploads", [])
    yield Check(sentence="no multipart upload is open", holds=not uploads)


def of_words_and_rights(cloud: Cloud, outcomes: Mapping[str, Outcome], told: Sequence[str]) -> Iterator[Check]:
    """People know of every backup, and no role asked for what it may not have."""
    untold = [name for name, outcome in outcomes.items() if not any(outcome.recovery_point in text for text in told)]
    yield Check(sentence="people were told what became of each backup", holds=not untold, detail=", ".join(untold))
    refused = {f"{entry.service}:{entry.operation}" for entry in cloud.audit.refused()}
    yield Check(
        sentence=f"every role kept to its permissions ({len(cloud.audit.entries)} calls audited)",
        holds=not refused,
        detail=", ".join(sorted(refused)),
    )
