"""Databases with extensions that a server has to preload: proven as far as can be, restored with one clear error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.dump import torture_postgresql as torture
from tests.dump.preloaded_extensions import JOBS_DATABASE, let_be_made, preload

from backup_actions.archive.folder_store import FolderStore
from backup_actions.dump import DumpReport, dump, restore, verify_dump
from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Database, Section
from backup_actions.dump.postgresql import refusals
from backup_actions.dump.postgresql.engine import PostgreSqlEngine
from backup_actions.dump.verifying import SCRATCH
from backup_actions.errors import LoadFailed
from backup_actions_local.databases import DatabaseImage, PostgreSql
from backup_actions_local.databases.engine import ADMINISTRATOR

ENGINE = PostgreSqlEngine()
SECRET = "told to nobody"
COMPLETE = "--\n-- PostgreSQL database cluster dump complete\n--\n"
JOBS = "SELECT cron.schedule('* * * * *', 'SELECT 1')"
CUSTOMERS = """
CREATE TABLE people (id integer PRIMARY KEY, name text);
INSERT INTO people VALUES (1, 'one'), (2, 'two');
GRANT SELECT ON people TO app;
CREATE INDEX by_name ON people (name);
CREATE FUNCTION later(text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN cron.schedule('@hourly', $1); END $$;
CREATE VIEW jobs_shown AS SELECT * FROM cron.job;
GRANT SELECT ON jobs_shown TO app;
CREATE MATERIALIZED VIEW jobs_counted AS SELECT count(*) FROM cron.job;
CREATE TABLE stated (id integer PRIMARY KEY, state cron.state);
INSERT INTO stated VALUES (1, 'on');
CREATE SEQUENCE of_stated OWNED BY stated.id;
CREATE INDEX by_id ON stated (id);
COMMENT ON INDEX by_id IS 'of what is left out';
CREATE STATISTICS related ON id, state FROM stated;
CREATE TRIGGER watched AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION cron.watch();
GRANT USAGE ON SCHEMA cron TO app;
GRANT SELECT ON cron.job TO app;
GRANT SELECT (status) ON cron.job_run_details TO app;
GRANT EXECUTE ON FUNCTION cron.schedule(text, text) TO app;
ALTER DEFAULT PRIVILEGES IN SCHEMA cron GRANT SELECT ON TABLES TO app;
"""
MASTERS = """
GRANT USAGE ON SCHEMA cron TO {master} WITH GRANT OPTION;
GRANT ALL ON ALL TABLES IN SCHEMA cron TO {master} WITH GRANT OPTION;
GRANT ALL ON ALL SEQUENCES IN SCHEMA cron TO {master};
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cron TO {master} WITH GRANT OPTION;
"""
LEFT_OUT = """
acl SCHEMA cron, acl cron.COLUMN job_run_details.status, acl cron.FUNCTION schedule(text, text), acl cron.TABLE job,
acl public.TABLE jobs_shown, comment public.INDEX by_id, constraint public.stated stated_pkey, default acl
cron.DEFAULT PRIVILEGES FOR TABLES, extension pg_cron, extension pgaudit, extension version pg_cron 1.4 in pg_catalog,
extension version pgaudit 1.6 in public, index public.by_id, materialized view data public.jobs_counted, materialized
view public.jobs_counted, rows of cron.job, rows of cron.job_run_details, rows of public.stated, sequence owned by
public.of_stated, sequence public.of_stated, sequence value public.of_stated, statistics public.related, table
public.stated, trigger public.people watched, view public.jobs_shown
"""


@pytest.fixture(name="server", scope="module")
def _server(postgresql_shop: DatabaseImage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A server of one's own that preloads pg_cron for one database, and its superuser."""
    with torture.programs_first(), postgresql_shop.restored() as server:
        to = torture.connection(server)
        filled(to, to, tmp_path_factory.mktemp("preloaded"))
        preload(to, f"cron.database_name = '{JOBS_DATABASE}'")
        yield to


@pytest.fixture(name="master", scope="module")
def _master(postgresql_shop: DatabaseImage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A server that preloads nothing, as one restored by RDS with default parameters, and its master user."""
    with torture.programs_first(), postgresql_shop.restored() as server:
        to = torture.connection(server)
        torture.run(to, "postgres", f"ALTER ROLE {ADMINISTRATOR} PASSWORD '{SECRET}'")
        filled(to, replace(to, user=ADMINISTRATOR, password=SECRET), tmp_path_factory.mktemp("preloaded"))
        PostgreSql().hand_over(server, ADMINISTRATOR, SECRET)
        PostgreSql().set_password(replace(server, user=ADMINISTRATOR, password=SECRET), server.user, server.password)
        yield to


def filled(to: Connection, by: Connection, folder: Path) -> None:
    """The database of jobs has both extensions, made by this user, and what customers make with them."""
    torture.run(to, "postgres", "CREATE ROLE app")
    let_be_made(to, folder)
    for statement in ("CREATE EXTENSION pg_cron VERSION '1.4'", "CREATE EXTENSION pgaudit", JOBS):
        torture.run(by, JOBS_DATABASE, statement)
    if by != to:
        torture.run(by, JOBS_DATABASE, MASTERS.format(master=to.user))
    torture.run(to, JOBS_DATABASE, CUSTOMERS)


def proven(to: Connection, folder: Path) -> DumpReport:
    """What a proof of a dump of the database of jobs has come to."""
    store = FolderStore(folder)
    dump(to, store, databases=[JOBS_DATABASE])
    return verify_dump(store, to)


def words(sentences: Iterable[str]) -> list[str]:
    return [" ".join(each.split()) for each in sentences]


# ------------------------------------------------------------------------------------------------- what is proven


def test_extensions_that_the_scratch_database_cannot_have_are_told_and_all_else_is_compared(
    server: Connection, tmp_path: Path
) -> None:
    report = proven(server, tmp_path)

    assert [str(each) for each in report.differences] == []
    assert report.ok
    assert words(report.not_proven) == words(
        f"database {JOBS_DATABASE}: {sentence}"
        for sentence in (
            "the extension pg_cron was left out, which the server cannot make there: "
            f"can only create extension in database {JOBS_DATABASE}",
            "the extension pgaudit was left out, which the server cannot make there: "
            "pgaudit must be loaded via shared_preload_libraries",
            f"not proven for that reason: {LEFT_OUT}",
        )
    )
    assert [(each.tables, each.rows) for each in report.databases] == [(1, 2)]


def test_what_rds_restores_with_default_parameters_is_proven_by_its_master(master: Connection, tmp_path: Path) -> None:
    report = proven(master, tmp_path)

    assert [str(each) for each in report.differences] == []
    assert report.ok
    told = " ".join(report.not_proven)
    assert 'unrecognized configuration parameter "cron.database_name"' in told
    assert "the setting pgaudit.log was left out" in told
    assert "people" not in told.replace("trigger public.people watched", "")


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        ("DROP TABLE people", "table public.people: it is not there"),
        ("DELETE FROM people WHERE id = 1", "table public.people: it has 1 rows, not 2"),
        ("DROP FUNCTION later(text)", "function public.later(text): it is not there"),
        ("DROP INDEX by_name", "index public.by_name: it is not there"),
        ("REVOKE SELECT ON people FROM app", "acl public.TABLE people: it is not there"),
        ("CREATE TABLE more (id integer)", "table public.more: it was not there"),
    ],
)
def test_whatever_else_is_lost_is_told_although_extensions_are_left_out(
    server: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str, told: str
) -> None:
    describe = PostgreSqlEngine.describe

    def described(engine: PostgreSqlEngine, to: Connection, database: str, *how: Any) -> Database:
        if database == SCRATCH:
            torture.run(to, database, lost)
        return describe(engine, to, database, *how)

    monkeypatch.setattr(PostgreSqlEngine, "describe", described)

    assert f"{JOBS_DATABASE}: {told}" in [str(each) for each in proven(server, tmp_path).differences]


def test_a_server_that_ends_the_session_of_who_asks_for_an_extension_is_asked_on(
    server: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "_REFUSED", re.compile("terminating connection|can only create extension"))
    torture.run(server, "postgres", "CREATE DATABASE ended")
    try:
        torture.run(server, "ended", "SET ends.sessions = off; CREATE EXTENSION ends_sessions")
        dump(server, FolderStore(tmp_path), databases=["ended"])
        report = verify_dump(FolderStore(tmp_path), server)
    finally:
        ENGINE.drop(server, "ended")

    assert report.ok
    assert "terminating connection" in report.not_proven[0]


def test_an_extension_that_fails_for_another_reason_is_not_left_out(server: Connection, tmp_path: Path) -> None:
    torture.run(server, "postgres", "CREATE DATABASE odd")
    try:
        torture.run(server, "odd", "SET fails.anyway = off; CREATE EXTENSION fails")
        dump(server, FolderStore(tmp_path), databases=["odd"])
        report = verify_dump(FolderStore(tmp_path), server)
    finally:
        ENGINE.drop(server, "odd")

    assert not report.ok
    assert "the extension fails: division by zero" in str(report.differences[0])


# ----------------------------------------------------------------------------------------------- what is restored


def test_somebody_who_wants_the_database_is_told_what_the_server_lacks(server: Connection, tmp_path: Path) -> None:
    dump(server, FolderStore(tmp_path), databases=[JOBS_DATABASE])

    try:
        with pytest.raises(LoadFailed, match=r"cannot make the extension pg_cron here: .* shared_preload_libraries"):
            restore(FolderStore(tmp_path), replace(server, database="copy"))
    finally:
        ENGINE.drop(server, "copy")


def test_a_restore_for_proof_leaves_out_what_the_server_is_not_set_up_for(server: Connection, tmp_path: Path) -> None:
    dump(server, FolderStore(tmp_path), databases=[JOBS_DATABASE])

    try:
        report = restore(FolderStore(tmp_path), replace(server, database="copy"), for_proof=True)
    finally:
        ENGINE.drop(server, "copy")

    assert [(each.tables, each.rows) for each in report.databases] == [(1, 2)]
    assert f"database {JOBS_DATABASE}: the extension pgaudit was left out" in " ".join(report.notes)


def test_roles_are_made_for_proof_without_settings_that_their_server_does_not_know(
    master: Connection, tmp_path: Path
) -> None:
    script = "CREATE ROLE audited;\nALTER ROLE audited SET \"pgaudit.role\" TO 'x';\n" + COMPLETE
    accounts = Section(member="accounts", part="accounts", database="")
    proving = ENGINE.for_proof()
    try:
        with proving.loading(master, accounts, "", None) as writer:
            writer.write(script.encode())
        torture.run(master, "postgres", "DROP ROLE audited")
        with pytest.raises(LoadFailed, match=r"pgaudit\.role"), ENGINE.loading(master, accounts, "", None) as writer:
            writer.write(script.encode())
    finally:
        torture.run(master, "postgres", "DROP ROLE audited")

    assert proving.not_proven() == (
        "the setting pgaudit.role was left out, which the server does not know without its library",
    )


def test_a_server_that_preloads_them_gets_all_of_it(server: Connection, tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    dump(server, store, databases=[JOBS_DATABASE])
    preload(server, "pgaudit.log = 'all'")
    try:
        report = restore(store, server, replace_existing=True)
    finally:
        preload(server, "pgaudit.log TO DEFAULT")

    assert [(each.name, each.tables, each.rows, each.not_proven) for each in report.databases] == [
        (JOBS_DATABASE, 4, 4, ())
    ]


def test_rows_of_an_extension_that_belong_to_rds_are_said_to_be_missing(master: Connection) -> None:
    engine = PostgreSqlEngine()
    said = engine.notes(master, [engine.outline(master, JOBS_DATABASE)])

    assert any(
        "the rows of cron.job, cron.job_run_details belong to RDS and are not in the dump" in each for each in said
    )
