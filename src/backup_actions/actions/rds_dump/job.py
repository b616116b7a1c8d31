"""The long steps: dump every database of the restored server, and prove that the dump restores."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backup_actions.actions.rds_dump.password import password_of
from backup_actions.actions.rds_dump.places import verification_key
from backup_actions.actions.rds_dump.settings import RdsDumpSettings
from backup_actions.archive import S3Store, Store
from backup_actions.aws import World
from backup_actions.aws.documents import write_document
from backup_actions.dump import Connection, DumpOptions, DumpReport, StoredDump, dump, verify_dump
from backup_actions.dump.engines import engine_for
from backup_actions.dump.verifying import SCRATCH
from backup_actions.errors import ArchiveExists, DatabaseUnreachable
from backup_actions.model.clock import growing_waits
from backup_actions.model.manifest import MANIFEST_NAME
from backup_actions.model.usage import noted

Event = Mapping[str, Any]

_MEMORY_MIB = 1536  # of the container's 4096: the programs of the databases, one a stream, have the rest

# 9 minutes: RDS says that a password is set a while before the database knows it, and a host may still be looking up
# the name of an instance that is seconds old.
_UNTIL_LET_IN = growing_waits(5, 1.4, 11)
_MOST_NAMED = 5  # a server may have thousands of databases


def dump_databases(world: World, event: Event) -> None:
    """The dump stands complete under the prefix.

    It goes on with what an earlier attempt of the run has left, also one of another instance that was restored from
    the same snapshot. Raises ArchiveInterrupted where it leaves something, DatabaseUnreachable, DumpFailed.
    """
    store, settings = store_of(world, event), RdsDumpSettings(**event["settings"])
    if store.describe(MANIFEST_NAME) is not None:
        world.progress.note("an earlier attempt has completed the dump")
        return
    try:
        dump(
            let_in(world, event),
            store,
            databases=settings.databases or None,
            options=DumpOptions(
                codec=settings.codec,
                level="auto" if settings.level is None else settings.level,
                streams=settings.streams,
                memory_mib=_MEMORY_MIB,
            ),
            name=event["recoveryPoint"]["resourceId"],
            run=event["run"],
            recovery_point=event["recoveryPoint"],
            product=event["source"]["product"],
            progress=world.progress,
            clock=world.clock,
            resume=True,
        )
    except ArchiveExists:
        world.progress.note("another run has completed a dump of the same backup meanwhile")


def verify_databases(world: World, event: Event) -> None:
    """The verification stands in the evidence; whether it is good is said in it, not by this job's exit code.

    A dump that another run has made, by other settings, is good if it has every database that these ask for.
    """
    store, settings = store_of(world, event), RdsDumpSettings(**event["settings"])
    needs_no_server = settings.verify == "list" and settings.databases
    server = None if needs_no_server else let_in(world, event)
    wanted = _wanted(settings, server)
    digest = hashlib.sha256(store.read(MANIFEST_NAME)).hexdigest()  # what stands later may be another
    report = verify_dump(store, server, depth=settings.verify, streams=settings.streams, progress=world.progress)
    left_out = _left_out(StoredDump.open(store), wanted, f"{event['prefix']}/{MANIFEST_NAME}") if report.ok else []
    source, instance = event["source"], event["instance"]
    about = ("class", "version", "parameter_group", "option_group")
    document = {
        "verified": report.ok and not left_out,
        "problems": [*left_out, *_problems(report)],
        "dump": report.to_json(),
        "manifest_sha256": digest,
        "source": source,
        "instance": {name: instance[name] for name in about},
        "notes": [*source["notes"], *_upgraded(source["version"], instance["version"]), *report.not_proven],
        "verified_at": world.clock.now().isoformat(),
        "usage": world.clients.requests.usage,
    }
    write_document(world.clients.s3, event["bucket"], verification_key(event["evidencePrefix"]), document)


def _wanted(settings: RdsDumpSettings, server: Connection | None) -> Sequence[str]:
    """The databases that the settings name, or all of the server."""
    if settings.databases or server is None:
        return settings.databases
    left = {SCRATCH} if settings.verify == "restore" else set()  # by an attempt that died while a dump was loaded
    return [name for name in engine_for(server.family).databases(server) if name not in left]


def _left_out(stored: StoredDump, wanted: Sequence[str], manifest_key: str) -> list[str]:
    """What the settings ask for and the dump does not have, and what to do about it; empty if it has all."""
    dumped = [database.name for database in stored.description.databases]
    missing = [name for name in wanted if name not in dumped]
    if not missing:
        return []
    return [
        f"an earlier run dumped {_named(dumped)} alone, and the settings ask for {_named(missing)} too: "
        f"remove {manifest_key} and replay the recovery point with --again, then all is dumped anew"
    ]


def _named(databases: Sequence[str]) -> str:
    more = [f"{len(databases) - _MOST_NAMED} more"] if len(databases) > _MOST_NAMED else []
    return ", ".join([*databases[:_MOST_NAMED], *more])


def _problems(report: DumpReport) -> list[str]:
    damage = [f"{problem.object}: {problem.reason}" for problem in report.archive.problems]
    more = [f"{report.more_differences} more differences"] if report.more_differences else []
    return [*damage, *map(str, report.differences), *more]


def _upgraded(snapshot: str, instance: str) -> list[str]:
    if snapshot == instance:
        return []
    return [f"RDS has upgraded the database from {snapshot} to {instance} when it was restored; that was dumped"]


def let_in(world: World, event: Event) -> Connection:
    """The restored server, as soon as it takes the password. Raises DatabaseUnreachable."""
    engine = engine_for(event["source"]["family"])
    for wait in _UNTIL_LET_IN:
        connection = _connection(world, event)  # a parameter that was just overwritten may be read as it was
        try:
            engine.server(connection)
        except DatabaseUnreachable as refusal:
            world.progress.note(f"not yet: {refusal}")
            world.clock.sleep(wait)
        else:
            return connection
    connection = _connection(world, event)
    engine.server(connection)
    return connection


def _connection(world: World, event: Event) -> Connection:
    source, instance = event["source"], event["instance"]
    return Connection(
        family=source["family"],
        host=instance["host"],
        port=instance["port"],
        user=source["user"],
        password=password_of(world.clients.ssm, event["parameter"]),
        ca_file=Path(world.environment["BACKUP_ACTIONS_RDS_CA_FILE"]),
    )


def store_of(world: World, event: Event) -> Store:
    """Where the dump lies."""
    return S3Store(
        client=world.clients.s3,
        bucket=event["bucket"],
        prefix=event["prefix"],
        storage_class=event["storageClass"],
        notes=lambda: noted(event["run"], world.clients.requests.usage),
    )
