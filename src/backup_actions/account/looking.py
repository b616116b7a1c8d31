"""All checks of an account, one after another; one that AWS refuses keeps no other from being made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backup_actions.account.bucket import BUCKET_CHECKS
from backup_actions.account.identity import is_the_account, zones
from backup_actions.account.key import key
from backup_actions.account.preparation import PREPARATION_CHECKS
from backup_actions.account.quotas import QUOTA_CHECKS
from backup_actions.account.results import Outcome, Result
from backup_actions.account.subnets import NETWORK_CHECKS
from backup_actions.account.surroundings import Surroundings
from backup_actions.account.vaults import vaults
from backup_actions.aws import translated
from backup_actions.errors import AwsBusy, AwsCallFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from backup_actions.aws import Clients
    from backup_actions.contract import Action
    from backup_actions.settings import DeploymentSettings

    Check = Callable[[Surroundings], Iterable[Result]]

_CHECKS: tuple[tuple[str, Check], ...] = (
    ("zones", zones),
    ("vaults", vaults),
    *BUCKET_CHECKS,
    ("archive_bucket.key_arn", key),
    *NETWORK_CHECKS,
    *PREPARATION_CHECKS,
    *QUOTA_CHECKS,
)


def looked_at(settings: DeploymentSettings, actions: Iterable[Action], clients: Clients) -> Iterator[Result]:
    """What is found of the account, in a fixed order; of another account nothing but that. Raises AwsNotConfigured."""
    around = Surroundings(settings, tuple(actions), clients)
    found = list(_made("account", is_the_account, around))
    yield from found
    if any(result.outcome is Outcome.WRONG for result in found):
        return
    for subject, check in _CHECKS:
        yield from _made(subject, check, around)


def _made(subject: str, check: Check, around: Surroundings) -> Iterator[Result]:
    try:
        with translated():
            yield from check(around)
    except (AwsCallFailed, AwsBusy) as refused:
        said = "{operation}: {error_code}, {reason}".format(**refused.facts)
        yield Result(subject, Outcome.NOT_CHECKED, said)
