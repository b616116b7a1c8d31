"""One file for several deployments: a shared rest, and a section for what differs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from backup_actions.errors import DeploymentUnknown, SettingsInvalid
from backup_actions.settings import from_mapping, json_schema, load, load_all

SHARED = """\
vaults: [backups]
tags: {owner: storage, tier: gold}
deletion:
  policy: shorten
  shorten_to_days: 7
deployments:
"""
EUROPE = """\
  - name: europe
    account: "111122223333"
    region: eu-west-1
    zones: [eu-west-1a, eu-west-1b]
"""
AMERICA = """\
  - name: america
    account: "444455556666"
    region: us-east-1
    zones: [us-east-1a]
    vaults: [daily, monthly]
    tags: {tier: silver}
    deletion: {shorten_to_days: 30}
"""

Write = Callable[[str], Path]


@pytest.fixture(name="write")
def _write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "backup-actions.yaml"
        path.write_text(text)
        return path

    return write


def mistakes(path: Path) -> list[str]:
    with pytest.raises(SettingsInvalid) as refused:
        load_all(path, [])
    return str(refused.value.facts["mistakes"]).splitlines()


def test_each_section_is_a_deployment_over_the_shared_rest(write: Write) -> None:
    europe, america = load_all(write(SHARED + EUROPE + AMERICA), [])

    assert (europe.name, europe.account, europe.region, europe.vaults) == (
        "europe", "111122223333", "eu-west-1", ("backups",),
    )  # fmt: skip
    assert (america.name, america.account, america.region, america.vaults) == (
        "america", "444455556666", "us-east-1", ("daily", "monthly"),
    )  # fmt: skip
    assert (europe.deletion.shorten_to_days, america.deletion.shorten_to_days) == (7, 30)
    assert america.deletion.policy == "shorten"
    assert america.tags == {"owner": "storage", "tier": "silver"}


def test_a_file_without_the_list_is_one_deployment(write: Write) -> None:
    text = "account: '111122223333'\nregion: us-east-1\nzones: [us-east-1a]\nvaults: [backups]\n"

    for path in (write(text), write(text + "deployments: null\n")):
        assert load_all(path, []) == (load(path, []),)


def test_a_deployment_is_loaded_by_its_name(write: Write) -> None:
    path = write(SHARED + EUROPE + AMERICA)

    assert load(path, [], "america").account == "444455556666"
    with pytest.raises(DeploymentUnknown, match="holds europe, america: --deployment asia does not choose one"):
        load(path, [], "asia")
    with pytest.raises(DeploymentUnknown, match="no --deployment"):
        load(path, [])
    with pytest.raises(DeploymentUnknown):
        from_mapping(yaml.safe_load(path.read_text()), [])


def test_a_mistake_in_a_section_names_the_section_and_its_line(write: Write) -> None:
    broken = AMERICA.replace("[us-east-1a]", "[eu-west-1a]") + "    nonsense: 1\n"

    zones, nonsense = mistakes(write(SHARED + EUROPE + broken))

    assert zones.startswith("deployments[1].zones (line 14): eu-west-1a is no availability zone of us-east-1")
    assert nonsense.startswith("deployments[1].nonsense (line 18): there is no such setting")


def test_what_a_section_lacks_is_told_where_it_begins(write: Write) -> None:
    assert mistakes(write(SHARED + EUROPE + "  - name: asia\n")) == [
        "deployments[1].account (line 11): it is required",
        "deployments[1].region (line 11): it is required",
        "deployments[1].zones (line 11): it is required",
    ]


def test_a_mistake_in_the_shared_rest_is_told_once(write: Write) -> None:
    assert mistakes(write(SHARED.replace("shorten\n", "shrotten\n") + EUROPE + AMERICA))[0] == (
        "deletion.policy (line 4): it must be one of keep, shorten, delete"
    )


def test_what_of_the_shared_rest_does_not_fit_one_section_names_that_section(write: Write) -> None:
    key = "arn:aws:kms:us-east-1:444455556666:key/12345678-1234-1234-1234-123456789012"

    (only,) = mistakes(write(f"archive_bucket: {{key_arn: {key}}}\n" + SHARED + EUROPE + AMERICA))

    assert only.startswith("archive_bucket.key_arn (line 1): the key is in us-east-1")
    assert only.endswith("(in europe)")


@pytest.mark.parametrize(
    ("second", "taken"),
    [
        (AMERICA.replace("america", "europe"), "a stack europe is made by deployments[0] already"),
        (AMERICA.replace("name: america", "name: europe-plans"), "a stack europe-plans is made by deployments[0]"),
    ],
)
def test_every_stack_has_a_name_of_its_own(write: Write, second: str, taken: str) -> None:
    plan = {"name": "daily", "schedule": "cron(0 3 ? * * *)", "keep_days": 35, "select": {"all_of": {"a": "b"}}}
    plans = yaml.safe_dump({"backup_plans": {"vault": {"name": "backups"}, "plans": [plan]}}, default_flow_style=True)

    (only,) = mistakes(write(SHARED + EUROPE + f"    {' '.join(plans.split())[1:-1]}\n    deletion: {{}}\n" + second))

    assert only.startswith("deployments[1].name (line ")
    assert taken in only


@pytest.mark.parametrize(
    ("value", "mistake"),
    [
        ("[]", "deployments (line 1): it needs at least one"),
        ("europe", "deployments (line 1): it must be a list of sections, each with a name of its own"),
        ("[europe]", "deployments[0] (line 1): it must be a section with settings of its own"),
    ],
)
def test_what_is_no_list_of_sections_is_refused(write: Write, value: str, mistake: str) -> None:
    assert mistakes(write(f"deployments: {value}\n")) == [mistake]


def test_a_list_within_a_section_is_no_setting(write: Write) -> None:
    (only,) = mistakes(write(SHARED + EUROPE + "    deployments: []\n"))

    assert only.startswith("deployments[0].deployments (line 11): there is no such setting")


@pytest.mark.parametrize(
    ("change", "right"),
    [
        ({}, True),
        ({"deployments": []}, False),
        ({"deployments": [{"nonsense": 1}]}, False),
        ({"deployments": None}, False),  # then account, region and zones are missing
    ],
)
def test_the_schema_knows_the_list(change: dict[str, Any], right: bool) -> None:
    data = {**yaml.safe_load(SHARED + EUROPE + AMERICA), **change}

    assert Draft202012Validator(json_schema([])).is_valid(data) is right
