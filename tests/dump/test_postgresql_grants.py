"""Grants that somebody else than the owner has made come back as theirs, also by a master who is no superuser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.dump import torture_postgresql as torture

from backup_actions.archive.folder_store import FolderStore
from backup_actions.dump import dump, restore, verify_dump
from backup_actions.dump.connection import Connection
from backup_actions.dump.postgresql.engine import PostgreSqlEngine

ENGINE = PostgreSqlEngine()
OWNER, GRANTOR = '"no login"', '"Owner ""of"" things"'
CHAIN = f"""
CREATE SCHEMA shared AUTHORIZATION {OWNER};
CREATE TABLE shared.orders (id integer, "RESET SESSION AUTHORIZATION" text);
ALTER TABLE shared.orders OWNER TO {OWNER};
CREATE FUNCTION shared.total() RETURNS integer LANGUAGE sql AS 'SELECT 1';
ALTER FUNCTION shared.total() OWNER TO {OWNER};
GRANT USAGE ON SCHEMA shared TO {GRANTOR} WITH GRANT OPTION;
GRANT SELECT, INSERT ON shared.orders TO {GRANTOR} WITH GRANT OPTION;
GRANT UPDATE (id) ON shared.orders TO {GRANTOR} WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION shared.total() TO {GRANTOR} WITH GRANT OPTION;
SET ROLE {GRANTOR};
GRANT USAGE ON SCHEMA shared TO reader WITH GRANT OPTION;
GRANT SELECT ON shared.orders TO reader WITH GRANT OPTION;
GRANT UPDATE (id) ON shared.orders TO reader;
GRANT EXECUTE ON FUNCTION shared.total() TO reader;
SET ROLE reader;
GRANT USAGE ON SCHEMA shared TO admin;
GRANT SELECT ON shared.orders TO admin;
RESET ROLE;
"""  # noqa: S608 - the names are ours
GRANTED = """
SELECT relname, pg_get_userbyid(grantor), pg_get_userbyid(grantee), privilege_type, is_grantable
FROM pg_class, aclexplode(relacl) WHERE relname = 'orders' ORDER BY 1, 2, 3, 4"""


@pytest.fixture(name="server", scope="module")
def _server(postgresql_torture: Connection) -> Iterator[Connection]:
    with torture.programs_first():
        yield postgresql_torture


@pytest.fixture(name="chained")
def _chained(server: Connection) -> Iterator[str]:
    torture.run(server, "postgres", f"CREATE DATABASE chained OWNER {OWNER}")
    torture.run(server, "chained", CHAIN)
    yield "chained"
    ENGINE.drop(server, "chained")


def granted(server: Connection, database: str) -> Sequence[tuple[Any, ...]]:
    return torture.run(server, database, GRANTED)


@pytest.mark.parametrize("by_master", [True, False], ids=["RDS's master", "a superuser"])
def test_what_others_have_granted_is_proven_and_comes_back_as_theirs(
    server: Connection, chained: str, tmp_path: Path, by_master: bool
) -> None:
    to = torture.like_rds(server) if by_master else server
    store = FolderStore(tmp_path)
    before = granted(server, chained)
    dump(to, store, databases=[chained])

    assert [str(each) for each in verify_dump(store, to).differences] == []

    restore(store, to, replace_existing=True, accounts=False)
    assert granted(server, chained) == before
    assert ("orders", "reader", "admin", "SELECT", False) in before
