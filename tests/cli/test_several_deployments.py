"""Commands on a settings file that holds several deployments."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import PROJECT, Cli

SEVERAL = PROJECT / "examples" / "several-deployments.yaml"

pytestmark = pytest.mark.usefixtures("own_actions")


def test_each_deployment_is_checked_and_told(cli: Cli) -> None:
    answer = cli("check", SEVERAL)

    right = [line for line in answer.out.splitlines() if " is right: " in line]
    assert answer.status == 0
    assert [line.partition(" in ")[2] for line in right] == [
        "111122223333, eu-west-1, as shop-europe.",
        "111122223333, us-east-1, as shop-america.",
        "444455556666, eu-west-1, as tests-europe.",
    ]


def test_scripts_get_one_object_for_each_deployment_or_the_one_that_is_named(cli: Cli) -> None:
    names = ["shop-europe", "shop-america", "tests-europe"]

    assert [one["name"] for one in cli("check", SEVERAL, "--json").json["deployments"]] == names
    assert cli("check", SEVERAL, "--json", "--deployment", "tests-europe").json["name"] == "tests-europe"


@pytest.mark.parametrize(
    "command",
    [
        ("check", SEVERAL, "--key-policy"),
        ("check", SEVERAL, "--deployment", "asia"),
        ("cost", "estimate", "--action", "ebs-archive", "--gib", 100, "--settings", SEVERAL),
        ("imports", "retention", SEVERAL, "--ledger", "ledger"),
    ],
    ids=["key policy", "unknown", "cost", "imports"],
)
def test_where_one_is_meant_it_has_to_be_named(cli: Cli, command: tuple[object, ...]) -> None:
    answer = cli(*command)

    assert answer.status == 2
    assert answer.err.startswith("BA0109: ")
    assert "shop-europe, shop-america, tests-europe" in answer.err


def test_costs_are_those_of_the_deployment_that_is_named(cli: Cli) -> None:
    estimate = ("cost", "estimate", "--action", "ebs-archive", "--gib", 100, "--settings", SEVERAL)

    answer = cli(*estimate, "--deployment", "shop-america", "--json")

    assert answer.status == 0, answer.err


def test_a_mistake_names_its_deployment(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "backup-actions.yaml"
    path.write_text(SEVERAL.read_text().replace("zones: [us-east-1a, us-east-1b]", "zones: [us-east-2a]"))

    answer = cli("check", path)

    assert answer.status == 2
    assert "deployments[1].zones (line 25): us-east-2a is no availability zone of us-east-1" in answer.err
