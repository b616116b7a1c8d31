"""The option ``--sweep`` for pytest: name this module in ``pytest_plugins`` of the uppermost conftest.py."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--sweep`` tries every single fault and every single grant instead of a fixed sample."""
    parser.addoption("--sweep", action="store_true", help="every single fault and every single grant, not a sample")
