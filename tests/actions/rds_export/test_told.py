"""What RDS says of an export, in whatever form, is never taken for better than it is."""

from __future__ import annotations

import json

import pytest

from backup_actions.actions.rds_export.told import (
    ToldTable,
    as_in_a_key,
    folder_of,
    is_asked_for,
    left_out,
    missing_ranges,
    path_of,
)


def test_no_warning_means_that_nothing_was_left_out() -> None:
    assert left_out("") == []
    assert left_out(json.dumps({"skippedTables": [], "skippedObjectives": [], "general": []})) == []


def test_every_entry_of_a_warning_becomes_a_sentence() -> None:
    warning = {
        "skippedTables": ["a.b.c"],
        "skippedObjectives": [{"x": "y"}],
        "general": [{"reason": "WHY"}],
        "new": [1],
    }

    assert left_out(json.dumps(warning)) == ["left out the table a.b.c", "left out y", "warns of WHY", "says of new: 1"]


@pytest.mark.parametrize("warning", ["plain words", "[1]", '"text"', "{", '{"general": 5}'])
def test_a_warning_that_is_not_understood_is_passed_on_whole(warning: str) -> None:
    assert left_out(warning) == [f"RDS warns: {warning}"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["i_from_1_to_4.json", "i_from_5_to_7.json"], None),
        (["i_from_5_to_12.json", "i_from_13_to_13.json", "i_from_1_to_4.json"], None),
        (["i_from_5_to_7.json"], "no file lists the tables from 1 to 4"),
        (["i_from_1_to_4.json", "i_from_8_to_9.json"], "no file lists the tables from 5 to 7"),
        ([], "no file lists the tables"),
    ],
)
def test_lists_of_tables_are_whole_or_what_is_missing_is_said(names: list[str], said: str | None) -> None:
    assert missing_ranges(names) == said


def test_names_lead_to_folders_in_either_family() -> None:
    assert folder_of(path_of("shop.public.orders", "postgresql")) == "shop/public.orders"
    assert folder_of(path_of("shop.public.dotted.name", "postgresql")) == "shop/public.dotted.name"
    assert folder_of(path_of("shop.orders", "mysql")) == "shop/shop.orders"
    assert as_in_a_key('a b`c"d\\e') == "a_b_c_d_e"


def test_parts_of_a_database_contain_their_tables_alone() -> None:
    path = ("shop", "public", "orders")

    assert is_asked_for(path, ["shop"])
    assert is_asked_for(path, ["shop.public"])
    assert is_asked_for(path, ["other", "shop.public.orders"])
    assert not is_asked_for(path, ["shop.pub", "sho", "shop.public.order"])


@pytest.mark.parametrize("entry", [{}, {"target": "a"}, {"target": "a", "status": "COMPLETE", "sizeGB": "much"}])
def test_entries_that_are_none_are_refused(entry: dict[str, str]) -> None:
    with pytest.raises((KeyError, ValueError)):
        ToldTable.from_json(entry)
