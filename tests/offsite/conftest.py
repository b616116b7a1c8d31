"""A separated account with which one snapshot of each kind is shared, and its import machine."""

from __future__ import annotations

import pytest
from tests.offsite.import_runs import ImportRuns
from tests.offsite.separated import KINDS, Separated


@pytest.fixture(name="separated")
def _separated() -> Separated:
    separated = Separated()
    for announced in KINDS.values():
        separated.share(announced)
    return separated


@pytest.fixture(name="runs")
def _runs(separated: Separated) -> ImportRuns:
    return ImportRuns(separated)
