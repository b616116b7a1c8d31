"""The one thing that a source account hears of its import: that it is there, by the announcement that it answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from backup_actions.aws import World, translated
from backup_actions.model.offsite import Acknowledgement
from backup_actions.offsite.imports import Import
from backup_actions.offsite.settings import ImportSettings, Source

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


def send_acknowledgement(world: World, settings: ImportSettings, source: Source, verified: Import) -> None:
    """The source is told; the same import is acknowledged in the same words, however often."""
    elsewhere = source.region != world.clients.region
    sqs = world.clients.sqs_in(source.region) if elsewhere else world.clients.sqs
    _send(sqs, source.queue_url, _acknowledgement(verified, settings.days))


def _send(sqs: SQSClient, queue_url: str, said: Acknowledgement) -> None:
    with translated():
        sqs.send_message(QueueUrl=queue_url, MessageBody=said.to_bytes().decode())


def _acknowledgement(verified: Import, days: int) -> Acknowledgement:
    """What is promised is only what every import has, whatever else the rules keep it for."""
    announced = verified.announcement
    kept_until = datetime.fromisoformat(verified.imported_at) + timedelta(days=days)
    return Acknowledgement(
        announcement_sha256=verified.announcement_sha256,
        snapshot_arn=announced.snapshot_arn,
        run=announced.run,
        imported_arn=verified.imported_arn,
        imported_at=verified.imported_at,
        kept_until=kept_until.isoformat(),
        size_gib=verified.size_gib,
    )
