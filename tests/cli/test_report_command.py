"""``report`` as an auditor calls it: a table, JSON, one HTML file; of a separated account its imports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli
from tests.estate.ledgers import NOON, VOLUME, StandingClock, point
from tests.moto_clients import moto_clients
from tests.offsite.kept_imports import kept
from tests.proving.vaults import ACTION, ESTATE, archived, put

from backup_actions.aws import Clients, World
from backup_actions.cli.commands import report as command
from backup_actions.errors import StackUnknown
from backup_actions.estate.description import OUTPUT
from backup_actions.ledger import Ledger, Status
from backup_actions.offsite.imports import Acted, Import, Imports, Stage
from backup_actions_local.resources import make_ledger

WATCHING, SEPARATED = replace(ESTATE, name="watching"), replace(ESTATE, name="vaulted", vaults=())


@pytest.fixture(name="clients", scope="module")
def _clients() -> Iterator[Clients]:
    """Of moto: a bucket, a ledger, and the stacks of a deployment that watches a vault and of one that imports."""
    with moto_clients() as clients:
        make_ledger(clients.dynamodb, ESTATE.ledger)
        clients.s3.create_bucket(Bucket=ESTATE.bucket)
        for estate in (WATCHING, SEPARATED):
            stack = {
                "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
                "Outputs": {OUTPUT: {"Value": estate.to_text()}},
            }
            clients.cloudformation.create_stack(StackName=estate.name, TemplateBody=json.dumps(stack))
        yield clients


@pytest.fixture(name="world", scope="module")
def _world(clients: Clients) -> World:
    """One backup is archived, another has failed; one snapshot is imported, another could not be."""
    world = World(clients, clock=StandingClock(NOON))
    archived(world, point("snap-1"))
    ledger = Ledger(clients.dynamodb, ESTATE.ledger, world.clock)
    details = {"reason": "no zone could take the volume"}
    ledger.record(point("snap-2"), run="run", status=Status.FAILED, details=details, made_at=NOON.isoformat())
    imports = Imports(clients.dynamodb, ESTATE.ledger, world.clock)
    imports.stand(replace(imported(), promised_until="2027-01-01T00:00:00+00:00"))
    imports.stand(kept("broken", NOON, imported_arn="", imported_at="", stage=Stage.FAILED, problem="the key is shut"))
    put(world, evidence_key(imported()), b"{}")
    return world


@pytest.fixture(autouse=True)
def _to_them(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    monkeypatch.setattr(command, "aws_clients", lambda: world.clients)


def imported() -> Import:
    return kept("good", NOON, acted=Acted.PROVEN)


def evidence_key(each: Import) -> str:
    return f"{each.recovery_point.prefix('evidence', NOON.date().isoformat())}/evidence.json"


def asked(cli: Cli, stack: str, *more: object) -> Any:
    answer = cli("report", "--json", "--stack", stack, *more)
    assert answer.status == 0, answer.err
    return answer.json


def test_the_table_has_each_resource_and_names_what_is_not_archived(cli: Cli) -> None:
    answer = cli("report", "--stack", "watching")

    assert answer.status == 0
    assert f"{VOLUME}  2" in answer.out
    assert f"not archived: {point('snap-2').arn} of {VOLUME}: failed, no zone could take the volume" in answer.out
    assert "IMPORTED" not in answer.out


def test_json_has_backups_archives_and_figures(cli: Cli) -> None:
    told = asked(cli, "watching")

    (resource,) = told["resources"]
    by_name = {each["point"].rpartition("/")[2]: each for each in resource["points"]}
    assert told["deployment"]["name"] == "watching"
    assert (told["counts"]["backups"], told["counts"]["backups_not_archived"]) == (2, 1)
    assert [each["action"] for each in by_name["snap-1"]["archives"]] == [ACTION]
    assert by_name["snap-2"]["archives"] == []
    assert told["imports"] == []


def test_html_is_one_file_with_the_same_and_stdout_says_where(cli: Cli, tmp_path: Path) -> None:
    page = tmp_path / "backups.html"

    answer = cli("report", "--stack", "watching", "--html", page)

    html = page.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert str(point("snap-1").arn) in html
    assert "no zone could take the volume" in html
    assert '<h2 id="imports">' not in html
    assert f"The report is in {page}." in answer.err


def test_json_and_html_are_had_at_once(cli: Cli, tmp_path: Path) -> None:
    told = asked(cli, "watching", "--html", tmp_path / "backups.html")

    assert told["counts"]["backups"] == 2
    assert (tmp_path / "backups.html").stat().st_size > 1000


def test_a_separated_account_reports_its_imports_with_their_evidence(cli: Cli) -> None:
    told = asked(cli, "vaulted")

    good, broken = sorted(told["imports"], key=lambda each: not each["is_held"])
    assert (good["imported"], good["stage"], good["actions"]) == (imported().imported_arn, "acknowledged", "proven")
    assert (good["imported_at"], good["promised_until"]) == (imported().imported_at, "2027-01-01T00:00:00+00:00")
    assert good["evidence"] == f"s3://{ESTATE.bucket}/{evidence_key(imported())}"
    assert good["evidence_sha256"] == hashlib.sha256(b"{}").hexdigest()
    assert (broken["stage"], broken["problem"], broken["evidence"]) == ("failed", "the key is shut", "")
    assert {name: told["counts"][name] for name in ("imports", "imports_held", "imports_failed")} == {
        "imports": 2,
        "imports_held": 1,
        "imports_failed": 1,
    }


def test_the_table_of_a_separated_account_says_until_when_each_is_kept_and_what_failed(cli: Cli) -> None:
    answer = cli("report", "--stack", "vaulted")

    assert "KEPT AT LEAST UNTIL" in answer.out
    assert f"acknowledged  2027-01-01T00:00     {imported().imported_arn}" in answer.out
    assert "import failed: " in answer.out
    assert "the key is shut" in answer.out


def test_the_page_of_a_separated_account_shows_its_imports(cli: Cli, tmp_path: Path) -> None:
    page = tmp_path / "imports.html"

    cli("report", "--stack", "vaulted", "--html", page)

    html = page.read_text(encoding="utf-8")
    assert '<h2 id="imports">Imports</h2>' in html
    assert imported().imported_arn in html
    assert hashlib.sha256(b"{}").hexdigest() in html
    assert "Something here needs a person." in html


def test_a_stack_that_is_not_there_is_named(cli: Cli) -> None:
    answer = cli("report", "--stack", "nobody")

    assert answer.status == StackUnknown.exit_code
    assert "nobody" in answer.err
