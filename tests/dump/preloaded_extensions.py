"""Extensions of PostgreSQL that want to be preloaded, imitated: their scripts refuse in the words of the real ones."""

from __future__ import annotations

from pathlib import Path

from tests.dump import torture_postgresql as torture

from backup_actions.dump.connection import Connection

JOBS_DATABASE = "jobs"

# https://github.com/citusdata/pg_cron/blob/main/pg_cron--1.0.sql
_PG_CRON = """
DO $$ BEGIN
    IF current_database() <> current_setting('cron.database_name') THEN
        RAISE EXCEPTION 'can only create extension in database %', current_setting('cron.database_name');
    END IF;
END $$;
CREATE SCHEMA cron;
CREATE SEQUENCE cron.jobid_seq;
CREATE TABLE cron.job (
    jobid bigint PRIMARY KEY DEFAULT nextval('cron.jobid_seq'), schedule text NOT NULL, command text NOT NULL);
CREATE TABLE cron.job_run_details (jobid bigint, status text);
CREATE TYPE cron.state AS ENUM ('on', 'off');
CREATE FUNCTION cron.schedule(text, text) RETURNS bigint LANGUAGE sql
    AS 'INSERT INTO cron.job (schedule, command) VALUES ($1, $2) RETURNING jobid';
CREATE FUNCTION cron.watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
SELECT pg_extension_config_dump('cron.job', '');
SELECT pg_extension_config_dump('cron.job_run_details', '');
SELECT pg_extension_config_dump('cron.jobid_seq', '');
"""
# https://github.com/pgaudit/pgaudit/blob/main/pgaudit.c
_PGAUDIT = """
DO $$ BEGIN
    IF current_setting('pgaudit.log', true) IS NULL THEN
        RAISE EXCEPTION 'pgaudit must be loaded via shared_preload_libraries';
    END IF;
END $$;
CREATE FUNCTION pgaudit_ddl_command_end() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
"""
_UNLESS = "DO $$ BEGIN IF current_setting('{}', true) IS NULL THEN {}; END IF; END $$;"
_CONTROL = {
    "pg_cron": (_PG_CRON, "schema = pg_catalog"),
    "pgaudit": (_PGAUDIT, "relocatable = true"),
    # As libraries do whose settings take effect at the start alone.
    "ends_sessions": (_UNLESS.format("ends.sessions", "PERFORM pg_terminate_backend(pg_backend_pid())"), ""),
    "fails": (_UNLESS.format("fails.anyway", "PERFORM 1 / 0"), ""),
}


def written(folder: Path) -> Path:
    """The folder has what a server needs to make them, where its ``extension_control_path`` names it."""
    place = folder / "extension"
    place.mkdir(parents=True)
    for name, (script, more) in _CONTROL.items():
        control = f"comment = 'imitated'\ndefault_version = '1.6'\ntrusted = true\n{more}\n"
        (place / f"{name}.control").write_text(control, encoding="ascii")
        (place / f"{name}--1.6.sql").write_text(script, encoding="ascii")
        (place / f"{name}--1.4.sql").write_text(script, encoding="ascii")
    return folder


def let_be_made(to: Connection, folder: Path) -> None:
    """The server finds them, and its database of jobs is one in which both can be made."""
    torture.run(to, "postgres", f"ALTER SYSTEM SET extension_control_path = '$system:{written(folder)}'")
    torture.run(to, "postgres", "SELECT pg_reload_conf()")
    torture.run(to, "postgres", f"CREATE DATABASE {JOBS_DATABASE}")
    torture.run(to, "postgres", f"ALTER DATABASE {JOBS_DATABASE} SET cron.database_name = '{JOBS_DATABASE}'")
    torture.run(to, "postgres", f"ALTER DATABASE {JOBS_DATABASE} SET pgaudit.log = 'all'")


def preload(to: Connection, settings: str) -> None:
    """The whole server knows such a setting, as if it had preloaded the library."""
    torture.run(to, "postgres", f"ALTER SYSTEM SET {settings}")
    torture.run(to, "postgres", "SELECT pg_reload_conf()")
