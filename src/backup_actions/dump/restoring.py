"""Loads a dump, or a part of it, into a server, and compares what is there then with what was dumped."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from backup_actions.archive import Store
from backup_actions.dump.comparison import TableKey, compared, table_in_words
from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Database, Server
from backup_actions.dump.engine import Engine
from backup_actions.dump.engines import engine_for
from backup_actions.dump.loading import Loader
from backup_actions.dump.report import DatabaseReport, RestoreReport, not_proven
from backup_actions.dump.stored import StoredDump
from backup_actions.errors import DatabaseUnknown, RestoredDiffers, SettingInvalid, TargetNotEmpty, TargetUnfit
from backup_actions.model.progress import Progress, Silence

_MOST_NAMED = 5
_OTHER_RELEASE = (
    "The server is of another release, {version}, which may word definitions otherwise: of tables the rows are "
    "compared, of everything else whether it is there."
)


def restore(
    store: Store,
    target: Connection,
    *,
    databases: Sequence[str] | None = None,
    tables: Sequence[str] | None = None,
    replace_existing: bool = False,
    accounts: bool = True,
    for_proof: bool = False,
    streams: int = 2,
    progress: Progress | None = None,
) -> RestoreReport:
    """The databases are on the target, and hold what was dumped: rows, checksums and objects have been compared.

    Tables are named as ``schema.table``, or by the table alone where databases have no schemas; they come without
    the rest. A database that the target names is what a single one is called there. Accounts come with whole
    databases, and those that exist stay as they are. ``for_proof`` leaves out what the server is not set up for, and
    says so in the report, where somebody who wants the databases gets an error.
    Raises SettingInvalid where tables alone should replace databases, NotADump, TargetUnfit, DatabaseUnknown,
    ToolMissing, and TargetNotEmpty where a database has something in it, unless it may be replaced, before anything
    is changed; later LoadFailed, ArchiveDamaged and RestoredDiffers: what was loaded until then stays.
    """
    if tables is not None and replace_existing:
        reason = "a whole database would be dropped for some tables; drop it yourself, or load them into another one"
        raise SettingInvalid(name="replace", value=True, reason=reason)
    source, progress = StoredDump.open(store), progress or Silence()
    server_wide = replace(target, database="")
    engine = engine_for(target.family)
    server = engine.server(server_wide)
    _require_fit(source, engine, server, target)
    chosen = _chosen(source, databases)
    only = None if tables is None else _chosen_tables(source, chosen, tables)
    if only is not None:
        chosen = tuple(each for each in chosen if only[each.name])
    into = _targets(chosen, target)
    engine.require_programs(source.description.server, server)
    _require_room(engine, server_wide, into.values(), replace_existing=replace_existing)
    loader = Loader(source, engine, server_wide, streams, progress)
    loaders = {each.name: loader.for_proof() if for_proof else loader for each in chosen}
    of_accounts = loader.for_proof() if for_proof else loader
    if accounts and tables is None:
        of_accounts.accounts()
    same_release = _release(source.description.server) == _release(server)
    notes = (*source.description.notes, *([] if same_release else [_OTHER_RELEASE.format(version=server.version)]))
    for note in notes:
        progress.note(note)
    wanted = {each.name: only[each.name] if only else None for each in chosen}
    for each in chosen:
        if replace_existing and not engine.keeps(into[each.name]):
            engine.drop(server_wide, into[each.name])
        loaders[each.name].engine.create(server_wide, replace(each, name=into[each.name]))
        loaders[each.name].tables(each.name, into[each.name], wanted[each.name])
    for each in chosen:  # a view may look into a database that comes later
        loaders[each.name].rest(each.name, into[each.name], wanted[each.name])
    restored = [
        _compared(loaders[each.name], each, into[each.name], wanted[each.name], same_release=same_release)
        for each in chosen
    ]
    left_out = (*(f"accounts: {said}" for said in of_accounts.not_proven()), *not_proven(restored))
    return RestoreReport(location=store.location, server=server, databases=tuple(restored), notes=(*notes, *left_out))


def _compared(
    loader: Loader, expected: Database, into: str, only: Collection[TableKey] | None, *, same_release: bool
) -> DatabaseReport:
    """What was loaded is what was dumped. Raises RestoredDiffers."""
    found = loader.describe(into, expected)
    provable = loader.provable(expected, found)
    differences = [str(each) for each in compared(provable, found, only, same_release=same_release)]
    if differences:
        named = "; ".join(differences[:_MOST_NAMED])
        more = len(differences) - _MOST_NAMED
        words = f"{named} (and {more} more)" if more > 0 else named
        raise RestoredDiffers(where=loader.source.store.location, differences=words)
    loaded = [table for table in found.tables if only is None or (table.schema, table.name) in only]
    return DatabaseReport(
        name=expected.name,
        into=into,
        tables=len(loaded),
        rows=sum(table.rows for table in loaded),
        objects=len(found.objects),
        not_proven=loader.not_proven(),
    )


def _release(server: Server) -> str:
    """The version without its last number, which stands for corrections."""
    return server.version.rpartition(".")[0] or server.version


def _require_fit(source: StoredDump, engine: Engine, server: Server, target: Connection) -> None:
    dumped = source.description.server
    if dumped.family != server.family:
        raise TargetUnfit(where=target.address, reason=f"it is of {dumped.product}, and this is {server.product}")
    objection = engine.objection(dumped, server)
    if objection:
        raise TargetUnfit(where=target.address, reason=objection)


def _require_room(engine: Engine, target: Connection, names: Iterable[str], *, replace_existing: bool) -> None:
    """Each of these databases is empty, or may be dropped. Raises TargetNotEmpty, TargetUnfit."""
    for name in names:
        if replace_existing and not engine.keeps(name):
            continue
        if not engine.is_empty(target, name):
            if not replace_existing:
                raise TargetNotEmpty(database=name, where=target.address)
            reason = f"its database {name!r}, which would be replaced, is the server's own and not empty"
            raise TargetUnfit(where=target.address, reason=reason)


def _chosen(source: StoredDump, databases: Sequence[str] | None) -> tuple[Database, ...]:
    """The databases to restore from. Raises DatabaseUnknown where one is not there."""
    known = source.description.databases
    for name in databases or ():
        if source.database(name) is None:
            raise _unknown(source, f"database {name!r}", [each.name for each in known])
    return tuple(each for each in known if databases is None or each.name in databases)


def _chosen_tables(
    source: StoredDump, databases: Sequence[Database], wanted: Sequence[str]
) -> dict[str, set[TableKey]]:
    """For each database those of its tables that are called so. Raises DatabaseUnknown where one is in none."""
    keys = {each.name: {(table.schema, table.name) for table in each.tables} for each in databases}
    named = {table_in_words(key) for of_one in keys.values() for key in of_one}
    for name in wanted:
        if name not in named:
            raise _unknown(source, f"table {name!r}", sorted(named))
    return {name: {key for key in of_one if table_in_words(key) in wanted} for name, of_one in keys.items()}


def _unknown(source: StoredDump, what: str, known: Sequence[str]) -> DatabaseUnknown:
    named = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    return DatabaseUnknown(what=what, where=source.store.location, known=named or "nothing")


def _targets(chosen: Sequence[Database], target: Connection) -> dict[str, str]:
    """What each database is called on the target. Raises TargetUnfit where several would get one name."""
    if not target.database:
        return {each.name: each.name for each in chosen}
    if len(chosen) != 1:
        names = ", ".join(each.name for each in chosen)
        raise TargetUnfit(where=target.address, reason=f"it names one database, and these are to be restored: {names}")
    return {chosen[0].name: target.database}
