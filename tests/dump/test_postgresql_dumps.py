"""Dumps of PostgreSQL by who may not do everything, over TLS, in several streams, of other character sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from tests.dump import torture_postgresql as torture

from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Database, Section
from backup_actions.dump.postgresql import databases as postgresql_databases
from backup_actions.dump.postgresql.engine import PostgreSqlEngine
from backup_actions.dump.postgresql.session import session
from backup_actions.errors import DatabaseUnreachable, DumpFailed, LoadFailed
from backup_actions_local.databases import programs
from backup_actions_local.databases.certificates import Authority
from backup_actions_local.databases.tls_relay import TlsRelay

ENGINE = PostgreSqlEngine()
MILLION = 1_000_000
NUMBERED = "SELECT n, 'label ' || n FROM generate_series(1, %s) n"
SCRIPT = """
--
-- PostgreSQL database cluster dump
--
\\restrict abc
SET default_transaction_read_only = off;
CREATE ROLE "new; role";
ALTER ROLE "new; role" WITH NOSUPERUSER INHERIT CREATEDB LOGIN NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 3;
COMMENT ON ROLE "new; role" IS 'it''s; new';
CREATE ROLE reader;
ALTER ROLE reader WITH NOSUPERUSER INHERIT NOLOGIN NOREPLICATION NOBYPASSRLS;
CREATE ROLE rdsadmin;
ALTER ROLE rdsadmin WITH SUPERUSER;
ALTER ROLE "new; role" SET work_mem TO '9MB';
GRANT "no login" TO "new; role" WITH ADMIN OPTION, INHERIT TRUE GRANTED BY rdsadmin;
GRANT rds_nowhere TO "new; role" GRANTED BY rdsadmin;
\\! touch {forbidden}
\\unrestrict abc
--
-- PostgreSQL database cluster dump complete
--
"""


@pytest.fixture(name="server", scope="module")
def _server(postgresql_torture: Connection) -> Iterator[Connection]:
    with torture.programs_first():
        yield postgresql_torture


@pytest.fixture(name="spare")
def _spare(server: Connection) -> Iterator[str]:
    yield "spare"
    ENGINE.drop(server, "spare")


def described(server: Connection, database: str) -> Database:
    return ENGINE.describe(server, database, lambda _: None)


def dumped(server: Connection, section: Section) -> tuple[Section, bytes]:
    with ENGINE.dumped(server, section) as output:
        return section, output.read()


def load(server: Connection, section: Section, content: bytes, database: str) -> None:
    with ENGINE.loading(server, section, database, None) as writer:
        writer.write(content)


def copied(server: Connection, whole: Database, name: str, streams: int = 2) -> Database:
    """A copy of the database by way of its dump, described."""
    sections = ENGINE.sections(ENGINE.server(server), [whole], streams)
    ENGINE.create(server, replace(whole, name=name))
    with ThreadPoolExecutor(streams) as pool:
        contents = list(pool.map(lambda section: dumped(server, section), sections))
        for part in ("before", "data", "after"):
            chosen = [each for each in contents if each[0].part == part]
            list(pool.map(lambda each: load(server, each[0], each[1], name), chosen))
    return described(server, name)


def content(database: Database) -> Sequence[object]:
    return [
        *((each.schema, each.name, each.rows, each.checksum) for each in database.tables),
        *database.objects,
        database.character_set,
        database.collation,
    ]


# ---------------------------------------------------------------------------------------- who is no superuser


def test_who_is_no_superuser_dumps_and_loads_what_others_own(server: Connection, spare: str) -> None:
    master = torture.like_rds(server)
    seen_by_superuser = described(server, torture.RDS_DATABASE)

    whole = described(master, torture.RDS_DATABASE)
    copy = copied(master, whole, spare)

    assert content(whole) == content(seen_by_superuser) == content(copy)
    assert [(each.name, each.rows) for each in whole.tables] == [
        ("pg_largeobject", 1),
        ("readers", 0),
        ("folded", 0),
        ("lines", 3),
        ("orders", 2),
    ]


def test_the_servers_own_databases_and_roles_are_not_the_customers(server: Connection) -> None:
    master = torture.like_rds(server)

    assert ENGINE.databases(master) == tuple(sorted(torture.DATABASES))
    assert not {name for name in ENGINE.accounts(master) if name.startswith(("rds", "pg_"))}


def test_the_database_for_maintenance_is_a_customers_as_soon_as_something_is_in_it(server: Connection) -> None:
    torture.run(server, "postgres", "CREATE TABLE put_here (a integer)")
    try:
        assert "postgres" in ENGINE.databases(server)
    finally:
        torture.run(server, "postgres", "DROP TABLE put_here")

    assert "postgres" not in ENGINE.databases(server)


def test_rows_that_a_policy_hides_even_from_their_owner_fail_the_dump_and_are_not_lost(
    server: Connection, spare: str
) -> None:
    torture.run(server, "postgres", f'CREATE DATABASE {spare} OWNER "no login"')
    torture.run(server, spare, "CREATE TABLE a (a integer); INSERT INTO a VALUES (1)")
    torture.run(server, spare, "ALTER TABLE a OWNER TO reader; ALTER TABLE a ENABLE ROW LEVEL SECURITY")
    torture.run(server, spare, "ALTER TABLE a FORCE ROW LEVEL SECURITY")
    section = ENGINE.sections(ENGINE.server(server), [described(server, spare)], 1)[2]

    with pytest.raises(DumpFailed, match=r"row-level security .* NO FORCE ROW LEVEL SECURITY"):
        described(torture.like_rds(server), spare)
    with pytest.raises(DumpFailed, match=r"row-level security .* NO FORCE ROW LEVEL SECURITY"):
        dumped(torture.like_rds(server), section)


# ---------------------------------------------------------------------------------------------------- accounts


def test_accounts_that_are_missing_are_made_and_those_that_exist_stay(server: Connection, tmp_path: Path) -> None:
    accounts = Section(member="accounts", part="accounts", database="")
    script = SCRIPT.format(forbidden=tmp_path / "made").encode()

    load(torture.like_rds(server), accounts, script, "")
    load(torture.like_rds(server), accounts, script, "")

    try:
        asked = (
            "SELECT rolcanlogin, rolcreatedb, rolconnlimit, rolconfig, shobj_description(oid, 'pg_authid'),"
            " pg_has_role(oid, 'no login', 'MEMBER WITH ADMIN OPTION') FROM pg_roles WHERE rolname = 'new; role'"
        )
        assert torture.run(server, "postgres", asked) == [(True, True, 3, ["work_mem=9MB"], "it's; new", True)]
        assert torture.run(server, "postgres", "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'reader'") == [(True,)]
        assert list(tmp_path.iterdir()) == []
    finally:
        torture.run(server, "postgres", 'DROP ROLE "new; role"')


def test_accounts_are_dumped_without_passwords(server: Connection) -> None:
    _, script = dumped(server, Section(member="accounts", part="accounts", database=""))

    assert b"CREATE ROLE reader" in script
    assert b"PASSWORD" not in script
    assert b"SCRAM" not in script


# -------------------------------------------------------------------------------------------- streams and sizes


def test_a_million_rows_and_more_are_dumped_and_loaded_in_streams(server: Connection, spare: str) -> None:
    torture.run(server, "postgres", "CREATE DATABASE large")
    try:
        for name, rows in (("million", MILLION), ("third", MILLION // 3)):
            torture.run(server, "large", f"CREATE UNLOGGED TABLE {name} (id, label) AS {NUMBERED % rows}")
        whole = described(server, "large")
        copy = copied(server, whole, spare)

        parts = [s for s in ENGINE.sections(ENGINE.server(server), [whole], 2) if s.part == "data"]
        assert [section.tables for section in parts] == [(("public", "million"),), (("public", "third"),)]
        assert content(copy) == content(whole)
        assert [each.rows for each in copy.tables] == [MILLION, MILLION // 3]
    finally:
        ENGINE.drop(server, "large")


def test_a_database_of_another_character_set_is_copied_in_it(server: Connection, spare: str) -> None:
    whole = described(server, torture.OTHER_DATABASE)
    copy = copied(server, whole, spare)

    assert (whole.character_set, whole.collation) == ("LATIN1", "C")
    assert content(copy) == content(whole)
    assert [each.name for each in whole.tables] == ["straße"]


# --------------------------------------------------------------------------------------------------------- TLS


@pytest.fixture(name="authority")
def _authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture(name="secured")
def _secured(server: Connection, authority: Authority, tmp_path: Path) -> Iterator[Connection]:
    certificate = authority.certificate()
    with TlsRelay(server.port, certificate) as relay, programs.on_path(tmp_path / "programs"):
        yield replace(server, host="localhost", port=relay.port, ca_file=certificate.authority)


def test_a_dump_over_tls_is_the_same(secured: Connection, server: Connection, spare: str) -> None:
    whole = described(secured, torture.OTHER_DATABASE)

    assert content(copied(secured, whole, spare)) == content(whole)


def test_a_server_that_another_authority_vouches_for_is_not_spoken_to(secured: Connection, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other").certificate().authority
    accounts = Section(member="accounts", part="accounts", database="")

    with pytest.raises(DatabaseUnreachable, match="SSL error"):
        ENGINE.server(replace(secured, ca_file=other))
    with pytest.raises(DatabaseUnreachable, match="SSL error"):
        dumped(replace(secured, ca_file=other), accounts)


def test_a_server_without_tls_is_not_spoken_to_where_certificates_are_given(
    server: Connection, authority: Authority
) -> None:
    with pytest.raises(DatabaseUnreachable, match="SSL"):
        ENGINE.server(replace(server, ca_file=authority.certificate().authority))


# -------------------------------------------------------------------------------------------------- databases


@pytest.mark.parametrize("forces_from", [postgresql_databases._FORCES_FROM, 10**9], ids=["forced", "as before 13"])
def test_whoever_is_connected_does_not_keep_a_database(
    server: Connection, forces_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_databases, "_FORCES_FROM", forces_from)
    torture.run(server, "postgres", "CREATE DATABASE busy IS_TEMPLATE true")

    with torture.connected(server, "busy") as busy:
        ENGINE.drop(server, "busy")

        with pytest.raises(psycopg.OperationalError):
            busy.execute("SELECT 1")


def test_an_empty_database_of_another_collation_is_made_anew(server: Connection, spare: str) -> None:
    torture.run(server, "postgres", f"CREATE DATABASE {spare}")
    whole = described(server, torture.OTHER_DATABASE)

    ENGINE.create(server, replace(whole, name=spare))

    copy = described(server, spare)
    assert (copy.character_set, copy.collation) == (whole.character_set, whole.collation)


def test_collations_of_all_providers_are_told_and_made(server: Connection, spare: str) -> None:
    torture.run(
        server,
        "postgres",
        f"CREATE DATABASE {spare} TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'",
    )
    whole = described(server, spare)

    ENGINE.drop(server, spare)
    ENGINE.create(server, whole)

    assert whole.collation == "C?provider=builtin&locale=C.UTF-8"
    assert described(server, spare).collation == whole.collation


def test_a_collation_that_the_server_does_not_have_is_named(server: Connection, spare: str) -> None:
    whole = described(server, torture.OTHER_DATABASE)

    with pytest.raises(LoadFailed, match="no_WHERE"):
        ENGINE.create(server, replace(whole, name=spare, collation="no_WHERE"))


def test_the_scratch_copy_of_a_subscriber_does_not_subscribe_and_can_be_dropped(server: Connection, spare: str) -> None:
    torture.run(server, "postgres", f"CREATE DATABASE {spare}")
    torture.run(
        server,
        spare,
        "CREATE SUBSCRIPTION s CONNECTION 'host=nowhere.invalid' PUBLICATION p WITH (connect = false, slot_name = 'x')",
    )

    ENGINE.drop(server, spare)

    with session(server, "postgres", lambda said: LoadFailed(what="", reason=said)) as asking:
        assert asking.execute("SELECT count(*) FROM pg_subscription").fetchone() == (0,)
