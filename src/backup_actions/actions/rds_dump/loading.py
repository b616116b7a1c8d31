"""The long step of a restore test: the dump into an empty server, compared with what it says of itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backup_actions.actions.rds_dump.job import let_in, store_of
from backup_actions.actions.rds_dump.settings import RdsDumpSettings
from backup_actions.actions.rds_dump.versions import is_same_release
from backup_actions.archive import Store
from backup_actions.aws import World
from backup_actions.aws.documents import write_document
from backup_actions.dump import Connection, RestoreReport, restore
from backup_actions.dump.engines import engine_for
from backup_actions.errors import (
    ArchiveDamaged,
    ArchiveMissing,
    LoadFailed,
    ManifestUnreadable,
    NotADump,
    RestoredDiffers,
    TargetUnfit,
    UnsafePath,
)
from backup_actions.model.manifest import MANIFEST_NAME

Event = Mapping[str, Any]

_MOST_NAMED = 100


@dataclass(frozen=True, slots=True)
class _Loaded:
    report: RestoreReport | None
    problems: Sequence[str] = ()
    unfit: str = ""
    """Why nothing is known of the dump: it is the server that could not take it."""


def load_dump(world: World, event: Event) -> None:
    """What the load has come to stands in the document; whether it is good is said in it, not by this exit code.

    Raises DatabaseUnreachable where the server is gone, which says nothing of the dump.
    """
    began = world.clock.now().isoformat()
    store, settings = store_of(world, event), RdsDumpSettings(**event["settings"])
    server = let_in(world, event)
    digest = hashlib.sha256(store.read(MANIFEST_NAME)).hexdigest()  # what stands later may be another
    loaded = _loaded(world, event, store, server, streams=settings.streams)
    instance = event["instance"]
    document: dict[str, Any] = {
        "manifest_sha256": digest,
        "problems": list(loaded.problems),
        "not_restored": loaded.unfit,
        "restored": _figures(loaded.report) | {"into": {name: instance[name] for name in ("class", "version")}},
        "began_at": began,
        "restored_at": world.clock.now().isoformat(),
        "usage": world.clients.requests.usage,
    }
    write_document(world.clients.s3, event["bucket"], event["restoreTest"]["documentKey"], document)


def _loaded(world: World, event: Event, store: Store, server: Connection, *, streams: int) -> _Loaded:
    """What an attempt before this one has loaded is replaced: the instance is this run's own."""
    try:
        report = restore(store, server, replace_existing=True, for_proof=True, streams=streams, progress=world.progress)
    except (RestoredDiffers, ArchiveDamaged, ArchiveMissing, ManifestUnreadable, NotADump, UnsafePath) as wrong:
        return _Loaded(None, [str(wrong)])
    except TargetUnfit as refusal:
        return _Loaded(None, unfit=str(refusal))
    except LoadFailed as failure:
        engine_for(event["source"]["family"]).server(server)
        dumped_from, loaded_into = event["source"]["version"], event["instance"]["version"]
        if is_same_release(dumped_from, loaded_into):
            return _Loaded(None, [str(failure)])
        # A later release may have left out what the dump uses: that is no damage.
        return _Loaded(None, unfit=f"{loaded_into} does not take what {dumped_from} had: {failure}")
    return _Loaded(report)


def _figures(report: RestoreReport | None) -> dict[str, Any]:
    if report is None:
        return {}
    databases = report.databases
    return {
        "databases": [
            {"name": each.name, "tables": each.tables, "rows": each.rows, "objects": each.objects}
            for each in databases[:_MOST_NAMED]
        ],
        "tables": sum(each.tables for each in databases),
        "rows": sum(each.rows for each in databases),
        "objects": sum(each.objects for each in databases),
        "notes": [*report.notes],
    }
