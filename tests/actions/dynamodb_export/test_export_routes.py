"""Which way to a backup's items there is, decided by what is true of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backup_actions.actions.dynamodb_export.places import temporary_table
from backup_actions.actions.dynamodb_export.routes import LiveTable, choose_route
from backup_actions.errors import RouteImpossible

BACKED_UP = datetime(2026, 1, 15, 3, 0, 12, 345_000, tzinfo=UTC)
SECOND = BACKED_UP.replace(microsecond=0)


def table(earliest: datetime | None = SECOND - timedelta(days=3), *, enabled: bool = True) -> LiveTable:
    return LiveTable(recovery_enabled=enabled, earliest=earliest)


def test_history_that_reaches_back_is_taken_at_the_backup_s_second() -> None:
    route = choose_route("auto", BACKED_UP, table(), foreign=False)

    assert (route.name, route.export_time) == ("pitr", SECOND)


def test_history_that_begins_in_the_very_second_of_the_backup_is_enough() -> None:
    assert choose_route("auto", BACKED_UP, table(SECOND), foreign=False).name == "pitr"


@pytest.mark.parametrize(
    ("live", "foreign", "because"),
    [
        (None, False, "the table no longer exists"),
        (table(enabled=False), False, "the table has no point-in-time recovery"),
        (table(None), False, "the table's history begins after the backup (2026-01-15T03:00:12+00:00): now"),
        (
            table(SECOND + timedelta(milliseconds=1)),
            False,
            "the table's history begins after the backup (2026-01-15T03:00:12+00:00): 2026-01-15T03:00:12.001000+00:00",
        ),
        (table(), True, "the table is in another account or region"),
    ],
)
def test_backup_is_restored_where_no_history_shows_it(live: LiveTable | None, foreign: bool, because: str) -> None:
    route = choose_route("auto", BACKED_UP, live, foreign=foreign)

    assert (route.name, route.because, route.export_time) == ("restore", because, None)


@pytest.mark.parametrize("live", [None, table(enabled=False), table(None)])
def test_history_that_is_forced_and_not_there_is_an_error_and_no_other_route(live: LiveTable | None) -> None:
    with pytest.raises(RouteImpossible):
        choose_route("pitr", BACKED_UP, live, foreign=False)


@pytest.mark.parametrize(("wanted", "name"), [("pitr", "pitr"), ("restore", "restore")])
def test_settings_force_a_route_and_are_the_reason(wanted: str, name: str) -> None:
    route = choose_route(wanted, BACKED_UP, table(), foreign=False)

    assert (route.name, route.because) == (name, f"the settings say {wanted}")


def test_history_of_the_live_table_is_never_called_the_backup() -> None:
    notes = " ".join(choose_route("auto", BACKED_UP, table(), foreign=False).notes)

    assert "The backup itself was not read." in notes
    assert "restored from the backup" not in notes


@pytest.mark.parametrize("wanted", ["pitr", "restore"])
def test_every_route_says_that_only_items_come_along(wanted: str) -> None:
    assert any("Only items are exported" in n for n in choose_route(wanted, BACKED_UP, table(), foreign=False).notes)


def test_longest_run_of_the_longest_deployment_still_names_a_table() -> None:
    assert len(temporary_table("d" * 200, "r" * 80)) == 255
