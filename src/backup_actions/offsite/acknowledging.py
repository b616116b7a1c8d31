"""The one thing that a source account hears of its import: that it is there, and until when it is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from backup_actions.aws import World, translated
from backup_actions.errors import ImportChanged
from backup_actions.model.offsite import Acknowledgement
from backup_actions.offsite.imports import Import, Imports
from backup_actions.offsite.settings import ImportSettings, Source

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


def send_acknowledgement(
    world: World, imports: Imports, settings: ImportSettings, source: Source, verified: Import
) -> Import:
    """The source is told, and what it is promised stands in the ledger before.

    The same import is acknowledged in the same words, however often, unless the settings promise more by now: what was
    promised once is kept, though they should promise less. Raises ImportChanged.
    """
    verified = _promised(imports, verified, settings.days)
    elsewhere = source.region != world.clients.region
    sqs = world.clients.sqs_in(source.region) if elsewhere else world.clients.sqs
    _send(sqs, source.queue_url, _acknowledgement(verified))
    return verified


def _promised(imports: Imports, verified: Import, days: int) -> Import:
    """With the days that every import is kept for, whatever else the rules keep it for."""
    until = datetime.fromisoformat(verified.imported_at) + timedelta(days=days)
    if verified.promised_until and datetime.fromisoformat(verified.promised_until) >= until:
        return verified
    stands = imports.stand(replace(verified, promised_until=until.isoformat()))
    if stands is None:
        raise ImportChanged(snapshot=verified.announcement.snapshot_arn)
    return stands


def _send(sqs: SQSClient, queue_url: str, said: Acknowledgement) -> None:
    with translated():
        sqs.send_message(QueueUrl=queue_url, MessageBody=said.to_bytes().decode())


def _acknowledgement(verified: Import) -> Acknowledgement:
    announced = verified.announcement
    return Acknowledgement(
        announcement_sha256=verified.announcement_sha256,
        snapshot_arn=announced.snapshot_arn,
        run=announced.run,
        imported_arn=verified.imported_arn,
        imported_at=verified.imported_at,
        kept_until=verified.promised_until,
        size_gib=verified.size_gib,
    )
