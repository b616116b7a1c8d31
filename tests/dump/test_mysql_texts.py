"""What is read in, and changed in, the SQL of MySQL and MariaDB, without a server."""

from __future__ import annotations

import io

import pytest

from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Database, Section, Server, Table
from backup_actions.dump.mysql import accounts as mysql_accounts
from backup_actions.dump.mysql.engine import MySqlEngine
from backup_actions.dump.mysql.loading import _Feed, inspecting
from backup_actions.dump.mysql.programs import _option_file
from backup_actions.dump.mysql.scripts import Rows, Statements, Target
from backup_actions.dump.mysql.sections import sections
from backup_actions.dump.mysql.stored import StoredProgram, script
from backup_actions.dump.mysql.text import (
    asleep,
    awake,
    is_closed,
    mentioned,
    moved,
    moved_trigger,
    quoted,
    unquoted,
    without_definer,
    words,
)
from backup_actions.errors import LoadFailed


@pytest.mark.parametrize("name", ["plain", "back`tick", "``", "new\nline", 'double"quote', "größe 🐘"])
def test_a_name_survives_being_quoted(name: str) -> None:
    assert unquoted(quoted(name)) == name


@pytest.mark.parametrize(
    ("definition", "there"),
    [
        ("select `shop`.`t`.`a` AS `a` from `shop`.`t`", "select `new`.`t`.`a` AS `a` from `new`.`t`"),
        ("select `t`.`a` AS `a` from `t`", "select `t`.`a` AS `a` from `t`"),
        ("select '`shop`.`t`' AS `x` from `shop`.`t`", "select '`shop`.`t`' AS `x` from `new`.`t`"),
        ("select 'it\\'s `shop`.`t`' AS `x`", "select 'it\\'s `shop`.`t`' AS `x`"),
        ("`id` int DEFAULT nextval(`shop`.`seq`)", "`id` int DEFAULT nextval(`new`.`seq`)"),
        ("from (`shop`.`a` join `other`.`shop` on 1)", "from (`new`.`a` join `other`.`shop` on 1)"),
    ],
)
def test_what_a_server_has_named_is_found_in_another_database(definition: str, there: str) -> None:
    assert moved(definition, "shop", "new") == there


def test_a_column_of_a_table_that_is_called_like_its_database_stays() -> None:
    definition = (
        "select `shop`.`id` AS `id`,`shop`.`shop`.`x` AS `x`,`shop`.`f`(1) AS `y` from (`shop`.`shop` join `u`)"
    )

    assert (
        moved(definition, "shop", "")
        == "select `shop`.`id` AS `id`,`shop`.`x` AS `x`,`f`(1) AS `y` from (`shop` join `u`)"
    )


@pytest.mark.parametrize(
    ("definition", "there"),
    [
        ("CREATE TRIGGER shop.x BEFORE INSERT ON shop.t FOR EACH ROW SET @a = shop.f()",
         "CREATE TRIGGER `new`.x BEFORE INSERT ON `new`.t FOR EACH ROW SET @a = shop.f()"),
        ("create trigger if not exists `shop` . `x` after update\non `t` for each row begin end",
         "create trigger if not exists `new`.`x` after update\non `t` for each row begin end"),
        ('CREATE DEFINER="a"@"%" TRIGGER x BEFORE DELETE ON "shop"."t" FOR EACH ROW BEGIN END',
         'CREATE DEFINER="a"@"%" TRIGGER x BEFORE DELETE ON `new`."t" FOR EACH ROW BEGIN END'),
        ("CREATE TRIGGER other.x BEFORE INSERT ON other.t FOR EACH ROW SET @a = 'TRIGGER shop.x'",
         "CREATE TRIGGER other.x BEFORE INSERT ON other.t FOR EACH ROW SET @a = 'TRIGGER shop.x'"),
    ],
)  # fmt: skip
def test_the_database_is_exchanged_in_the_head_of_a_trigger_alone(definition: str, there: str) -> None:
    assert moved_trigger(definition, "shop", "new") == there


@pytest.mark.parametrize(
    "schedule", ["AT '2030-01-01 00:00:00'", "EVERY '1:30' HOUR_MINUTE STARTS '2026-01-01 00:00:00'"]
)
def test_an_event_that_sleeps_is_known_as_one_that_is_on(schedule: str) -> None:
    event = (
        f"CREATE EVENT `e ON COMPLETION PRESERVE ENABLE` ON SCHEDULE {schedule} "
        "ON COMPLETION NOT PRESERVE ENABLE COMMENT 'ENABLE' DO SELECT 1"
    )

    assert asleep(event) == event.replace("NOT PRESERVE ENABLE", "NOT PRESERVE DISABLE ON SLAVE")
    assert awake(asleep(event)) == event


def test_an_event_that_is_off_stays_so() -> None:
    event = "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE DISABLE DO SELECT 'PRESERVE ENABLE'"

    assert asleep(event) == awake(event) == event


@pytest.mark.parametrize(
    ("definition", "left"),
    [
        ("CREATE DEFINER=`a`@`%` FUNCTION `f`() RETURNS int RETURN 1", "CREATE FUNCTION `f`() RETURNS int RETURN 1"),
        ("CREATE ALGORITHM=MERGE DEFINER=`a``b`@`%` SQL SECURITY INVOKER VIEW `v` AS select 1",
         "CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW `v` AS select 1"),
        ("/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`a`@`%` SQL SECURITY DEFINER */\n/*!50001 VIEW",
         "/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 SQL SECURITY DEFINER */\n/*!50001 VIEW"),
        ("CREATE DEFINER=`role` PROCEDURE p() SELECT 'CREATE DEFINER=`x`@`y`'",
         "CREATE PROCEDURE p() SELECT 'CREATE DEFINER=`x`@`y`'"),
    ],
)  # fmt: skip
def test_a_definer_is_taken_out_of_the_head_alone(definition: str, left: str) -> None:
    assert without_definer(definition) == left


def test_names_are_found_in_a_definition_and_not_in_its_strings() -> None:
    assert mentioned("select `a`.`b` AS `c`,'`d`' AS \"`e`\" from `x``y`") == {"a", "b", "c", "x`y"}


@pytest.mark.parametrize(("text", "closed"), [(b"a 'b\\'' `c``d` \"e\"", True), (b"a 'b;\n", False), (b"`a\n", False)])
def test_it_is_known_whether_a_string_goes_on(text: bytes, closed: bool) -> None:
    assert is_closed(text) == closed


def test_rows_of_other_tables_are_left_out_whatever_these_are_called() -> None:
    rows = Rows(wanted=frozenset({"a\nb"}))
    lines = [
        b"SET x;\n", b"-- Dumping data for table `t`\n", b"--\n", b"INSERT INTO `t` VALUES\n", b"(1);\n",
        b"-- Dumping data for table `a\n", b"-- b`\n", b"--\n", b"INSERT INTO `a\n", b"b` VALUES (2);\n",
        b"-- Dumping data for table `u`\n", b"--\n", b"(3);\n",
        b"/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;\n", b"end\n",
    ]  # fmt: skip

    passed = b"".join(map(rows.line, lines))

    assert rows.seen == {"t", "a\nb", "u"}
    assert b"(2)" in passed
    assert passed.endswith(b"end\n")
    assert b"(1)" not in passed
    assert b"(3)" not in passed


def test_what_a_person_wrote_in_a_program_stays_as_it_was() -> None:
    body = b"CREATE DEFINER=`a`@`%` PROCEDURE `p`()\nBEGIN\n  -- it's `shop`.`t`\n  SELECT 1 FROM `shop`.`t`;\nEND"
    program = StoredProgram(body, "", "latin1", "latin1_swedish_ci", "latin1_swedish_ci")
    target = Target(moved=("shop", "new"), keeps_definers=True, tables=None, takes_account=lambda _: True)
    statements = Statements(target)

    passed = b"".join(
        statements.line(line) for line in script([program], "latin1_swedish_ci").splitlines(keepends=True)
    )

    assert body in passed


@pytest.mark.parametrize(("body", "sign"), [(b"SELECT 1", b";;"), (b"SELECT ';;'", b";;;"), (b"SELECT ';;;'", b";;;;")])
def test_a_program_ends_with_what_is_not_in_it(body: bytes, sign: bytes) -> None:
    made = script([StoredProgram(body, "", "utf8mb4", "utf8mb4_bin", "utf8mb4_bin")], "utf8mb4_bin")

    assert made.endswith(b"DELIMITER " + sign + b"\n" + body + b"\n" + sign + b"\nDELIMITER ;\n")


def test_a_program_of_another_collation_is_made_under_it() -> None:
    made = script([StoredProgram(b"X", "", "utf8mb4", "utf8mb4_bin", "latin1_bin")], "utf8mb4_bin")

    assert made.startswith(b"ALTER DATABASE COLLATE latin1_bin;\n")
    assert made.endswith(b"ALTER DATABASE COLLATE utf8mb4_bin;\n")


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        # As MySQL 8 tells it; the text of the hash may hold anything.
        ("CREATE USER `a`@`%` IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$x\\'REQUIRE SSL' REQUIRE X509 "
         "PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK PASSWORD HISTORY DEFAULT PASSWORD REQUIRE CURRENT DEFAULT",
         " REQUIRE X509 ACCOUNT LOCK"),
        ("CREATE USER `a`@`%` IDENTIFIED BY PASSWORD '*0123' REQUIRE SUBJECT '/CN=a' ISSUER '/CN=b' WITH "
         "MAX_QUERIES_PER_HOUR 7 MAX_USER_CONNECTIONS 2 PASSWORD EXPIRE NEVER",
         " REQUIRE SUBJECT '/CN=a' ISSUER '/CN=b' WITH MAX_QUERIES_PER_HOUR 7 MAX_USER_CONNECTIONS 2 "
         "PASSWORD EXPIRE NEVER ACCOUNT LOCK"),
        ("CREATE USER `a`@`%` IDENTIFIED VIA ed25519 USING 'secret' OR unix_socket", " ACCOUNT LOCK"),
    ],
)  # fmt: skip
def test_of_an_account_is_kept_what_is_no_secret(told: str, kept: str) -> None:
    assert mysql_accounts._kept_clauses(list(words(told))) == kept


@pytest.mark.parametrize(
    ("grant", "database"),
    [
        ("GRANT SELECT, UPDATE (`ON`) ON `shop`.`t` TO `a`@`%`", "shop"),
        ("GRANT EXECUTE ON PROCEDURE `shop`.`p` TO `a`@`%`", "shop"),
        ("GRANT SELECT ON `sh``op`.* TO `a`@`%`", ""),
        ("GRANT ALL PRIVILEGES ON *.* TO `a`@`%` WITH GRANT OPTION", ""),
        ("GRANT `role` TO `a`@`%`", ""),
    ],
)
def test_grants_on_single_objects_are_told_from_others(grant: str, database: str) -> None:
    assert mysql_accounts._object(grant) == database


def test_the_file_with_the_password_holds_it_in_one_line() -> None:
    connection = Connection(family="mysql", host="h", port=1, user="u", password='a"b\\c\nd#e')

    assert 'password="a\\"b\\\\c\\nd#e"\n' in _option_file(connection, "/bin/true")


@pytest.mark.parametrize("streams", [1, 4])
def test_large_tables_are_dumped_apart_and_small_ones_together(streams: int) -> None:
    sizes = {"huge": 10 << 30, "big": 5 << 30, **{f"small{number}": 1 << 20 for number in range(1200)}}
    tables = tuple(Table(schema="", name=name, rows=1, checksum="", size_bytes=size) for name, size in sizes.items())
    database = Database(
        name="d", character_set="utf8mb4", collation="utf8mb4_bin", size_bytes=0, tables=tables, objects=()
    )

    data = [section for section in sections([database], streams) if section.part == "data"]

    assert [section.tables for section in data[:2]] == [(("", "huge"),), (("", "big"),)]
    assert [len(section.tables) for section in data[2:]] == [500, 500, 200]


def test_another_product_should_not_be_given_a_dump() -> None:
    mariadb, mysql = (Server(family="mysql", product=name, version="10.11.19") for name in ("mariadb", "mysql"))

    assert "mysql" in MySqlEngine().objection(mariadb, mysql)


def test_mysql_may_be_given_a_dump_of_aurora() -> None:
    aurora, mysql = (Server(family="mysql", product=name, version="8.0.39") for name in ("aurora-mysql", "mysql"))

    assert MySqlEngine().objection(aurora, mysql) == MySqlEngine().objection(mysql, aurora) == ""


def test_an_end_that_comes_in_pieces_is_an_end() -> None:
    section = Section(member="x", part="after", database="d")

    with inspecting(section) as pipe:
        for byte in b"SET x;\n-- End of x\n":
            pipe.write(bytes((byte,)))
    with pytest.raises(LoadFailed, match="its end is missing"), inspecting(section) as pipe:
        pipe.write(io.BytesIO(b"SET x;\n-- End of y\n").read())


def test_a_row_that_is_longer_than_memory_is_passed_in_pieces() -> None:
    written: list[bytes] = []
    section = Section(member="x", part="data", database="d", tables=(("", "t"), ("", "u")))
    rows = Rows(wanted=frozenset({"t"}))
    feed = _Feed(
        section, lambda data: written.append(bytes(data)), rows, lambda said: LoadFailed(what="x", reason=said)
    )
    piece = b"x" * (256 << 10)

    for table in (b"t", b"u"):
        feed.write(b"-- Dumping data for table `" + table + b"`\n--\nINSERT INTO `" + table + b"` VALUES ('")
        for _ in range(16):
            feed.write(piece)
        feed.write(b"');\n")
    feed.write(b"/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;\n-- End of x\n")
    feed.finish()

    assert rows.seen == {"t", "u"}
    assert max(map(len, written)) <= 2 << 20
    assert b"".join(written).count(b"x") == 16 * len(piece) + 1
    assert b"VALUES ('x" in b"".join(written)
    assert b"INSERT INTO `u`" not in b"".join(written)
