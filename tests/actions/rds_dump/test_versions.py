"""A dump goes into the version that it was taken from, or into the nearest later one."""

from __future__ import annotations

import pytest

from backup_actions.actions.rds_dump.versions import is_same_release, versions_to_try


@pytest.mark.parametrize(
    ("dumped", "offered", "tried"),
    [
        ("17.5", ["16.9", "17.4", "18.1", "17.6", "17.5"], ("17.5", "17.6", "18.1")),
        ("16.2", ["15.9", "17.4", "16.10", "16.9"], ("16.9", "16.10", "17.4")),
        ("8.0.39", ["5.7.44-rds.20250103", "8.0.40", "8.4.5"], ("8.0.40", "8.4.5")),
        ("5.7.44-rds.20240408", ["5.7.44-rds.20240408", "5.7.44-rds.20250103"],
         ("5.7.44-rds.20240408", "5.7.44-rds.20250103")),
        ("18.1", ["17.6"], ()),
    ],
    ids=["same", "corrections-first", "next-release", "extended-support", "none-is-later"],
)  # fmt: skip
def test_the_nearest_later_version_comes_first(dumped: str, offered: list[str], tried: tuple[str, ...]) -> None:
    assert versions_to_try(dumped, offered) == tried


def test_no_more_than_a_few_are_tried() -> None:
    assert versions_to_try("17.1", [f"17.{number}" for number in range(1, 20)]) == tuple(
        f"17.{number}" for number in range(1, 6)
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("17.1", "17.5", True), ("17.5", "18.0", False), ("10.11.8", "10.11.10", True), ("8.0.39", "8.4.5", False)],
)
def test_a_release_is_all_but_the_last_number(one: str, other: str, same: bool) -> None:
    assert is_same_release(one, other) is same
