"""Servers as RDS runs them: TLS alone, a master user who is no superuser, and no trace when they are gone."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pymysql
import pytest

from backup_actions_local.databases import ManagedServer, programs, shop
from backup_actions_local.databases.certificates import Authority
from backup_actions_local.databases.engine import PASSWORD, USER
from backup_actions_local.databases.tls_relay import TlsRelay

if TYPE_CHECKING:
    from backup_actions_local.databases import DatabaseImage

NEW = "Only-for-a-test"


@pytest.fixture(name="authority", scope="module")
def _authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(name="other_authority", scope="module")
def _other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("other"))
    authority.certificate()
    return authority


def start(image: DatabaseImage, folder: Path, authority: Authority) -> ManagedServer:
    server = ManagedServer(image, folder, authority)
    server.start()
    return server


@pytest.fixture(name="postgresql", scope="module")
def _postgresql(
    postgresql_shop: DatabaseImage, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ManagedServer]:
    folder = tmp_path_factory.mktemp("servers")
    extended = postgresql_shop.changed(folder / "more.tar", add_what_rds_treats_in_its_way)
    server = start(extended, folder / "postgresql", authority)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(server, authority, password=PASSWORD)
    server.set_password(NEW)
    yield server
    server.remove()


@pytest.fixture(name="mariadb", scope="module")
def _mariadb(
    mariadb_shop: DatabaseImage, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ManagedServer]:
    server = start(mariadb_shop, tmp_path_factory.mktemp("servers") / "mariadb", authority)
    with pytest.raises(pymysql.OperationalError, match="Access denied"):
        query_mariadb(server, "SELECT 1", ssl_ca=str(authority.bundle), password=PASSWORD)
    server.set_password(NEW)
    yield server
    server.remove()


def add_what_rds_treats_in_its_way(engine: Any, server: Any) -> None:
    with engine.connect(server, shop.DATABASE) as connection:
        connection.execute("CREATE ROLE clerk; CREATE EXTENSION citext")
        connection.execute('CREATE UNLOGGED TABLE "Sessions of today" AS SELECT 1 AS id')


def connect(server: ManagedServer, authority: Authority, **more: str) -> psycopg.Connection[Any]:
    asked = {"sslmode": "verify-full", "sslrootcert": str(authority.bundle), "password": NEW, "dbname": shop.DATABASE}
    return psycopg.connect(host="localhost", port=server.port, user=USER, autocommit=True, **asked | more)  # type: ignore[arg-type]


def query_mariadb(server: ManagedServer, query: str, **more: Any) -> Any:
    verified = {"ssl_verify_cert": True, "ssl_verify_identity": True} if "ssl_ca" in more else {}
    asked = {"password": NEW, "database": shop.DATABASE, **verified, **more}
    with closing(pymysql.connect(host="localhost", port=server.port, user=USER, **asked)) as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        return cursor.fetchall()


# ------------------------------------------------------------------------------------------------------------------ TLS


def test_postgresql_is_reached_by_tls_alone(postgresql: ManagedServer, authority: Authority) -> None:
    with connect(postgresql, authority) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (shop.ORDERS,)
        assert connection.pgconn.ssl_in_use
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        connect(postgresql, authority, sslmode="disable", sslrootcert="")


def test_postgresql_is_not_believed_on_the_word_of_another(
    postgresql: ManagedServer, other_authority: Authority
) -> None:
    with pytest.raises(psycopg.OperationalError, match="SSL error"):
        connect(postgresql, other_authority)


def test_mariadb_is_reached_by_tls_alone(
    mariadb: ManagedServer, authority: Authority, other_authority: Authority
) -> None:
    counted = query_mariadb(mariadb, "SELECT count(*) FROM orders", ssl_ca=str(authority.bundle))

    assert counted == ((shop.ORDERS,),)
    with pytest.raises(pymysql.OperationalError, match="Access denied"):
        query_mariadb(mariadb, "SELECT 1", ssl_disabled=True)
    with pytest.raises(pymysql.OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
        query_mariadb(mariadb, "SELECT 1", ssl_ca=str(other_authority.bundle))


def test_the_programs_on_the_path_of_jobs_speak_tls(
    postgresql: ManagedServer, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"localhost:*:*:{USER}:{NEW}\n", encoding="utf-8")
    secret.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(secret))
    where = f"host=localhost port={postgresql.port} user={USER} dbname={shop.DATABASE} sslmode=verify-full"
    before = os.environ["PATH"]

    with programs.on_path(tmp_path / "programs"):
        for command in (
            ["pg_dump", "--schema-only", "-d"],
            ["pg_dumpall", "--globals-only", "--no-role-passwords", "-d"],
        ):
            dumped = subprocess.run(
                [*command, f"{where} sslrootcert={authority.bundle}"], check=True, capture_output=True
            )
            assert dumped.stderr == b""
        assert b"CREATE ROLE clerk" in dumped.stdout
    assert os.environ["PATH"] == before


def test_much_data_passes_the_relay_unchanged(postgresql: ManagedServer, authority: Authority) -> None:
    with connect(postgresql, authority) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE lines (line text)")
        with cursor.copy("COPY lines FROM STDIN") as copy:
            for number in range(200):
                copy.write(f"{number:03}{'x' * 9996}\n".encode() * 10)
        cursor.execute("SELECT count(*), count(DISTINCT line), min(length(line)) FROM lines")
        assert cursor.fetchone() == (2000, 200, 9999)


# ---------------------------------------------------------------------------------------------------------------- users


def test_the_master_of_postgresql_is_no_superuser(postgresql: ManagedServer, authority: Authority) -> None:
    with connect(postgresql, authority) as connection:
        about = "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        assert connection.execute(about).fetchone() == (False, True, True)
        assert connection.execute("SELECT pg_has_role('rds_superuser', 'member')").fetchone() == (True,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM pg_authid")


def test_the_master_of_postgresql_may_grant_the_roles_that_it_has_made(
    postgresql: ManagedServer, authority: Authority
) -> None:
    with connect(postgresql, authority) as connection, connection.transaction(force_rollback=True):
        connection.execute("CREATE ROLE another")
        connection.execute("GRANT clerk TO another")


def test_extensions_and_a_database_are_rdss_own(postgresql: ManagedServer, authority: Authority) -> None:
    with connect(postgresql, authority) as connection:
        owners = connection.execute("SELECT extname, extowner::regrole::text FROM pg_extension ORDER BY 1").fetchall()
        databases = connection.execute("SELECT datname, datdba::regrole::text FROM pg_database ORDER BY 1").fetchall()

    assert owners == [("citext", "rdsadmin"), ("plpgsql", "rdsadmin")]
    assert dict(databases) == {
        "postgres": USER,
        "rdsadmin": "rdsadmin",
        "shop": USER,
        "template0": "rdsadmin",
        "template1": USER,
    }
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        connect(postgresql, authority, dbname="rdsadmin")


def test_unlogged_tables_are_empty_as_after_any_snapshot(postgresql: ManagedServer, authority: Authority) -> None:
    with connect(postgresql, authority) as connection:
        assert connection.execute('SELECT count(*) FROM "Sessions of today"').fetchone() == (0,)


def test_the_master_of_mariadb_has_not_every_privilege(mariadb: ManagedServer, authority: Authority) -> None:
    trusted = {"ssl_ca": str(authority.bundle)}
    ((granted,),) = query_mariadb(mariadb, "SHOW GRANTS", **trusted)

    assert "SELECT" in granted
    assert "SUPER" not in granted
    assert "SET USER" not in granted
    users = query_mariadb(mariadb, "SELECT user FROM mysql.user WHERE user <> 'mariadb.sys' ORDER BY 1", **trusted)
    assert [name for (name,) in users] == [USER, "rdsadmin"]


# ------------------------------------------------------------------------------------------------------- life and death


def test_a_server_that_dies_takes_its_connections_along(
    postgresql_shop: DatabaseImage, authority: Authority, tmp_path: Path
) -> None:
    server = start(postgresql_shop, tmp_path / "server", authority)
    server.set_password(NEW)
    segments = Path("/proc/sysvipc/shm").read_text(encoding="ascii").count("\n")
    with connect(server, authority) as connection:
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    server.set_password("Nobody-is-there")
    server.remove()

    assert list(tmp_path.iterdir()) == []
    assert Path("/proc/sysvipc/shm").read_text(encoding="ascii").count("\n") < segments


def test_no_server_outlives_whoever_has_started_it(postgresql_shop: DatabaseImage, tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from backup_actions_local.databases import DatabaseImage, PostgreSql\n"
        "with DatabaseImage(PostgreSql(), pathlib.Path(sys.argv[1])).restored() as server:\n"
        "    print(server.pid, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    image = tmp_path / "image.tar"
    image.symlink_to(postgresql_shop.path)
    command = [sys.executable, "-c", code, str(image)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        server = os.pidfd_open(int(process.stdout.readline()))
        process.send_signal(signal.SIGKILL)
    select.select([server], [], [])  # it can be read when the process has ended
    os.close(server)


def test_a_relay_whose_server_is_gone_hangs_up(authority: Authority) -> None:
    with (
        TlsRelay(1, authority.certificate()) as relay,
        pytest.raises(psycopg.OperationalError, match="SSL connection has been closed unexpectedly"),
    ):
        psycopg.connect(host="localhost", port=relay.port, user=USER, sslmode="require")


def test_a_path_that_was_changed_meanwhile_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.environ["PATH"]
    monkeypatch.setenv("PATH", f"/somewhere:{before}")

    with programs.on_path(tmp_path / "programs"):
        monkeypatch.setenv("PATH", before)

    assert os.environ["PATH"] == before
