"""What must hold in both accounts after every run, however it went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.flow.flow import VAULT, Flow
from tests.flow.offsite import COPY, IMPORT, SEPARATED, Accounts, snapshots

from backup_actions_testing.invariants import executions_end, failures_are_told, no_secrets_shown

WHOLE = frozenset({"available", "completed"})
"""What RDS and EC2 call a snapshot that is done."""


def broken(accounts: Accounts) -> list[str]:
    """Everything that does not hold after this run."""
    return [f"{promise.__name__}: {sentence}" for promise in PROMISES for sentence in promise(accounts)]


def deleted_only_when_imported(accounts: Accounts) -> list[str]:
    """A recovery point is gone only if the separated account has a verified import of it."""
    gone = [arn for arn in accounts.source.arns if accounts.source.cloud.vaults.point(VAULT, arn) is None]
    whole = {snapshot.arn for snapshot in snapshots(accounts.separated) if snapshot.status in WHOLE}
    imported = {
        each.announcement.recovery_point_arn
        for each in accounts.imports()
        if each.is_verified and each.imported_arn in whole
    }
    return [f"{arn} is gone and was not imported" for arn in gone if arn not in imported]


def imports_are_whole_and_under_a_key_of_their_own(accounts: Accounts) -> list[str]:
    """What the separated ledger calls verified is there, and encrypted with a key of the separated account."""
    found = {snapshot.arn: snapshot for snapshot in snapshots(accounts.separated)}
    sentences = []
    for each in accounts.imports():
        if each.is_verified:
            snapshot = found.get(each.imported_arn)
            if snapshot is None or snapshot.status not in WHOLE:
                sentences.append(f"{each.imported_arn} is {snapshot.status if snapshot else 'gone'}")
            elif f":{SEPARATED}:key/" not in snapshot.key_arn:
                sentences.append(f"{each.imported_arn} is encrypted with {snapshot.key_arn or 'nothing'}")
    return sentences


def nothing_left_in_the_source(accounts: Accounts) -> list[str]:
    """No copy and no lease; but a copy stays that was announced, and still waits for its acknowledgement.

    So does one whose acknowledgement has become a dead letter, of which an alarm tells people.
    """
    stored = accounts.source.stored()
    announced, acknowledged = (
        {key.split("/")[-2] for key in stored if key.endswith(f"/{name}.json")}
        for name in ("announcement", "acknowledgement")
    )
    waiting = {f"offsite-copy/{run}" for run in announced - acknowledged}
    letters = " ".join(letter["Body"] for letter in accounts.source.dead_letters)
    left = [
        f"snapshot {each.arn}"
        for each in snapshots(accounts.source)
        if each.tags.get("backup-actions:run") not in waiting and each.arn not in letters
    ]
    left += [f"a lease of {owner}" for owner in lease_holders(accounts.source)]
    return _untold(accounts.source, left, COPY)


def nothing_left_in_the_separated_account(accounts: Accounts) -> list[str]:
    """Every snapshot there is a verified import. A place in the quota that cannot be given back expires by itself."""
    known = {each.imported_arn for each in accounts.imports() if each.is_verified}
    left = [f"snapshot {each.arn}" for each in snapshots(accounts.separated) if each.arn not in known]
    return _untold(accounts.separated, left, IMPORT)


def imported_once(accounts: Accounts) -> list[str]:
    """However often a snapshot was announced, it was copied once, and each recovery point announced once."""
    counts = Counter(each.announcement.snapshot_arn for each in accounts.imports() if each.is_verified)
    again = [f"{arn} was imported {times} times" for arn, times in counts.items() if times > 1]
    written = Counter(
        entry.resource
        for entry in accounts.source.cloud.audit.of("s3", "PutObject")
        if entry.verdict == "allowed" and entry.resource.endswith(("/announcement.json", "/acknowledgement.json"))
    )
    return [*again, *(f"{key} was written {times} times" for key, times in written.items() if times > 1)]


def failed_imports_are_told(accounts: Accounts) -> list[str]:
    """Of an import that came to nothing people were told, or its announcement is a dead letter, with an alarm."""
    separated = accounts.separated
    is_refused = bool(separated.cloud.audit.of("sns", "Publish")) and not separated.notices
    told = [
        *(notice["Message"] for notice in separated.notices),
        *(letter["Body"] for letter in separated.dead_letters),
    ]
    unverified = [each.announcement.snapshot_arn for each in accounts.imports() if not each.is_verified]
    return [
        f"nobody was told of {arn}" for arn in unverified if not is_refused and not any(arn in text for text in told)
    ]


def each_holds_in_both(accounts: Accounts) -> list[str]:
    """Executions end, and no secret is shown, in either account."""
    flows = {"source": accounts.source, "separated": accounts.separated}
    return [
        f"{name}: {sentence}"
        for name, flow in flows.items()
        for promise in (executions_end, no_secrets_shown)
        for sentence in promise(flow)
    ]


def failures_of_the_source_are_told(accounts: Accounts) -> list[str]:
    """A run of the source that did not do what it should keeps the backup and says so."""
    return failures_are_told(accounts.source)


def _untold(flow: Flow, left: list[str], machine: str) -> list[str]:
    told = any("LeftBehind" in notice["Message"] for notice in flow.notices)
    claims_success = bool(flow.executions(machine)) and flow.executions(machine)[-1].status == "SUCCEEDED"
    return left if claims_success or not told else []


def lease_holders(flow: Flow) -> list[str]:
    """Who has a place of whatever quota."""
    table, now = flow.deployment.resources["LedgerTable"], flow.cloud.clock.now().timestamp()
    items = flow.cloud.administrator.client("dynamodb").scan(TableName=table)["Items"]
    leases = [item for item in items if item["point"]["S"].startswith("lease#")]
    return [item["owner"]["S"] for item in leases if int(item["expires"]["N"]) >= now]


PROMISES: tuple[Callable[[Accounts], list[str]], ...] = (
    deleted_only_when_imported,
    imports_are_whole_and_under_a_key_of_their_own,
    nothing_left_in_the_source,
    nothing_left_in_the_separated_account,
    imported_once,
    failed_imports_are_told,
    each_holds_in_both,
    failures_of_the_source_are_told,
)
