"""How long what was made of a backup will be kept, and whether that is long enough to let the backup go.

A backup goes only while at least three quarters of the time for which its archive is kept are still ahead: a run that
had to wait for days has them, an archive that an earlier run made and that is soon to end has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backup_actions.aws import World
from backup_actions.aws.documents import Lifetime, lifetime_of
from backup_actions.errors import NotVerified
from backup_actions.model.report import ActionReport

_STILL_AHEAD = 0.75

# A lifecycle that is not of our settings may end things the day after: nobody archives for less than this.
_PROMISED_AT_LEAST = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """The object of an action whose time to let a backup go for it is over first."""

    action: str
    manifest_key: str
    written_at: datetime
    ends_at: datetime
    counts_until: datetime

    def objection(self, now: datetime) -> str | None:
        """Why nothing is let go for it, and what to do; None where it is kept for long enough."""
        if now <= self.counts_until:
            return None
        return (
            f"what {self.action} made was stored on {self.written_at:%Y-%m-%d}, and the lifecycle of its bucket ends "
            f"it on {self.ends_at:%Y-%m-%d}, too soon: lengthen that, or remove the s3 key {self.manifest_key}, so "
            "that it is made anew; then replay the backup with --again"
        )


def lasting_of(
    world: World, bucket: str, result: Mapping[str, Any], *, expires_after_days: int | None
) -> Lasting | None:
    """How long what a proven action made is kept; None where nothing ends it.

    ``expires_after_days`` is what the settings say of the bucket; what S3 says of each object counts as well. Raises
    NotVerified where one of them is gone.
    """
    report = ActionReport.from_json(result["report"])
    found: list[Lasting] = []
    for key in dict.fromkeys([report.manifest_key, *(artifact.key for artifact in report.artifacts)]):
        lifetime = lifetime_of(world.clients.s3, bucket, key)
        if lifetime is None:
            raise NotVerified(reason=f"{key} is not there any more")
        if end := _end(lifetime, timedelta(days=expires_after_days) if expires_after_days else None):
            ends_at, promised = end
            found.append(
                Lasting(
                    action=str(result["action"]),
                    manifest_key=report.manifest_key,
                    written_at=lifetime.written_at,
                    ends_at=ends_at,
                    counts_until=ends_at - promised * _STILL_AHEAD,
                )
            )
    return min(found, key=lambda each: each.counts_until, default=None)


def _end(lifetime: Lifetime, by_settings: timedelta | None) -> tuple[datetime, timedelta] | None:
    """When an object is ended, and for how long a new one is kept."""
    written_at, stated = lifetime.written_at, lifetime.ends_at
    if by_settings is not None:
        known = written_at + by_settings
        return min(known, stated or known), by_settings
    return (stated, max(stated - written_at, _PROMISED_AT_LEAST)) if stated is not None else None
