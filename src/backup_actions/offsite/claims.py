"""What a message claims, as far as that can be judged without asking anybody: a pure function of its bytes.

Everything in a message is a claim of somebody who may be a thief with all the rights of the source account. Nothing of
it reaches AWS, a name, a place or the ledger unless it is of a form in which it can do no harm.
https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backup_actions.errors import AnnouncementRefused, MalformedMessage
from backup_actions.model.arn import Arn
from backup_actions.model.offsite import Announcement, sha256_of
from backup_actions.offsite.settings import ImportSettings, Source

MOST_BYTES = 64 << 10
"""An announcement of the greatest length in the envelope of SNS, with every character escaped, is shorter."""
CLOCKS_DIFFER_BY = timedelta(minutes=5)

_SNAPSHOTS = {
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CopyDBSnapshot.html
    "RDS": re.compile(r"snapshot:(?=.{1,255}$)[A-Za-z](-?[A-Za-z0-9])*"),
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CopyDBClusterSnapshot.html
    "Aurora": re.compile(r"cluster-snapshot:(?=.{1,63}$)[A-Za-z](-?[A-Za-z0-9])*"),
    "EBS": re.compile(r"snapshot/snap-([0-9a-f]{8}|[0-9a-f]{17})"),
}
_RESOURCES = {
    "RDS": re.compile(r"db:(?=.{1,63}$)[A-Za-z](-?[A-Za-z0-9])*"),
    "Aurora": re.compile(r"cluster:(?=.{1,63}$)[A-Za-z](-?[A-Za-z0-9])*"),
    "EBS": re.compile(r"volume/vol-([0-9a-f]{8}|[0-9a-f]{17})"),
}
_SERVICES = {"RDS": "rds", "Aurora": "rds", "EBS": "ec2"}
_POINT = re.compile(r"[A-Za-z0-9:/._-]{1,300}")
_KEY = re.compile(r"key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
_ENGINE, _VERSION = re.compile(r"[a-z][a-z0-9-]{0,62}"), re.compile(r"[0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Claimed:
    """An announcement of a sound form, from the topic of the source whose snapshot it names."""

    announcement: Announcement
    sha256: str
    source: Source

    @property
    def region(self) -> str:
        """Where the shared snapshot is."""
        return Arn.parse(self.announcement.snapshot_arn).region

    @property
    def message(self) -> str:
        """A message that claims just this, without anything else that its sender may have put into the first."""
        envelope = {
            "Type": "Notification",
            "TopicArn": self.source.topic_arn,
            "Message": self.announcement.to_bytes().decode(),
        }
        return json.dumps(envelope, sort_keys=True)


def claimed_in(body: str, settings: ImportSettings, *, here: Arn, now: datetime) -> Claimed:
    """What a message claims. ``here`` is anything of our own. Raises MalformedMessage or AnnouncementRefused."""
    topic_arn, text = _opened(body)
    source = next((source for source in settings.sources if source.topic_arn == topic_arn), None)
    if source is None:
        raise AnnouncementRefused(reason=f"{_shown(topic_arn)} is no topic that is listened to")
    announcement = Announcement.from_text(text)
    # The same in other words could carry more than was judged: twice the same field, for instance.
    _require(announcement.to_bytes() == text.encode(), "it is not written as announcements are")
    _require(source.account != here.account, "its source is this account itself")
    _judge_names(announcement, source, here)
    _judge_key(announcement, source, here)
    _judge_words(announcement, now)
    return Claimed(announcement, sha256_of(text.encode()), source)


def _opened(body: str) -> tuple[str, str]:
    """The topic and the message in the envelope that SNS makes."""
    if len(body.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise MalformedMessage(reason=f"it is longer than {MOST_BYTES} bytes")
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError) as wrong:
        raise MalformedMessage(reason="it is no JSON") from wrong
    if not isinstance(envelope, Mapping) or envelope.get("Type") != "Notification":
        raise MalformedMessage(reason="it is no notification of SNS")
    topic_arn, text = envelope.get("TopicArn"), envelope.get("Message")
    if not isinstance(topic_arn, str) or not isinstance(text, str):
        raise MalformedMessage(reason="it is a notification without a topic or a message")
    return topic_arn, text


def _judge_names(announcement: Announcement, source: Source, here: Arn) -> None:
    """Snapshot, resource and recovery point are of the source, and of the forms that such names have."""
    kind = announcement.resource_type
    snapshot, resource = Arn.parse(announcement.snapshot_arn), Arn.parse(announcement.resource_arn)
    for arn in (snapshot, resource):
        _require(arn.partition == here.partition, f"{_shown(arn)} is of another partition")
        _require(arn.service == _SERVICES[kind], f"{_shown(arn)} is nothing of {kind}")
        _require(_fits(_REGION, arn.region), f"{_shown(arn)} is in no region")
    # The ARN of an EBS snapshot names no account: whose it is, EC2 is asked.
    owner = "" if kind == "EBS" else source.account
    _require(snapshot.account == owner, f"{_shown(snapshot)} is no snapshot of the account {source.account}")
    _require(resource.account == source.account, f"{_shown(resource)} is not of the account {source.account}")
    _require(_fits(_SNAPSHOTS[kind], snapshot.resource), f"{_shown(snapshot)} is no name of a shared snapshot")
    _require(_fits(_RESOURCES[kind], resource.resource), f"{_shown(resource)} is no name of a resource")
    _require(
        snapshot.region in {here.region, source.region},
        f"{_shown(snapshot)} is neither in {here.region} nor in {source.region}",
    )
    point = Arn.parse(announcement.recovery_point_arn)
    _require(
        _fits(_POINT, str(point)) and point.partition == here.partition and point.account in {"", source.account},
        f"{_shown(point)} is no recovery point of the account {source.account}",
    )


def _judge_key(announcement: Announcement, source: Source, here: Arn) -> None:
    key, snapshot = Arn.parse(announcement.key_arn), Arn.parse(announcement.snapshot_arn)
    _require(
        (key.partition, key.region, key.account) == (here.partition, snapshot.region, source.account)
        and _fits(_KEY, key.resource),
        f"{_shown(key)} is no key of the account {source.account} in {snapshot.region}",
    )


def _judge_words(announcement: Announcement, now: datetime) -> None:
    engine, version = announcement.engine, announcement.engine_version
    if announcement.resource_type == "EBS":
        _require((engine, version) == ("", ""), "a volume has no engine")
    else:
        _require(
            _fits(_ENGINE, engine) and _fits(_VERSION, version), f"{_shown(engine)} {_shown(version)} is no engine"
        )
    try:
        created = datetime.fromisoformat(announcement.created_at)
    except ValueError:
        created = None
    _require(
        created is not None and created.tzinfo is not None and created <= now + CLOCKS_DIFFER_BY,
        f"{_shown(announcement.created_at)} is no time in the past with its zone",
    )


def _fits(pattern: re.Pattern[str], text: str) -> bool:
    return pattern.fullmatch(text) is not None


def _shown(text: Any) -> str:
    """A claim as a person may be shown it: short, and with everything but plain ASCII escaped."""
    return ascii(str(text)[:120])


def _require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise AnnouncementRefused(reason=otherwise)
