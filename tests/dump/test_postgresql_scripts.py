"""SQL of PostgreSQL's programs taken apart, and which of it is loaded."""

from __future__ import annotations

import pytest

from backup_actions.dump.description import Database, Section, Server, Table
from backup_actions.dump.postgresql.contents import Entry, completion_for, definitions_for, entries, lacking, to_load
from backup_actions.dump.postgresql.engine import PostgreSqlEngine
from backup_actions.dump.postgresql.script import about_database, of_database, statements
from backup_actions.dump.postgresql.sections import is_rest, sections

GIB, MIB = 1 << 30, 1 << 20
LIST = """;
; Archive created at 2026-11-22 03:28:53 UTC
;     dbname: a
;
2706; 1262 16384 DATABASE - a admin
6; 2615 16430 SCHEMA - sales admin
2; 3079 16425 EXTENSION - hstore\x20
2711; 0 0 COMMENT - EXTENSION hstore\x20
;	depends on: 2
861; 1247 16386 TYPE sales state admin
;	depends on: 6
862; 1247 16387 TYPE sales unused admin
;	depends on: 6
220; 1259 16391 TABLE sales customers Role with spaces
;	depends on: 861 6
221; 1259 16392 TABLE sales orders admin
;	depends on: 220 6
222; 1259 16393 VIEW sales open admin
;	depends on: 221 221
223; 1255 16394 FUNCTION sales of_orders(sales.orders) admin
;	depends on: 221
224; 1259 16395 SEQUENCE sales customers_id_seq admin
;	depends on: 220
225; 0 0 SEQUENCE OWNED BY sales customers_id_seq admin
;	depends on: 224
226; 2604 16396 DEFAULT sales customers id admin
;	depends on: 224 220
227; 0 0 ACL sales TABLE orders admin
;	depends on: 221
228; 1259 16399 TABLE rds secrets rdsadmin
"""


def kept(found: tuple[Entry, ...]) -> list[int]:
    return [entry.number for entry in found]


def test_a_semicolon_in_quotes_ends_nothing() -> None:
    script = """SELECT 'a;''b'; CREATE ROLE "x;""y"; DO $x$ ; $$ ; $x$; -- a comment; with one\nSELECT E'\\\\''; ';"""

    assert list(statements(script)) == [
        "SELECT 'a;''b'", 'CREATE ROLE "x;""y"', "DO $x$ ; $$ ; $x$", "SELECT E'\\\\''; '",
    ]  # fmt: skip


def test_what_only_psql_understands_is_left_out() -> None:
    assert list(statements("\\restrict x\n\\! rm -rf /\nSELECT 1;\n\\connect 'a;b'\nSELECT '\n\\! kept';")) == [
        "SELECT 1",
        "SELECT '\n\\! kept'",
    ]


@pytest.mark.parametrize("script", ["SELECT 1", "SELECT 'open;", 'CREATE ROLE "open;', "SELECT $$ ;"])
def test_a_script_that_lacks_its_end_is_refused(script: str) -> None:
    with pytest.raises(ValueError, match="in the middle of"):
        list(statements(script))


def test_a_statement_about_a_database_is_one_about_another() -> None:
    renamed = {
        "ALTER DATABASE a SET x TO 'DATABASE a'": "ALTER DATABASE b SET x TO 'DATABASE a'",
        'ALTER ROLE "DATABASE a" IN DATABASE "A ""q""" SET x TO 1': 'ALTER ROLE "DATABASE a" IN DATABASE b SET x TO 1',
        "COMMENT ON DATABASE a IS 'a'": "COMMENT ON DATABASE b IS 'a'",
        'GRANT CONNECT ON DATABASE a TO "DATABASE a"': 'GRANT CONNECT ON DATABASE b TO "DATABASE a"',
        "SELECT 'DATABASE a'": "SELECT 'DATABASE a'",
    }

    assert {before: of_database(before, "b") for before in renamed} == renamed


def test_what_makes_a_database_or_a_session_is_nothing_about_it() -> None:
    script = "CREATE DATABASE a;\nALTER DATABASE a OWNER TO x;\n\\connect a\nSET x = 0;\nGRANT ALL ON DATABASE a TO x;"

    assert list(about_database(script)) == ["ALTER DATABASE a OWNER TO x", "GRANT ALL ON DATABASE a TO x"]


def test_what_is_not_the_customers_is_not_loaded() -> None:
    assert {2706, 2711, 228}.isdisjoint(kept(to_load(entries(LIST))))


def test_one_table_comes_with_what_it_needs_and_without_what_needs_others() -> None:
    chosen = definitions_for(to_load(entries(LIST)), [("sales", "customers")])

    assert kept(chosen) == [6, 2, 861, 862, 220, 224, 225, 226]


def test_a_table_that_another_inherits_from_comes_along() -> None:
    assert {220, 221, 227} <= set(kept(definitions_for(entries(LIST), [("sales", "orders")])))


def test_indexes_are_found_by_their_definitions_and_keys_only_between_chosen_tables() -> None:
    found = entries(
        "1; 0 0 CONSTRAINT s a b owner\n2; 0 0 INDEX s i owner\n3; 0 0 INDEX s j owner\n"
        "4; 0 0 FK CONSTRAINT s a b to_c owner\n5; 0 0 FK CONSTRAINT s a b to_itself owner\n"
        "6; 0 0 COMMENT s INDEX i owner\n;\tdepends on: 2\n7; 0 0 COMMENT s INDEX j owner\n;\tdepends on: 3\n"
        "8; 0 0 EVENT TRIGGER - e owner\n"
    )
    texts = {
        2: 'CREATE INDEX i ON s."a b" USING btree (x)',
        3: "CREATE INDEX j ON ONLY s.other USING btree (x) WHERE x = ' ON s.\"a b\"'",
        4: 'ALTER TABLE s."a b" ADD CONSTRAINT to_c FOREIGN KEY (x) REFERENCES s.c(x)',
        5: 'ALTER TABLE s."a b" ADD CONSTRAINT to_itself FOREIGN KEY (x) REFERENCES s."a b"(x)',
    }

    assert kept(completion_for(found, [("s", "a b")], lambda entry: texts.get(entry.number, ""))) == [1, 2, 5, 6]


def test_tables_without_rows_in_a_section_are_named() -> None:
    found = entries("1; 0 1 TABLE DATA public two words owner\n2; 0 2 TABLE DATA public line break owner\n")

    assert lacking(found, [("public", "two words"), ("public", "line\nbreak"), ("public", "two")]) == ()
    assert lacking(found, [("public", "three")]) == (("public", "three"),)


def database(sizes: dict[str, int], name: str = "a", character_set: str = "UTF8") -> Database:
    tables = tuple(Table(schema="s", name=key, rows=1, checksum="1", size_bytes=size) for key, size in sizes.items())
    large_objects = Table(schema="pg_catalog", name="pg_largeobject", rows=1, checksum="1", size_bytes=GIB)
    return Database(
        name=name,
        character_set=character_set,
        collation="C",
        size_bytes=sum(sizes.values()),
        tables=(*tables, large_objects) if "blobs" in sizes else tables,
        objects=(),
    )


def data(of: Database, streams: int) -> list[Section]:
    return [section for section in sections([of], streams) if section.part == "data"]


def test_tables_are_shared_out_by_their_sizes() -> None:
    divided = data(database({"a": 5 * GIB, "b": 4 * GIB, "c": 3 * GIB, "d": 0}), 2)

    assert [[name for _, name in section.tables] for section in divided] == [["a", "d"], ["b", "c"]]
    assert [section.expected_bytes for section in divided] == [5 * GIB, 7 * GIB]


def test_little_is_not_divided_and_much_is_divided_further_than_there_are_streams() -> None:
    assert len(data(database({"a": MIB, "b": MIB}), 2)) == 1
    assert len(data(database({"a": 20 * MIB, "b": 20 * MIB}), 2)) == 2
    assert len(data(database({str(n): GIB for n in range(100)}), 2)) == 12
    assert len(data(database({str(n): 100 * GIB for n in range(100)}), 2)) == 64


def test_one_section_has_whatever_no_other_names() -> None:
    divided = data(database({"a": 2 * GIB, "b": 2 * GIB, "blobs": GIB}), 2)

    assert [is_rest(section) for section in divided] == [True, False]
    assert ("pg_catalog", "pg_largeobject") in divided[0].tables


def test_no_command_line_grows_beyond_bounds() -> None:
    divided = data(database({str(n): MIB for n in range(30_000)}), 2)

    assert sum(len(section.tables) for section in divided if not is_rest(section)) <= 1000


def test_names_of_other_character_sets_are_on_no_command_line() -> None:
    assert len(data(database({"a": GIB, "b": GIB}, character_set="LATIN1"), 2)) == 1


def test_an_older_target_is_refused_by_its_major_version_alone() -> None:
    engine = PostgreSqlEngine()
    old, patched, new = (Server(family="postgresql", product="postgres", version=v) for v in ("17.1", "17.9", "18.0"))

    assert engine.objection(patched, old) == engine.objection(old, new) == ""
    assert "17.1" in engine.objection(new, old)
