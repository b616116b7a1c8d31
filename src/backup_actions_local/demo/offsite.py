"""The demo's second account: it imports a database, lets nobody of the first one near it, and opens it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from backup_actions.offsite.imports import Import, Imports
from backup_actions.settings import from_mapping
from backup_actions_local.databases import DatabaseServer
from backup_actions_local.demo.outcome import Check
from backup_actions_local.demo.tabular import OFFSITE, SpoiltDatabase
from backup_actions_local.front.audit import Verdict
from backup_actions_local.services.place import Place

if TYPE_CHECKING:
    from backup_actions_local.cloud import Cloud
    from backup_actions_local.demo.tabular import Rows
    from backup_actions_local.deployment import Deployment

SEPARATED = Place(account="444455556666")
BUCKET = "backup-actions-offsite"
_LOOKS_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class OffSite:
    """The separated account's cloud with its deployment."""

    cloud: Cloud
    deployment: Deployment

    @classmethod
    def beside(cls, home: Cloud, cloud: Cloud, *, bucket: str = BUCKET) -> OffSite:
        """Deployed by a settings file of its own, which names the first account as a source."""
        sqs = home.administrator.client("sqs")
        source = {
            "account": home.place.account,
            "announcements_topic_arn": home.place.arn("sns", f"backup-actions-{OFFSITE}-announcements"),
            "acknowledgements_queue_url": sqs.get_queue_url(QueueName=f"backup-actions-{OFFSITE}-acknowledgements")[
                "QueueUrl"
            ],
        }
        settings = from_mapping(
            {
                "account": cloud.place.account,
                "region": cloud.place.region,
                "zones": list(cloud.place.zones),
                "imports": {"sources": [source]},
            },
            [],
        )
        return cls(cloud, cloud.deploy(settings, [], bucket=bucket))

    def remove_bucket(self) -> None:
        """The S3 server, which others may share, has its room back."""
        s3, bucket = self.cloud.administrator.client("s3"), self.deployment.resources["Bucket"]
        for each in s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
            s3.delete_object(Bucket=bucket, Key=each["Key"])
        s3.delete_bucket(Bucket=bucket)

    def checks(self, home: Cloud, spoilt: SpoiltDatabase) -> Iterator[Check]:
        """The copy is there, out of reach of the first account, and holds what the database held at its backup."""
        found = [each for each in self.imports() if each.is_verified]
        yield Check(
            sentence=f"{spoilt.name}: imported by account {self.cloud.place.account} under a key of its own, verified",
            holds=len(found) == 1,
            detail=found[0].imported_arn if found else "there is no import",
        )
        left = home.administrator.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
        yield Check(
            sentence=f"{spoilt.name}: the copy in between is gone from account {home.place.account}",
            holds=not left,
            detail=", ".join(each["DBSnapshotIdentifier"] for each in left),
        )
        for imported in found:
            yield from self._separation(home, spoilt, imported.imported_arn)
            answered = self._opened(spoilt, imported.imported_arn)
            yield Check(
                sentence=f"{spoilt.name}: opened in account {self.cloud.place.account}, it answers as at the backup",
                holds=answered == spoilt.before != spoilt.after,
                detail=f"{len(answered)} rows: {spoilt.sql}",
            )
        refused = {f"{entry.service}:{entry.operation}" for entry in self.cloud.audit.entries if _is_a_role_s(entry)}
        yield Check(
            sentence=f"every role of account {self.cloud.place.account} kept to its permissions",
            holds=not refused,
            detail=", ".join(sorted(refused)),
        )

    def imports(self) -> list[Import]:
        """What the separated account's ledger says."""
        client = self.cloud.administrator.client("dynamodb")
        return Imports(client, self.deployment.resources["LedgerTable"], self.cloud.clock).all()

    def _separation(self, home: Cloud, spoilt: SpoiltDatabase, arn: str) -> Iterator[Check]:
        (snapshot,) = self.cloud.administrator.client("rds").describe_db_snapshots(DBSnapshotIdentifier=arn)[
            "DBSnapshots"
        ]
        rds, kms = home.administrator.client("rds"), home.administrator.client("kms")
        for what, attempt in (
            ("delete the import", lambda: rds.delete_db_snapshot(DBSnapshotIdentifier=arn)),
            ("delete its key", lambda: kms.schedule_key_deletion(KeyId=snapshot["KmsKeyId"], PendingWindowInDays=7)),
        ):
            answer = _refusal(attempt)
            yield Check(
                sentence=f"{spoilt.name}: the administrator of account {home.place.account} tried to {what}: refused",
                holds=bool(answer),
                detail=answer or "it was done",
            )

    def _opened(self, spoilt: SpoiltDatabase, arn: str) -> Rows:
        """What a DB instance answers that is restored from the import; it is gone afterwards."""
        rds, name, password = self.cloud.administrator.client("rds"), "opened-off-site", secrets.token_urlsafe(24)
        group = self.deployment.resources["DatabaseSubnetGroup"]
        with self.cloud.clock.actor(), ExitStack() as stack:
            rds.restore_db_instance_from_db_snapshot(
                DBInstanceIdentifier=name, DBSnapshotIdentifier=arn, DBSubnetGroupName=group
            )
            stack.callback(rds.delete_db_instance, DBInstanceIdentifier=name, SkipFinalSnapshot=True)
            self._settled(rds, name)
            rds.modify_db_instance(DBInstanceIdentifier=name, MasterUserPassword=password, ApplyImmediately=True)
            instance = self._settled(rds, name)
            endpoint = instance["Endpoint"]
            return spoilt.asked(
                DatabaseServer(
                    port=endpoint["Port"],
                    directory=Path(),
                    pid=0,
                    host=endpoint["Address"],
                    user=instance["MasterUsername"],
                    password=password,
                )
            )

    def _settled(self, rds: Any, name: str) -> dict[str, Any]:
        while True:
            self.cloud.clock.sleep(_LOOKS_SECONDS)
            (found,) = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
            if found["DBInstanceStatus"] == "available" and not found.get("PendingModifiedValues"):
                return dict(found)


def _is_a_role_s(entry: Any) -> bool:
    return entry.verdict is Verdict.REFUSED and not (entry.caller and entry.caller.is_administrator)


def _refusal(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except ClientError as refused:
        return str(refused)
    return ""
