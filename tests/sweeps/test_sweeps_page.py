"""The page about the sweeps says what was kept of them."""

from __future__ import annotations

from tests.sweeps import page


def test_the_page_tells_what_was_found_last() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.page(page.last())


def test_every_sweep_has_a_subject() -> None:
    recording = {
        path.stem for path in page.LAST.parent.glob("test_*.py") if "record_property(" in path.read_text("utf-8")
    } - {"test_sweeps_page"}

    assert recording == set(page.SUBJECTS)


def test_no_promise_was_broken() -> None:
    assert {found["broken"] for kinds in page.last().values() for found in kinds.values()} == {0}
