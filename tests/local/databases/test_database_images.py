"""Real databases, frozen and brought back to life."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from backup_actions.errors import EmbeddedServerFailed
from backup_actions_local.databases import DatabaseImage, MariaDb, PostgreSql, shop
from backup_actions_local.databases.engine import Table
from backup_actions_local.loopback import loopback_only


def table(image: DatabaseImage, *path: str) -> Table:
    (found,) = (each for each in image.tables() if each.path == path)
    return found


def test_a_restored_postgresql_answers_on_loopback_alone_and_not_as_root(postgresql_shop: DatabaseImage) -> None:
    with postgresql_shop.restored() as server, PostgreSql().connect(server, shop.DATABASE) as connection:
        rows = connection.execute("SELECT count(*) FROM orders").fetchone()
        assert rows == (shop.ORDERS,)
        assert loopback_only(server.pid) == []
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0

    assert not Path(f"/proc/{server.pid}").exists()
    assert not server.directory.exists()


def test_a_restored_database_can_be_changed_without_changing_the_image(postgresql_shop: DatabaseImage) -> None:
    with postgresql_shop.restored() as server, PostgreSql().connect(server, shop.DATABASE) as connection:
        connection.execute("DROP TABLE orders")

    assert table(postgresql_shop, "shop", "public", "orders").rows.num_rows == shop.ORDERS


def test_postgresql_shows_partitions_odd_names_and_empty_tables_and_no_views(postgresql_shop: DatabaseImage) -> None:
    assert [each.path[1:] for each in postgresql_shop.tables()] == [
        ("audit", "log"),
        ("public", "Order Lines"),
        ("public", "customers"),
        ("public", "empty_for_now"),
        ("public", "events_2025"),
        ("public", "events_2026"),
        ("public", "orders"),
    ]


def test_postgresql_values_keep_every_digit(postgresql_shop: DatabaseImage) -> None:
    (row,) = table(postgresql_shop, "shop", "audit", "log").rows.to_pylist()

    assert row == {"id": 9223372036854775807, "amount": "1234567890123456789012345678.0123456789"}


def test_mariadb_values_keep_every_digit(mariadb_shop: DatabaseImage) -> None:
    first, second = sorted(table(mariadb_shop, "shop", "customers").rows.to_pylist(), key=lambda row: row["id"])

    assert (first["name"], second["name"]) == ("Zoë O'Brien", "ünïcödé 🐘")
    assert (first["big"], second["id"]) == (Decimal(2**64 - 1), 2**32 - 1)
    assert first["seen"] == datetime(2026, 1, 1, 12, 0, 0, 1)  # noqa: DTZ001 - MariaDB's type knows no zone
    assert (first["photo"], first["lunch"], first["born"]) == (b"\x00\xff\x10", "12:30:00", "1990-02-28")


def test_mariadb_finds_its_own_tables_undamaged_in_a_restored_image(mariadb_shop: DatabaseImage) -> None:
    with mariadb_shop.restored() as server, MariaDb().connect(server) as connection, connection.cursor() as cursor:
        cursor.execute("CHECK TABLE mysql.proc, mysql.event, mysql.global_priv")
        assert {said for *_, said in cursor.fetchall()} == {"OK"}


def test_tables_whose_rows_no_crash_survives_are_told_apart(postgresql_shop: DatabaseImage, tmp_path: Path) -> None:
    more = postgresql_shop.changed(tmp_path / "more.tar", shop.add_what_is_skipped)

    assert [each.path[2] for each in more.tables() if not each.durable] == ["sessions"]


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    broken = DatabaseImage(PostgreSql(), tmp_path / "broken.tar")
    broken.path.write_bytes(b"\0" * 10240)  # an empty tar

    with pytest.raises(EmbeddedServerFailed, match="configuration file"), broken.restored():
        pass

    assert list(tmp_path.glob("database-*")) == []
