"""``restore``: a dump, or a part of it, into a database server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.cli.databases import connection_to
from backup_actions.cli.locations import PLACE_ERRORS, store_at
from backup_actions.errors import (
    ArchiveDamaged,
    ArchiveMissing,
    DatabaseUnknown,
    DatabaseUnreachable,
    DatabaseUrlInvalid,
    DumpFailed,
    LoadFailed,
    ManifestUnreadable,
    NotADump,
    RestoredDiffers,
    SettingInvalid,
    TargetNotEmpty,
    TargetUnfit,
    ToolMissing,
    UnsafePath,
)

if TYPE_CHECKING:
    from backup_actions.cli.output import Output
    from backup_actions.dump import RestoreReport


@command(
    "restore",
    examples=(
        "backup-actions restore s3://archives/shop/2026-10-01 --to postgresql://admin@db.example.com",
        "backup-actions restore dumps/shop --database shop --to 'postgresql://me@db/copy?sslrootcert=ca.pem'",
        "backup-actions restore dumps/shop --to mysql://admin@127.0.0.1:3307/copy --table orders --table customers",
    ),
    fails_with=(
        *PLACE_ERRORS,
        DatabaseUrlInvalid,
        NotADump,
        SettingInvalid,
        TargetNotEmpty,
        TargetUnfit,
        DatabaseUnknown,
        DatabaseUnreachable,
        ArchiveMissing,
        ManifestUnreadable,
        UnsafePath,
        ArchiveDamaged,
        RestoredDiffers,
        LoadFailed,
        DumpFailed,
        ToolMissing,
    ),
)
@click.argument("location")
@click.option(
    "--to",
    "url",
    metavar="URL",
    required=True,
    help="The server: postgresql://user@host:port or mysql://user@host:port. With /NAME, a single database gets that "
    "name there. With ?sslrootcert=FILE, TLS is demanded and the server's certificate checked.",
)
@click.option("--database", "databases", metavar="NAME", multiple=True, help="Only this database; may be repeated.")
@click.option(
    "--table",
    "tables",
    metavar="TABLE",
    multiple=True,
    help="Only this table, as `list` shows it behind the /: schema.table, or table of MySQL; may be repeated.",
)
@click.option(
    "--replace",
    is_flag=True,
    help="Drop databases of the same names first, with all that is in them. Not together with --table.",
)
@click.option("--without-accounts", is_flag=True, help="Leave roles or users and their grants out.")
@click.option(
    "--streams",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="How many sections of rows are loaded at the same time; each takes about 100 MiB of memory.",
)
def restore(
    output: Output,
    location: str,
    *,
    url: str,
    databases: tuple[str, ...],
    tables: tuple[str, ...],
    replace: bool,
    without_accounts: bool,
    streams: int,
) -> None:
    """Load a dump into a database server, and compare the two.

    Every database of the dump at LOCATION is created and filled by the database's own programs, then its rows,
    checksums and definitions are compared with what was dumped. A database that has something in it is refused
    before anything is changed.

    The password is taken from the URL, from PGPASSWORD or MYSQL_PWD, or asked for. Accounts that exist stay as
    they are; those that are made have no password.
    """
    from backup_actions.dump import restore as load

    store, target = store_at(location), connection_to(url)
    with output.progress() as progress:
        report = load(
            store,
            target,
            databases=databases or None,
            tables=tables or None,
            replace_existing=replace,
            accounts=not without_accounts,
            streams=streams,
            progress=progress,
        )
    if output.as_json:
        output.answer(report.to_json())
    else:
        _summarize(output, report)


def _summarize(output: Output, report: RestoreReport) -> None:
    for each in report.databases:
        name = each.name if each.name == each.into else f"{each.name} as {each.into}"
        output.data(
            f"{name}: {each.tables} tables, {each.rows} rows, {each.objects} other objects, as they were dumped"
        )
