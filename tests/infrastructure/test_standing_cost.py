"""What a deployed stack costs while nothing happens is what the page about costs says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backup_actions.cli.commands.cost import _standing
from backup_actions.costs import prices_of, standing_charges, total_usd
from backup_actions.settings.endpoints import endpoint_count

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infrastructure.conftest import Rendered

    from backup_actions.plugins import Installed


def test_the_pages_say_about_what_the_stack_costs_by_the_month(rendered: Rendered, repository: Path) -> None:
    standing = _standing(rendered.template.path)
    usd = total_usd(standing_charges(standing, prices_of()))

    assert (standing.endpoints, standing.gateways, standing.dashboards) == (0, 0, 1)
    for page in ("README.md", "docs/costs.md"):
        text = " ".join((repository / page).read_text(encoding="utf-8").split())
        (stated,) = re.findall(r"costs about \$([0-9]+) a month", text)
        assert abs(usd - int(stated)) < 2, page


def test_endpoints_of_the_rendered_network_cost_what_check_says_of_it(isolated: Rendered, found: Installed) -> None:
    standing = _standing(isolated.template.path)

    assert standing.endpoints == endpoint_count(isolated.settings, found.actions)
