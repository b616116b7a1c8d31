"""``backup`` on the embedded AWS Backup: a backup is made, waited for or left alone, and never made twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from backup_actions.aws import Clients
from backup_actions.cli.commands import backup as command
from backup_actions.lifecycle.on_demand import OUTPUT, Planned, permissions
from backup_actions.model.clock import SystemClock
from backup_actions_local.clock import SimulatedClock
from backup_actions_local.front import Audit, Faults, Front, Roles
from backup_actions_local.services.backup import Backup
from backup_actions_local.services.backup_vaults import BackupVaults
from backup_actions_local.services.block_store import BlockStore
from backup_actions_local.services.durations import Durations
from backup_actions_local.services.events import Events
from backup_actions_local.services.hosting.devices import PlainFiles
from backup_actions_local.services.mishaps import Mishaps
from backup_actions_local.services.place import Place
from backup_actions_local.services.stacks import Stacks

if TYPE_CHECKING:
    from tests.cli.conftest import Answer, Cli

    from backup_actions.contract import Statement
    from backup_actions_local.services.recovery_points import Point

OPERATOR = "operator"
ROLE = "arn:aws:iam::111122223333:role/backup-actions-plans-backup-59c53b90"
PLANNED = Planned(vault="backups", role_arn=ROLE)
GIVEN = ("--vault", PLANNED.vault, "--role", PLANNED.role_arn)
Ask = Callable[..., "Answer"]


@dataclass(frozen=True)
class Account:
    """AWS Backup with one volume to back up, and two vaults."""

    clock: SimulatedClock
    faults: Faults
    mishaps: Mishaps
    vaults: BackupVaults
    stacks: Stacks
    roles: Roles
    front: Front
    volume: str

    @property
    def points(self) -> list[Point]:
        self.clock.sleep(600)
        return self.vaults.points()

    def act_as(self, monkeypatch: pytest.MonkeyPatch, role: str) -> None:
        """The command line has credentials of that role."""
        clients = Clients(self.front.session(role))
        monkeypatch.setattr(command, "aws_clients", lambda: clients)

    def act_with(self, monkeypatch: pytest.MonkeyPatch, statements: Iterable[Statement]) -> None:
        """The command line has credentials of somebody who may do so much."""
        self.roles.add(OPERATOR, statements)
        self.act_as(monkeypatch, OPERATOR)

    def documented(self) -> tuple[Statement, ...]:
        """What is needed for a backup into the vault of the plans, under their role."""
        return permissions(vault_arn=self.vaults.vaults[PLANNED.vault].arn, role_arn=ROLE)


@pytest.fixture(name="account")
def _account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    clock, place, mishaps, durations = SimulatedClock(), Place(), Mishaps(), Durations()
    store = BlockStore(
        clock=clock, place=place, directory=tmp_path / "cloud", durations=durations, devices=PlainFiles()
    )
    events = Events(clock=clock, place=place, durations=durations, mishaps=mishaps)
    vaults = BackupVaults(clock=clock, store=store, emit=events.put, mishaps=mishaps)
    for name in ("backups", "others"):
        vaults.make_vault(name)
    stacks, roles, faults = Stacks(clock=clock, place=place), Roles(clock), Faults()
    stacks.stand("backup-actions-plans", {OUTPUT: PLANNED.to_text()})
    image = tmp_path / "disk.img"
    with image.open("wb") as writing:
        writing.truncate(8 << 20)
    front = Front(clock=clock, roles=roles, faults=faults, audit=Audit(), services=(Backup(vaults), stacks))
    with clock.actor(), front:
        volume = place.arn("ec2", f"volume/{store.make_volume(image, zone='us-east-1a', tags={'Name': 'shop'})}")
        account = Account(clock, faults, mishaps, vaults, stacks, roles, front, volume)
        monkeypatch.setattr(SystemClock, "sleep", lambda _, seconds: clock.sleep(seconds))
        account.act_as(monkeypatch, "administrator")
        yield account
        vaults.close()
        events.close()
    store.close()


@pytest.fixture(name="ask")
def _ask(cli: Cli, account: Account) -> Ask:
    def ask(*words: object) -> Answer:
        return cli("backup", account.volume, *words)

    return ask


def test_who_waits_gets_the_recovery_point(ask: Ask, account: Account) -> None:
    answer = ask("--wait", "--keep-days", 14, "--tag", "change=4711", "--tag", "why=a=b")

    (point,) = account.points
    assert (answer.status, answer.out) == (0, f"{point.arn}\n")
    assert "kept for 14 days" in answer.err
    assert [line for line in answer.err.splitlines() if line.isupper()] == ["CREATED", "RUNNING", "COMPLETED"]
    assert (point.vault.name, point.role_arn) == (PLANNED.vault, PLANNED.role_arn)
    assert point.tags == {"Name": "shop", "change": "4711", "why": "a=b"}
    assert point.lifecycle == {"DeleteAfterDays": 14}


def test_who_does_not_wait_gets_the_job_and_how_to_look_after_it(ask: Ask, account: Account) -> None:
    answer = ask()

    (job,) = account.vaults.jobs.values()
    assert (answer.status, answer.out, job.state) == (0, f"{job.id}\n", "CREATED")
    assert f"aws backup describe-backup-job --region us-east-1 --backup-job-id {job.id}" in answer.err
    assert (job.start_by - job.created).total_seconds() == 3600
    assert len(account.points) == 1


@pytest.mark.parametrize(("words", "state"), [((), "CREATED"), (("--wait",), "COMPLETED")])
def test_scripts_get_the_job_as_it_stands(ask: Ask, account: Account, words: tuple[str, ...], state: str) -> None:
    told = ask("--json", *words).json

    (job,) = account.vaults.jobs.values()
    assert (told["id"], told["state"], told["vault"]) == (job.id, state, "backups")
    assert told["resource_arn"] == account.volume
    assert bool(told["recovery_point_arn"]) is (state == "COMPLETED")


def test_an_unknown_vault_is_refused_with_those_that_there_are(ask: Ask, account: Account) -> None:
    answer = ask("--vault", "bakcups")

    assert answer.status == 3
    assert "BA0751: there is no backup vault bakcups" in answer.err
    assert "HINT: There are: backups, others." in answer.err
    assert account.vaults.jobs == {}


def test_the_same_token_asks_for_the_same_backup(ask: Ask, account: Account) -> None:
    first, again = (ask("--token", "change-4711", "--json").json["id"] for _ in range(2))

    assert first == again
    assert len(account.points) == 1


def test_two_commands_are_two_backups(ask: Ask, account: Account) -> None:
    assert ask("--json").json["id"] != ask("--json").json["id"]
    assert len(account.points) == 2


def test_an_answer_that_is_lost_makes_no_second_backup(
    ask: Ask, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.act_with(monkeypatch, account.documented())
    account.faults.on("backup", "StartBackupJob").fail_after("InternalError")

    assert ask(*GIVEN, "--wait").status == 0
    assert len(account.points) == 1
    account.faults.assert_all_happened()


def test_a_backup_that_fails_stops_the_script(ask: Ask, account: Account) -> None:
    account.mishaps.backup_fails()

    answer = ask("--wait", "--json")

    assert answer.status == 1
    assert answer.json["error"]["code"] == "BA0752"
    assert "has ended as FAILED: The backup job failed." in answer.err
    assert account.points == []


def test_ctrl_c_leaves_the_backup_alone_and_says_how_to_look_after_it(
    ask: Ask, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_clock: SystemClock, _seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SystemClock, "sleep", interrupted)

    answer = ask("--wait")

    (job,) = account.vaults.jobs.values()
    assert answer.status == 130
    look = f"aws backup describe-backup-job --region us-east-1 --backup-job-id {job.id}"
    assert f"The backup goes on without this command. See how it stands: {look}\n" in answer.err
    assert len(account.points) == 1


def test_whoever_has_the_documented_permissions_can_do_it_and_no_more(
    ask: Ask, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.act_with(monkeypatch, account.documented())

    assert ask(*GIVEN, "--wait").status == 0
    for words in (("--vault", "others", "--role", ROLE), ("--vault", "backups", "--role", ROLE.replace("plans", "x"))):
        assert "AccessDeniedException" in ask(*words).err
    assert len(account.points) == 1


def test_each_permission_is_needed_and_documented(ask: Ask, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "backup-plans.md").read_text(encoding="utf-8")

    for statement in account.documented():
        account.act_with(monkeypatch, [each for each in account.documented() if each != statement])
        assert ask(*GIVEN, "--wait").status == 1
        assert all(f"`{action}`" in page for action in statement.actions)


@pytest.mark.parametrize(
    ("outputs", "why"),
    [
        (None, "it is not there"),
        ({}, "it does not tell 'BackupPlans'"),
        ({OUTPUT: "{}"}, "it does not tell 'vault'"),
        ({OUTPUT: "plans"}, "is of another version"),
        ({OUTPUT: "[]"}, "is of another version"),
    ],
)
def test_without_plans_vault_and_role_have_to_be_given(
    ask: Ask, account: Account, outputs: dict[str, str] | None, why: str
) -> None:
    if outputs is not None:
        account.stacks.stand("shop-plans", outputs)

    answer = ask("--stack", "shop", "--vault", "backups")

    assert answer.status == 2
    assert f"BA0753: the stack shop-plans does not say into which vault and under which role to back up: {why}" in (
        answer.err.replace(f"its output {OUTPUT} ", "")
    )
    assert ask("--stack", "shop", "--vault", "backups", "--role", ROLE).status == 0


@pytest.mark.parametrize("tag", ["change", "=4711"])
def test_what_is_no_tag_is_a_usage_error(ask: Ask, account: Account, tag: str) -> None:
    answer = ask("--tag", tag)

    assert answer.status == 2
    assert "is no tag: write KEY=VALUE." in answer.err
    assert account.vaults.jobs == {}


def test_what_is_no_arn_is_refused_before_aws_is_asked(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def unasked() -> Any:
        raise AssertionError

    monkeypatch.setattr(command, "aws_clients", unasked)

    assert cli("backup", "shop").status == 2
