"""The catalogue: after an export, Glue's tables of its source are those that its manifests name."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from backup_actions.aws import World, translated
from backup_actions.aws.documents import read_object
from backup_actions.aws.objects import object_keys
from backup_actions.catalogue.tables import GlueTable, PlacedExport, glue_tables
from backup_actions.errors import AwsCallFailed, MalformedEvent
from backup_actions.model.export_manifest import EXPORT_MANIFEST_NAME, ExportManifest

log = logging.getLogger(__name__)


def catalogue(world: World, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Glue has a table for each table of the source, with all its complete exports. Doing it again changes nothing.

    The event is the end of an export's execution, or ``{"prefix": …}`` of one export. Raises MalformedEvent,
    ManifestUnreadable, what AWS refuses: Lambda calls again, and then the event goes to the dead-letter queue.
    """
    bucket, database = (world.environment[f"BACKUP_ACTIONS_{name}"] for name in ("BUCKET", "GLUE_DATABASE"))
    source = _source(event)
    keys = _manifest_keys(world, bucket, source)
    while True:
        names = [_published(world, database, table) for table in glue_tables(_exports(world, bucket, keys))]
        # Of two that run at once, the one that writes last may have looked first: it looks again.
        if (now := _manifest_keys(world, bucket, source)) == keys:
            break
        keys = now
    log.info("%s: %d table(s) in %d export(s)", source, len(names), len(keys))
    return {"source": source, "exports": len(keys), "tables": names}


def _source(event: Mapping[str, Any]) -> str:
    """The prefix that all exports of the source share."""
    try:
        given = event if "prefix" in event else json.loads(event["detail"]["input"])
        source, date, _ = str(given["prefix"]).partition("/date=")
    except (KeyError, TypeError, ValueError) as wrong:
        raise MalformedEvent(reason=f"no prefix of an export: {type(wrong).__name__}: {wrong}") from wrong
    if not source or not date:
        raise MalformedEvent(reason=f"{given['prefix']!r} is no prefix of an export: it has no date")
    return source


def _manifest_keys(world: World, bucket: str, source: str) -> list[str]:
    keys = object_keys(world.clients.s3, bucket, f"{source}/date=")
    return [key for key in keys if key.endswith(f"/{EXPORT_MANIFEST_NAME}")]


def _exports(world: World, bucket: str, keys: list[str]) -> Iterator[PlacedExport]:
    for key in keys:
        data = read_object(world.clients.s3, bucket, key)
        if data is not None:  # its time may have come since it was listed
            location = f"s3://{bucket}/{key.removesuffix(f'/{EXPORT_MANIFEST_NAME}')}"
            yield PlacedExport(location, ExportManifest.from_bytes(data))


def _published(world: World, database: str, table: GlueTable) -> str:
    """The name under which Glue has the table now."""
    glue = world.clients.glue
    for name in (table.name, table.distinct_name):
        there = _location(world, database, name)
        given = table.table_input(name)
        if there is None:
            with translated():
                glue.create_table(DatabaseName=database, TableInput=given)
            return name
        if there == table.location:
            with translated():
                glue.update_table(DatabaseName=database, TableInput=given, SkipArchive=True)
            return name
    raise MalformedEvent(reason=f"tables of other places are called {table.name} and {table.distinct_name} in Glue")


def _location(world: World, database: str, name: str) -> str | None:
    """Where the table of this name lies, or None where there is none."""
    try:
        with translated():
            table = world.clients.glue.get_table(DatabaseName=database, Name=name)["Table"]
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] != "EntityNotFoundException":
            raise
        return None
    return str(table["StorageDescriptor"]["Location"])
