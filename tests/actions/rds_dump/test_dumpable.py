"""What cannot be dumped is known before anything is made, and the reason says what can be done instead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backup_actions.actions.rds_dump.dumpable import FAMILIES, PORTS, nowhere, objection, option_group_of, support_note

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize("engine", FAMILIES)
def test_open_engines_are_dumped(engine: str) -> None:
    assert objection(engine=engine, status="available") is None
    assert FAMILIES[engine] in PORTS


@pytest.mark.parametrize(
    ("engine", "instead"),
    [
        ("sqlserver-se", "msdb.dbo.rds_backup_database"),
        ("oracle-ee", "Data Pump"),
        ("db2-se", "rdsadmin.backup_database"),
        ("custom-oracle-ee", "tools of its own host"),
        ("neptune", "keep the backup"),
    ],
)
def test_an_engine_that_cannot_be_dumped_is_refused_with_what_can_be_done(engine: str, instead: str) -> None:
    said = objection(engine=engine, status="available")

    assert said is not None
    assert f"not {engine}: keep the backup" in said
    assert instead in said


def test_a_snapshot_that_is_not_available_is_refused() -> None:
    assert objection(engine="postgres", status="creating") == "the snapshot is creating: dump it when it is available"


def test_where_no_class_is_offered_the_reason_names_what_was_looked_for() -> None:
    said = nowhere(engine="postgres", version="9.6.1", classes=("db.t4g.large",), zones=("us-east-1a", "us-east-1b"))

    assert said.startswith("RDS offers none of db.t4g.large for postgres 9.6.1 in us-east-1a, us-east-1b: ")
    assert "upgrade a copy of the snapshot" in said


@pytest.mark.parametrize(
    ("status", "days_left", "expected"),
    [
        ("available", None, None),
        ("available", 400, None),
        ("available", 30, "standard support of postgres 14 ends on 2026-12-22"),
        ("available", -30, "standard support of postgres 14 has ended on 2026-10-23"),
        ("deprecated", 400, "RDS has deprecated this version of postgres 14"),
    ],
)
def test_versions_near_or_past_the_end_of_their_support_are_told(
    status: str, days_left: int | None, expected: str | None
) -> None:
    ends = None if days_left is None else NOW + timedelta(days=days_left)
    said = support_note(product="postgres", major="14", status=status, ends=ends, now=NOW)

    assert (said is None) == (expected is None)
    assert (said or "").startswith(expected or "")


def test_options_are_the_product_s_defaults() -> None:
    assert option_group_of(engine="mysql", major="8.0") == "default:mysql-8-0"
    assert option_group_of(engine="postgres", major="17") == "default:postgres-17"
