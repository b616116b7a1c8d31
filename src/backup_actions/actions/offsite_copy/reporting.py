"""What the run has come to, from what is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from backup_actions.actions.offsite_copy.announced import Stored, stored_announcements
from backup_actions.actions.offsite_copy.places import acknowledgement_key
from backup_actions.aws import World
from backup_actions.aws.documents import describe_object, read_document
from backup_actions.errors import NotVerified
from backup_actions.model.arn import Arn
from backup_actions.model.offsite import Announcement, sha256_of
from backup_actions.model.report import ActionReport
from backup_actions.model.usage import Counted, Usage, added, of_kind

Event = Mapping[str, Any]
Evidence = Mapping[str, Any]


def report(world: World, event: Event) -> Mapping[str, Any]:
    """Say whether the separated account has acknowledged an import, of what, and whether that counts now.

    With ``run`` it is what was said to that run's announcement; without, the best that was said to any run's. Raises
    NotVerified.
    """
    found = list(_found(world, event))
    best = max(found, key=lambda each: each.verified, default=None)
    return {"acknowledged": best is not None, "report": best.to_json() if best else {}}


def _found(world: World, event: Event) -> Iterator[ActionReport]:
    s3, bucket, now = world.clients.s3, event["bucket"], world.clock.now()
    for stored in stored_announcements(s3, bucket, event["prefix"]):
        run = stored.announcement.run
        key = acknowledgement_key(event["evidencePrefix"], run)
        evidence = read_document(s3, bucket, key) if event["run"] in {"", run} else None
        if evidence is not None:
            objection = (
                _objection(stored, evidence, must_be_kept_until=now + timedelta(days=event["promisedDays"]))
                or _objection_to_account(evidence, event["account"])
                or _objection_to_region(evidence, event["region"], home=world.clients.region)
            )
            yield _report(world, event, stored, evidence, objection=objection, verification_key=key)


def _objection(stored: Stored, evidence: Evidence, *, must_be_kept_until: datetime) -> str:
    """Why the evidence lets no backup go; empty if it does.

    What was promised to an earlier run is a promise still, and nobody asks for it again.
    """
    if evidence["verified"] is not True or evidence["manifest_sha256"] != sha256_of(stored.content):
        return "the acknowledgement is of another announcement than the one stored"
    kept_until = evidence["acknowledgement"]["kept_until"]
    if datetime.fromisoformat(kept_until) < must_be_kept_until:
        return (
            f"the import is promised until {kept_until}, but promised_days wants {must_be_kept_until.isoformat()}: "
            "let the retention of the separated account keep imports for more days"
        )
    return ""


def _objection_to_account(evidence: Evidence, account: str) -> str:
    """Why an import is none of the account that the settings name; only the evidence knows whose EBS's is."""
    imported = Arn.parse(evidence["acknowledgement"]["imported_arn"])
    whose = evidence.get("account") or imported.account
    if whose == account:
        return ""
    return f"{imported} is of {f'account {whose}' if whose else 'an unknown account'}, not of account {account}"


def _objection_to_region(evidence: Evidence, region: str, *, home: str) -> str:
    """Why an import does not lie where the settings want copies; copies that stay at home are imported anywhere."""
    imported = Arn.parse(evidence["acknowledgement"]["imported_arn"])
    if region in {home, imported.region}:
        return ""
    return f"{imported} lies in {imported.region}, not in {region} as copy_region wants"


def _report(
    world: World, event: Event, stored: Stored, evidence: Evidence, *, objection: str, verification_key: str
) -> ActionReport:
    described = describe_object(world.clients.s3, event["bucket"], stored.key)
    if described is None:
        raise NotVerified(reason=f"there is no {stored.key} any more")
    announcement, acknowledged = stored.announcement, evidence["acknowledgement"]
    imported = f"imported as {acknowledged['imported_arn']} on {acknowledged['imported_at']}"
    return ActionReport(
        verified=not objection,
        reason=objection or f"{imported}, kept until {acknowledged['kept_until']}",
        manifest_key=stored.key,
        manifest_sha256=sha256_of(stored.content),
        verification_key=verification_key,
        artifacts=(described,),
        source_bytes=announcement.size_gib << 30,
        stored_bytes=described.size_bytes,
        summary={"import": acknowledged["imported_arn"], "engine": announcement.engine, "run": announcement.run},
        usage=_usage(announcement, event["copySeconds"]),
    )


def _usage(announcement: Announcement, copy_seconds: float) -> Usage:
    """The copy of this run, if it made one: it was there until a moment ago, and was sent where it is elsewhere."""
    if not copy_seconds:
        return {}
    elsewhere = Arn.parse(announcement.snapshot_arn).region != Arn.parse(announcement.recovery_point_arn).region
    kept = of_kind(Counted.SNAPSHOT_GIB_HOURS, announcement.resource_type)
    gib = announcement.size_gib
    return added(({kept: gib * copy_seconds / 3600, Counted.BETWEEN_REGIONS_GIB: gib if elsewhere else 0},))
