"""The same for off-site copies, in both accounts: each call fails in turn, each grant is taken away in turn."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.flow.dumps import QUICK
from tests.flow.flow import NAME, Flow
from tests.flow.offsite import (
    ACKNOWLEDGEMENTS,
    ANNOUNCEMENTS,
    COPY,
    IMPORT,
    REVIEW,
    Accounts,
    Held,
    as_source,
    two_accounts,
)
from tests.flow.offsite_promises import broken
from tests.sweeps.grants import Grant, every_grant
from tests.sweeps.outcomes import refused_to

from backup_actions_local.front.faults import CallSite
from backup_actions_testing.faults import Trial, every_trial

if TYPE_CHECKING:
    from backup_actions_local.seaweed import ObjectServer

Run = Callable[[Accounts], None]
NewAccounts = Callable[[], Any]

_CALLS_SAMPLED, _GRANTS_SAMPLED = 2, 2
"""The suite takes so many of the import's own calls, and of the grants; the contract of actions has the copy's."""
RETENTION = f"{NAME}-offsite-retention"
ROLES = {"source": COPY, "separated": f"{NAME}-offsite"}
"""In which account whose roles are looked at: those of other machines have sweeps of their own."""


def flow_in(accounts: Accounts, where: str) -> Flow:
    """The account of that name."""
    flow: Flow = getattr(accounts, where)
    return flow


# ------------------------------------------------------------------------------------------------------------- the runs


def instance(accounts: Accounts) -> None:
    """An encrypted DB instance goes off-site."""
    accounts.back_up(accounts.database(kms_key_id=customer_key(accounts)))


def cluster(accounts: Accounts) -> None:
    """An encrypted cluster goes off-site."""
    accounts.back_up(accounts.database(engine="aurora-postgresql", kms_key_id=customer_key(accounts)))


def volume(accounts: Accounts) -> None:
    """An encrypted volume goes off-site."""
    made = accounts.source.volume(kms_key_id=customer_key(accounts))
    accounts.back_up(accounts.source.cloud.place.arn("ec2", f"volume/{made}"))


def customer_key(accounts: Accounts) -> str:
    return accounts.source.cloud.place.arn("kms", "key/customer")


ORDINARY: tuple[Run, ...] = (instance, cluster, volume)


@pytest.fixture(name="new_accounts")
def _new_accounts(tmp_path: Path, tiny_disk: Path, flow_objects: ObjectServer) -> NewAccounts:
    @contextmanager
    def new() -> Iterator[Accounts]:
        with two_accounts(tmp_path, flow_objects, disk=tiny_disk, durations=QUICK) as accounts:
            yield accounts

    return new


# ------------------------------------------------------------------------------------------------------------ the calls


@dataclass(frozen=True, slots=True)
class Place:
    """A call in one of the accounts, and the run that makes it."""

    where: str
    site: CallSite
    run: Run


@pytest.fixture(name="places", scope="module")
def _places(
    tmp_path_factory: pytest.TempPathFactory, tiny_disk: Path, flow_objects: ObjectServer, pytestconfig: pytest.Config
) -> tuple[Place, ...]:
    """Every call of a good run of a cluster; and of the others, where all is tried, what only they call."""
    found: list[Place] = []
    for run in ORDINARY[::-1] if pytestconfig.getoption("sweep") else (cluster,):
        folder = tmp_path_factory.mktemp("good")
        with two_accounts(folder, flow_objects, disk=tiny_disk, durations=QUICK) as accounts:
            run(accounts)
            known = {(place.site.role, place.site.service, place.site.operation) for place in found}
            found += [
                Place(where, site, run)
                for where, prefix in ROLES.items()
                for site in flow_in(accounts, where).cloud.faults.calls
                if site.role.startswith(prefix) and (site.role, site.service, site.operation) not in known
            ]
    return tuple(found)


@pytest.mark.timeout(9000)
def test_no_single_fault_of_an_off_site_copy_breaks_a_promise(
    new_accounts: NewAccounts,
    places: tuple[Place, ...],
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    every = pytestconfig.getoption("sweep")
    tried = [place for place in places if every or place.where == "separated"]
    trials = [(place, trial) for place in tried for trial in every_trial((place.site,))]
    step = max(1, len(trials) // _CALLS_SAMPLED) | 1  # odd, so that no kind is passed over
    results = []
    for place, trial in trials if every else trials[step // 2 :: step]:
        with new_accounts() as accounts:
            results.append(_tried(accounts, place, trial))

    record_property("faults", json.dumps(results))
    assert [result for result in results if result["broken"]] == []


def _tried(accounts: Accounts, place: Place, trial: Trial) -> dict[str, Any]:
    flow = flow_in(accounts, place.where)
    trial.plan(flow)
    place.run(accounts)
    flow.cloud.faults.assert_all_happened()
    wrong = broken(accounts)
    if trial.must_succeed and not has_succeeded(accounts):
        wrong.append(f"the run did not succeed: {accounts.source.main.error}: {accounts.source.main.cause}")
    return {"trial": str(trial), "group": trial.kind, "outcome": outcome_of(accounts), "broken": wrong}


def has_succeeded(accounts: Accounts) -> bool:
    """Whether the backup was imported and let go."""
    return accounts.source.main.status == "SUCCEEDED" and accounts.source.point is None


def outcome_of(accounts: Accounts) -> str:
    """What became of the recovery point."""
    imported = any(each.is_verified for each in accounts.imports())
    kept = "backup deleted" if accounts.source.point is None else "backup kept"
    return f"{'imported' if imported else 'not imported'}, {kept}"


# ----------------------------------------------------------------------------------------------------------- the grants


def late(run: Run) -> Run:
    """The acknowledgement comes when nobody waits for it any more, and then once again."""

    def lately(accounts: Accounts) -> None:
        held = Held(accounts, accounts.source, ACKNOWLEDGEMENTS)
        run(accounts)
        with accounts.source.cloud.clock.actor():
            held.let_go()
            for message in list(held.messages):
                accounts.neighbours.queues[accounts.source.cloud.place.arn("sqs", ACKNOWLEDGEMENTS)].send(
                    message.body, message.sender
                )
        accounts.wait()

    return lately


def unanswered(run: Run) -> Run:
    """No acknowledgement comes for a month, and then somebody looks."""

    def never(accounts: Accounts) -> None:
        Held(accounts, accounts.source, ACKNOWLEDGEMENTS)
        run(accounts)
        assert accounts.source.notices, "read before the month is over, in which they expire"
        accounts.review(days=31)

    return never


def failing(run: Run) -> Run:
    """The import's first copy fails."""

    def once(accounts: Accounts) -> None:
        accounts.separated.cloud.mishaps.snapshot_copy_fails()
        run(accounts)

    return once


def without_room(accounts: Accounts) -> None:
    """The account has as many snapshots as it may have, for a while."""
    accounts.source.cloud.faults.on("rds", "CopyDBSnapshot").fail("SnapshotQuotaExceeded")
    instance(accounts)


def lying(accounts: Accounts) -> None:
    """It is announced once more; somebody says what is no announcement, somebody else what is no acknowledgement."""
    instance(accounts)
    announced = [each.announcement.to_bytes().decode() for each in accounts.imports()]
    with accounts.source.cloud.clock.actor():
        for message in (*announced, "{"):
            accounts.source.cloud.administrator.client("sns").publish(
                TopicArn=accounts.source.cloud.place.arn("sns", ANNOUNCEMENTS), Message=message
            )
        # Nobody of the source's own may write there.
        accounts.separated.cloud.administrator.client("sqs").send_message(
            QueueUrl=as_source(accounts.source)["acknowledgements_queue_url"], MessageBody="{"
        )
    accounts.wait()


_ACKNOWLEDGE, _HEAR = f"{COPY}-acknowledgements", f"{NAME}-offsite-announcements"
_CLEAN, _PUT_BACK = f"{IMPORT}-task-clean", f"{IMPORT}-task-put-back"
_PREPARE, _ANNOUNCE = f"{COPY}-task-prepare", f"{COPY}-task-announce"

_REMOVALS: Mapping[Run, tuple[str, ...]] = {
    instance: ("rds:DescribeDBSnapshots", "rds:ModifyDBSnapshotAttribute", "rds:DeleteDBSnapshot"),
    cluster: ("rds:DescribeDBClusterSnapshots", "rds:ModifyDBClusterSnapshotAttribute", "rds:DeleteDBClusterSnapshot"),
    volume: ("ec2:DescribeSnapshots", "ec2:ModifySnapshotAttribute", "ec2:DeleteSnapshot"),
}
"""What removes a copy of each kind."""

RUNS: Mapping[tuple[str, str], Run] = {
    **{
        (role, action): afterwards(run)
        for role, afterwards in ((_ACKNOWLEDGE, late), (REVIEW, unanswered))
        for run, actions in _REMOVALS.items()
        for action in actions
    },
    **{
        (REVIEW, action): unanswered(instance)
        for action in ("dynamodb:Query", "dynamodb:GetItem", "dynamodb:PutItem", "sns:Publish")
    },
    (_ACKNOWLEDGE, "s3:GetObject"): late(instance),
    (_ACKNOWLEDGE, "kms:Decrypt"): late(instance),
    (_ACKNOWLEDGE, "sqs:SendMessage"): lying,
    (_HEAR, "sqs:SendMessage"): lying,
    (f"{COPY}-task-copy", "dynamodb:PutItem"): without_room,
    (_CLEAN, "rds:DeleteDBSnapshot"): failing(instance),
    (_CLEAN, "rds:DeleteDBClusterSnapshot"): failing(cluster),
    (_CLEAN, "ec2:DeleteSnapshot"): failing(volume),
    (f"{IMPORT}-task-tell", "dynamodb:PutItem"): failing(instance),
    (_PUT_BACK, "dynamodb:GetItem"): failing(instance),
    (_PUT_BACK, "dynamodb:PutItem"): failing(instance),
    (_PUT_BACK, "sqs:SendMessage"): failing(instance),
    (f"{IMPORT}-task-copy", "kms:DescribeKey"): failing(instance),
    (f"{IMPORT}-task-copy", "kms:Decrypt"): volume,  # EBS asks it of both keys
    (f"{IMPORT}-task-copy", "kms:ReEncryptFrom"): volume,
    (f"{IMPORT}-task-inspect", "kms:DescribeKey"): failing(instance),
}
"""Where an ordinary run does without the grant."""

_AFTER_A_REPLAY = "for a run that is replayed after nobody has acknowledged its copy"
_FOR_ACTIONS = "for the actions that run on an import, of which there are none here"
UNUSED_HERE: Mapping[tuple[str, str], str] = {
    (_PREPARE, "rds:DescribeOptionGroups"): "for Oracle and SQL Server, which do not run here",
    (_PREPARE, "s3:GetObject"): _AFTER_A_REPLAY,
    (_PREPARE, "kms:Decrypt"): _AFTER_A_REPLAY,
    (_PREPARE, "dynamodb:GetItem"): _AFTER_A_REPLAY,
    (_ACKNOWLEDGE, "s3:ListBucket"): "for evidence that is gone when it is read back",
    **{
        (f"{COPY}-task-copy", f"kms:{action}"): "granted for the export key and for the backup's: here either is enough"
        for action in ("Decrypt", "DescribeKey", "ReEncryptFrom")
    },
    (_ANNOUNCE, "s3:ListBucket"): _AFTER_A_REPLAY,
    (_ANNOUNCE, "s3:GetObject"): _AFTER_A_REPLAY,
    (_ANNOUNCE, "kms:Decrypt"): _AFTER_A_REPLAY,
    **{
        (f"{IMPORT}-workflow", action): _FOR_ACTIONS
        for action in ("states:StartExecution", "states:DescribeExecution", "states:StopExecution")
    },
    **{
        (f"{IMPORT}-workflow", f"events:{action}"): "used by Step Functions itself, when a machine is made"
        for action in ("PutTargets", "PutRule", "DescribeRule")
    },
    (_HEAR, "states:DescribeExecution"): "for an announcement that comes again while its import is under way",
    (f"{IMPORT}-task-tell", "s3:ListBucket"): "for evidence that does not stand yet: none is written twice here",
    **{(f"{IMPORT}-task-prove", action): _FOR_ACTIONS for action in ("s3:GetObject", "s3:ListBucket", "kms:Decrypt")},
}
"""Grants whose lack no run of ours can show, and why they stand all the same."""


def run_for(grant: Grant) -> Run:
    """The run in which a grant is needed."""
    if (run := RUNS.get((grant.role, grant.action))) is not None:
        return run
    if grant.action.startswith("ec2:"):
        return volume
    return cluster if "Cluster" in grant.action else instance


def grants_of(accounts: Accounts) -> list[tuple[str, Grant]]:
    """Every grant of either account that a run can miss; retention has tests of its own, and a denial is no grant."""
    found: list[tuple[str, Grant]] = []
    for where, prefix in ROLES.items():
        flow = flow_in(accounts, where)
        statements = dict(flow.deployment.roles())
        found += [
            (where, grant)
            for grant in every_grant(flow)
            if grant.role.startswith(prefix) and grant.role != RETENTION
            if (grant.role, grant.action) not in UNUSED_HERE
            if statements[grant.role][grant.statement].effect == "Allow"
        ]
    return found


@pytest.mark.timeout(9000)
def test_every_grant_of_an_off_site_copy_is_needed_and_its_lack_does_no_harm(
    new_accounts: NewAccounts,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    with new_accounts() as accounts:
        grants = grants_of(accounts)
    chosen = grants if pytestconfig.getoption("sweep") else grants[:: max(1, len(grants) // _GRANTS_SAMPLED)]
    results = []
    for where, grant in chosen:
        with new_accounts() as accounts:
            results.append(_lacking(accounts, where, grant))

    record_property("grants", json.dumps(results))
    assert [result for result in results if result["broken"]] == []


def _lacking(accounts: Accounts, where: str, grant: Grant) -> dict[str, Any]:
    flow = flow_in(accounts, where)
    flow.take_away(grant.role, grant.action, grant.statement)
    run_for(grant)(accounts)
    wrong = broken(accounts)
    # EBS asks for keys after its answer: then nothing is refused, and the copy fails.
    has_failed_later = run_for(grant) is volume and not has_succeeded(accounts)
    if not refused_to(flow, grant.role) and not has_failed_later:
        wrong.append("nothing was refused: the grant is too much")
    return {"trial": str(grant), "group": grant.role, "outcome": outcome_of(accounts), "broken": wrong}


def test_grants_of_an_off_site_copy_that_no_run_needs_still_exist(new_accounts: NewAccounts) -> None:
    with new_accounts() as accounts:
        granted = {(grant.role, grant.action) for where in ROLES for grant in every_grant(flow_in(accounts, where))}

    assert granted >= set(UNUSED_HERE)
    assert granted >= set(RUNS)
