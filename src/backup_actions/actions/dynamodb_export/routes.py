"""By which route the items of a backup can be had: a pure function of what is true of the backup and of its table.

DynamoDB exports no backup. It exports a table's history, and a backup can be made a table again.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.HowItWorks.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from backup_actions.errors import RouteImpossible

_ONLY_ITEMS = (
    "Only items are exported: no secondary indexes, capacity, tags, time to live, streams, policies or encryption "
    "settings of the table."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTable:
    """The table that the backup is of, as it stands now."""

    recovery_enabled: bool
    earliest: datetime | None
    """The first moment that can be exported; None while there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """``pitr`` or ``restore``, why, and what does not come along on it; for ``restore`` no time is known yet."""

    name: Literal["pitr", "restore"]
    because: str
    export_time: datetime | None
    notes: tuple[str, ...]


def choose_route(wanted: str, backed_up_at: datetime, table: LiveTable | None, *, foreign: bool) -> Route:
    """The route that the settings allow and the facts permit. Raises RouteImpossible.

    ``foreign`` says that the table is of another account or region: then its history cannot be read from here.
    """
    moment = backed_up_at.replace(microsecond=0)  # the API counts whole seconds
    objection = _objection(moment, table, foreign=foreign)
    if wanted == "pitr" and objection:
        raise RouteImpossible(route="pitr", reason=objection)
    if wanted == "restore" or objection:
        because = objection or "the settings say restore"
        return Route(name="restore", because=because, export_time=None, notes=(_of_the_backup(moment), _ONLY_ITEMS))
    because = "the settings say pitr" if wanted == "pitr" else "the table's history reaches back to the backup's time"
    return Route(name="pitr", because=because, export_time=moment, notes=(*_of_the_history(moment), _ONLY_ITEMS))


def _objection(moment: datetime, table: LiveTable | None, *, foreign: bool) -> str | None:
    if foreign:
        return "the table is in another account or region"
    if table is None:
        return "the table no longer exists"
    if not table.recovery_enabled:
        return "the table has no point-in-time recovery"
    if table.earliest is None or table.earliest > moment:
        since = "now" if table.earliest is None else f"{table.earliest.isoformat()}"
        return f"the table's history begins after the backup ({moment.isoformat()}): {since}"
    return None


def _of_the_history(moment: datetime) -> tuple[str, ...]:
    return (
        f"These are the items of the live table's history as of {moment.isoformat()}, when AWS Backup created the "
        "recovery point. The backup itself was not read.",
        "DynamoDB takes a backup some time after that moment: what was written in between is in the backup, not here.",
    )


def _of_the_backup(moment: datetime) -> str:
    return (
        f"These are the items of a table restored from the backup that AWS Backup created at {moment.isoformat()}, as "
        "exported before anybody wrote to it."
    )
