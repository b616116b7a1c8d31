"""``cost``: estimates, the cost of runs, and the prices themselves, for people and for scripts."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from backup_actions.cli.application import application
from backup_actions.cli.commands import cost as command
from backup_actions.costs import predictable
from backup_actions.ledger import Ledger

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

SETTINGS = """\
account: "111122223333"
region: us-east-1
zones: [us-east-1a]
vaults: [backups]
archive_bucket:
  lifecycle: {glacier: 30, deep_archive: 120}
"""


def entry(run: str, *, day: str, resource: str, **details: Any) -> SimpleNamespace:
    return SimpleNamespace(
        run=run,
        action="ebs-archive",
        resource=resource,
        changed_at=f"{day}T03:00:00+00:00",
        details={"stored_bytes": 1 << 30, **details},
    )


ENTRIES = [
    entry("old", day="2026-01-05", resource="vol-1"),
    entry("dump", day="2026-10-05", resource="db-1", usage={"database_hours:db.r7g.large": 2, "job_vcpu_hours": 5}),
    entry("new", day="2026-11-05", resource="vol-1", usage={"job_vcpu_hours": 1, "put_requests": 1000}),
]


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment of us-east-1 whose ledger has the entries above."""
    estate = SimpleNamespace(ledger="ledger", region="us-east-1")
    monkeypatch.setattr(command, "aws_clients", lambda: SimpleNamespace(dynamodb=None))
    monkeypatch.setattr(command, "estate_of", lambda _stack, _clients: estate)
    monkeypatch.setattr(Ledger, "standing", lambda _ledger, _standing: iter(ENTRIES))


def test_an_estimate_names_run_storage_and_the_backup_that_it_replaces(cli: Cli) -> None:
    answer = cli("cost", "estimate", "--action", "ebs-archive", "--gib", 100)

    assert answer.status == 0
    assert answer.out.startswith("ebs-archive of 100 GiB in us-east-1, by prices of 2026-11-22\n")
    for line in ("THE RUN", "hosts of jobs, on Spot", "KEEPING 50 GIB FOR 3 YEARS", "THE BACKUP INSTEAD, FOR AS LONG"):
        assert line in answer.out
    assert "it pays from day 2 on" in answer.out
    assert "Assumed: what is stored has 50% of the size." in answer.err


def test_an_estimate_for_scripts_has_every_line_and_the_sums(cli: Cli) -> None:
    answer = cli("cost", "estimate", "--action", "rds-dump", "--gib", 10, "--years", 1, "--json").json

    assert answer["run"]["least"]["usd"] < answer["run"]["most"]["usd"]
    assert answer["kept"]["days"] == 365
    assert {charge["kind"] for charge in answer["run"]["most"]["charges"]} >= {"compute", "database", "requests"}
    assert answer["backup_moved_to_cold"] is None


@pytest.mark.usefixtures("own_actions")
def test_the_lifecycle_of_the_settings_decides_what_keeping_costs(cli: Cli, tmp_path: Path) -> None:
    settings = tmp_path / "backup-actions.yaml"
    settings.write_text(SETTINGS)
    words = ("cost", "estimate", "--action", "ebs-archive", "--gib", 100, "--json")

    kept = cli(*words, "--settings", settings).json["kept"]
    assert [charge["what"] for charge in kept["charges"]][:3] == [
        "Standard",
        "transition to Glacier Flexible Retrieval",
        "Glacier Flexible Retrieval",
    ]
    assert kept["usd"] < cli(*words).json["kept"]["usd"]


def test_a_snapshot_that_shares_its_blocks_frees_less(cli: Cli) -> None:
    words = ("cost", "estimate", "--action", "ebs-archive", "--gib", 100, "--json")

    assert cli(*words).json["pays_after_days"] == 2
    assert cli(*words, "--freed-gib", 5).json["pays_after_days"] is None


def test_a_class_without_a_price_is_refused_by_the_name_that_its_price_would_have(cli: Cli, tmp_path: Path) -> None:
    words = ("cost", "estimate", "--action", "rds-dump", "--gib", 10, "--instance-class", "db.r7g.large")
    answer = cli(*words)
    assert answer.status == 2
    assert "the price of rds_hour:db.r7g.large in us-east-1 is not known" in answer.err

    own = tmp_path / "prices.toml"
    own.write_text('region = "us-east-1"\nas_of = 2027-01-31\n["rds_hour:db.r7g.large"]\nusd = 0.239\n')
    assert cli(*words, "--prices", own).status == 0


def test_a_region_without_prices_is_told_and_which_have_some(cli: Cli) -> None:
    answer = cli("cost", "estimate", "--action", "rds-export", "--gib", 1, "--region", "eu-west-1")

    assert answer.status == 2
    assert "in eu-west-1 is not known" in answer.err
    assert "us-east-1" in answer.err


@pytest.mark.usefixtures("deployment")
def test_runs_are_summed_by_action_and_what_was_not_counted_is_told(cli: Cli) -> None:
    heading, row = cli("cost", "runs").out.splitlines()
    told = cli("cost", "runs").err

    assert heading.split() == ["ACTION", "RUNS", "COMPUTE", "REQUESTS", "IN", "ALL", "STORED", "STORAGE", "A", "MONTH"]
    assert row.split()[:4] == ["ebs-archive", "3", "$0.12", "$0.005"]
    assert "$0.13 and 1 not counted" in row
    assert "1 of the runs did not count what they used" in told
    assert "Without a price in us-east-1, and in no sum: rds_hour:db.r7g.large" in told


@pytest.mark.usefixtures("deployment")
def test_a_run_that_counted_nothing_has_no_figure(cli: Cli) -> None:
    old, *_ = cli("cost", "runs", "--by", "run").out.splitlines()[1:]

    assert old.split()[:6] == ["old", "1", "-", "-", "not", "counted"]
    assert cli("cost", "runs", "--by", "run", "--json").json[0]["usd"] is None


@pytest.mark.usefixtures("deployment")
def test_runs_can_be_of_a_day_or_later(cli: Cli) -> None:
    found = cli("cost", "runs", "--by", "month", "--since", "2026-10-05", "--json").json

    assert [each["month"] for each in found] == ["2026-10", "2026-11"]


@pytest.mark.usefixtures("deployment")
def test_a_ledger_without_runs_is_told(cli: Cli) -> None:
    answer = cli("cost", "runs", "--since", "2027-01-01")

    assert (answer.status, answer.out) == (0, "")
    assert "No run has ended well." in answer.err


def test_a_month_costs_what_the_template_makes(cli: Cli, tmp_path: Path) -> None:
    made: list[dict[str, Any]] = [
        {"Type": "AWS::KMS::Key"},
        {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "Errors"}},
        {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {"Metrics": [{"Expression": "a + b"}, *[{"MetricStat": {}}] * 2]},
        },
        {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]}},
        {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcEndpointType": "Gateway"}},
    ]
    template = tmp_path / "stack.template.json"
    template.write_text(json.dumps({"Resources": {f"a{number}": each for number, each in enumerate(made)}}))
    lines = [line.split("  ") for line in cli("cost", "month", template).out.splitlines()]

    assert [(line[0], line[-1].strip()) for line in lines[1:]] == [
        ("interface endpoints", "$14.60"),
        ("keys", "$1.00"),
        ("alarms, by the metrics they watch", "$0.30"),
        ("in all", "$15.90"),
    ]
    assert cli("cost", "month", template, "--json").json["usd"] == 15.9


@pytest.mark.parametrize("text", ["", "[]", '{"Resources": {"a": {}}}', '{"Resources": []}'])
def test_what_is_no_template_is_refused_with_how_to_make_one(cli: Cli, tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    answer = cli("cost", "month", tmp_path / "x.json")

    assert answer.status == 2
    assert "BA0903" in answer.err
    assert "CDK_OUTDIR" in answer.err


def test_prices_are_listed_with_unit_and_source(cli: Cli) -> None:
    assert "s3_deep_archive_gib_month" in cli("cost", "prices").out
    rows = cli("cost", "prices", "--json").json["prices"]

    assert {"name": "interface_endpoint_hour", "usd": "0.01"}.items() <= rows[
        [row["name"] for row in rows].index("interface_endpoint_hour")
    ].items()


def test_every_action_that_something_is_known_of_can_be_chosen() -> None:
    group = application.get_command(None, "cost")  # type: ignore[arg-type]
    (option,) = (each for each in group.commands["estimate"].params if each.name == "action")  # type: ignore[union-attr]

    assert tuple(option.type.choices) == predictable()
