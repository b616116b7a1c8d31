"""What somebody who loads a dump of PostgreSQL should know, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Database
from backup_actions.dump.postgresql.objects import versions
from backup_actions.dump.postgresql.session import OWNER_OF_THE_SERVERS, Failed, Session, session

_SHOWN = 5

_UNLOGGED = """
SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence = 'u' AND c.relkind = 'r' AND pg_get_userbyid(c.relowner) <> %s ORDER BY 1"""
_OF_EXTENSIONS = """
SELECT DISTINCT n.nspname || '.' || c.relname FROM pg_extension e CROSS JOIN unnest(e.extconfig) AS kept(oid)
JOIN pg_class c ON c.oid = kept.oid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND pg_get_userbyid(c.relowner) = %s ORDER BY 1"""
_MATERIALIZED = "SELECT schemaname || '.' || matviewname FROM pg_matviews WHERE ispopulated ORDER BY 1"
_SUBSCRIPTIONS = "SELECT count(*) FROM pg_stat_subscription"
_MAPPINGS = "SELECT count(*) FROM pg_user_mappings"


def notes(to: Connection, databases: Sequence[Database], failed: Failed) -> tuple[str, ...]:
    """What the dump cannot hold, and what it needs where it is loaded."""
    said = ["Roles are without their passwords, which RDS shows to nobody: set them after loading."]
    for database in databases:
        with session(to, database.name, failed) as asking:
            said.extend(f"Database {database.name}: {note}." for note in _of_database(asking, database))
    return tuple(said)


def _of_database(asking: Session, database: Database) -> Iterator[str]:
    extensions = [f"{name} {version}" for name, version, _ in versions(database.objects)]
    if extensions:
        yield f"a target needs the extensions {', '.join(extensions)}"
    unlogged = [str(name) for (name,) in asking.execute(_UNLOGGED, (OWNER_OF_THE_SERVERS,)).fetchall()]
    if unlogged:
        yield f"the tables {_some(unlogged)} are unlogged, and no snapshot holds their rows"
    withheld = [str(name) for (name,) in asking.execute(_OF_EXTENSIONS, (OWNER_OF_THE_SERVERS,)).fetchall()]
    if withheld:
        yield f"the rows of {_some(withheld)} belong to RDS and are not in the dump: jobs of pg_cron are made anew"
    materialized = [str(name) for (name,) in asking.execute(_MATERIALIZED).fetchall()]
    if materialized:
        yield f"the materialized views {_some(materialized)} ask their queries again when they are loaded"
    ((subscriptions, mappings),) = asking.execute(f"SELECT ({_SUBSCRIPTIONS}), ({_MAPPINGS})").fetchall()
    if subscriptions:
        yield "subscriptions are off after loading"
    if mappings:
        yield "what user mappings of foreign servers say, passwords too, is in the dump"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
