"""The story of one off-site copy as the tests tell it: made, shared, announced, acknowledged, removed."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from tests.actions.offsite_copy.fake_account import (
    ACCOUNT,
    BUCKET,
    EVIDENCE,
    EXPORT_KEY,
    NOW,
    PREFIX,
    RESOURCES,
    SEPARATED,
    SOURCES,
    FakeAccount,
    point_of,
)

from backup_actions.actions.offsite_copy.acknowledging import acknowledge
from backup_actions.actions.offsite_copy.announced import Announced, AnnouncedCopies, Stage
from backup_actions.actions.offsite_copy.announcing import announce, share
from backup_actions.actions.offsite_copy.cleaning import clean
from backup_actions.actions.offsite_copy.reporting import report
from backup_actions.ledger import Waiter, Waits
from backup_actions.model.offsite import Acknowledgement, Announcement, sha256_of

NAME, KEY = "backup-actions-offsite-1", f"{PREFIX}/run-1/announcement.json"
COPIES = {
    "RDS": f"arn:aws:rds:us-east-1:{ACCOUNT}:snapshot:{NAME}",
    "Aurora": f"arn:aws:rds:us-east-1:{ACCOUNT}:cluster-snapshot:{NAME}",
    "EBS": "arn:aws:ec2:us-east-1::snapshot/snap-1",
}
IMPORTS = {
    "RDS": f"arn:aws:rds:us-east-1:{SEPARATED}:snapshot:import-1",
    "Aurora": f"arn:aws:rds:us-east-1:{SEPARATED}:cluster-snapshot:import-1",
    "EBS": "arn:aws:ec2:us-east-1::snapshot/snap-import",
}
OURS = {"backup-actions:run": "offsite-copy/run-1"}


def announcement_of(kind: str) -> Announcement:
    return Announcement(
        snapshot_arn=COPIES[kind],
        resource_type=kind,
        resource_arn=RESOURCES[kind],
        recovery_point_arn=SOURCES[kind],
        created_at=NOW.isoformat(),
        engine="" if kind == "EBS" else "postgres",
        engine_version="" if kind == "EBS" else "17.5",
        size_gib=8,
        key_arn=EXPORT_KEY,
        run="run-1",
    )


def acknowledgement_of(kind: str) -> Acknowledgement:
    return Acknowledgement(
        announcement_sha256=sha256_of(announcement_of(kind).to_bytes()),
        snapshot_arn=COPIES[kind],
        run="run-1",
        imported_arn=IMPORTS[kind],
        imported_at=NOW.isoformat(),
        kept_until=(NOW + timedelta(days=35)).isoformat(),
        size_gib=8,
    )


def with_copy(kind: str = "RDS") -> FakeAccount:
    """The run has made its copy."""
    account = FakeAccount()
    account.add(COPIES[kind], tags=dict(OURS), key=EXPORT_KEY)
    return account


def announced(account: FakeAccount, kind: str = "RDS") -> dict[str, Any]:
    return announced_as(account, announcement_of(kind))


def announced_as(account: FakeAccount, announcement: Announcement, to: str = SEPARATED) -> dict[str, Any]:
    event = {"topic": "topic", "ledger": "ledger", "bucket": BUCKET, "prefix": PREFIX, "evidencePrefix": EVIDENCE}
    return dict(announce(account.world(), {**event, "account": to, "announcement": asdict(announcement)}))


def with_announcement(kind: str = "RDS") -> FakeAccount:
    """The copy was shared, too, and announced."""
    account = with_copy(kind)
    share(account.world(), {"announcement": asdict(announcement_of(kind)), "account": SEPARATED})
    announced(account, kind)
    return account


def heard(account: FakeAccount, body: str) -> dict[str, Any]:
    """What the function of the inbox makes of a message."""
    world = account.world(
        BACKUP_ACTIONS_BUCKET=BUCKET,
        BACKUP_ACTIONS_DEAD_LETTERS="dead-letters",
        BACKUP_ACTIONS_LEDGER="ledger",
        BACKUP_ACTIONS_SETTINGS=json.dumps({"separated_account": SEPARATED}),
    )
    return dict(acknowledge(world, {"Records": [{"body": body}]}))


def text_of(acknowledgement: Acknowledgement) -> str:
    return acknowledgement.to_bytes().decode()


def cleaned(account: FakeAccount, kind: str = "RDS", run: str = "run-1") -> list[str]:
    where = {"bucket": BUCKET, "prefix": PREFIX, "ledger": "ledger", "region": "us-east-1"}
    event = {"recoveryPoint": point_of(kind), "name": NAME, "run": run, "account": SEPARATED, **where}
    return list(clean(account.world(), event)["pending"])


def reported(
    account: FakeAccount, run: str = "", *, separated: str = SEPARATED, region: str = "us-east-1"
) -> dict[str, Any]:
    where = {"bucket": BUCKET, "prefix": PREFIX, "evidencePrefix": EVIDENCE, "account": separated, "region": region}
    return dict(report(account.world(), {**where, "run": run, "promisedDays": 14, "copySeconds": 7200}))


def known_of(account: FakeAccount, kind: str = "RDS") -> Announced:
    """What the ledger says of the copy."""
    found = AnnouncedCopies(account.world().clients.dynamodb, "ledger", account.world().clock).find(COPIES[kind])
    assert found is not None
    return found


def let_go(account: FakeAccount, kind: str = "RDS") -> None:
    """The copy is being removed because nobody has acknowledged it."""
    copies = AnnouncedCopies(account.world().clients.dynamodb, "ledger", account.world().clock)
    copies.stand(replace(known_of(account, kind), stage=Stage.LEAVING))


def acknowledged_while_awaited(kind: str) -> FakeAccount:
    account = with_announcement(kind)
    Waits(account.world().clients.dynamodb, "ledger", account.world().clock).begin(
        COPIES[kind], Waiter("run-1", "token"), seconds=60
    )
    heard(account, text_of(acknowledgement_of(kind)))
    return account
