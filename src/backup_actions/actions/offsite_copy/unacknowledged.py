"""The daily look at copies that nobody acknowledges: people hear of them, and after their days they go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from backup_actions.actions.offsite_copy.announced import Announced, AnnouncedCopies, Stage
from backup_actions.actions.offsite_copy.cleaning import copy_of_run, remove_copy
from backup_actions.aws import World, translated
from backup_actions.errors import AwsCallFailed
from backup_actions.model.mail import Mail


def review(world: World, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """People know of every copy that was announced to no avail; those whose days are over are gone, or going.

    Raises AwsBusy, and AwsCallFailed for what AWS refuses but a removal: Lambda calls again.
    """
    del event
    copies = AnnouncedCopies(world.clients.dynamodb, world.environment["BACKUP_ACTIONS_LEDGER"], world.clock)
    look = _Look(world, copies, json.loads(world.environment["BACKUP_ACTIONS_SETTINGS"]))
    told = [sentence for known in list(copies.unacknowledged()) if (sentence := look.at(known))]
    if told:
        _tell(world, told)
    return {"told": told}


class _Look:
    """One round. What ``at`` says of a copy is for people; it is empty where they need not know."""

    def __init__(self, world: World, copies: AnnouncedCopies, settings: Mapping[str, Any]) -> None:
        self._world, self._copies = world, copies
        self._account: str = settings["separated_account"]
        self._patience = timedelta(hours=settings["acknowledgement_timeout_hours"])
        self._days = timedelta(days=settings["unacknowledged_copy_days"])

    def at(self, known: Announced) -> str:
        """One copy: waited for, removed, or gone."""
        if copy_of_run(self._world, known.snapshot_arn, known.run) is None:
            self._copies.stand(replace(known, stage=Stage.REMOVED))
            is_expected = known.stage is Stage.LEAVING
            return "" if is_expected else f"{_named(known)} is not there any more: somebody else has removed it."
        announced_at = datetime.fromisoformat(known.announced_at)
        age = self._world.clock.now() - announced_at
        if known.stage is Stage.LEAVING or age >= self._days:
            return self._removed(known)
        if age <= self._patience:  # a run still waits for it
            return ""
        is_another = known.account != self._account
        again = f"account {self._account} is told of a new copy" if is_another else "the same copy is announced again"
        return (
            f"{_named(known)} has not been acknowledged for {age.days} days. Until then it costs storage and stays "
            f"shared; on {(announced_at + self._days).date()} it is removed. Look at the imports of account "
            f"{self._account_of(known)}, then replay the recovery point: {again}."
        )

    def _account_of(self, known: Announced) -> str:
        return known.account or self._account

    def _removed(self, known: Announced) -> str:
        """It is marked first: what is acknowledged or announced again in the same moment stays."""
        marked = known if known.stage is Stage.LEAVING else self._copies.stand(replace(known, stage=Stage.LEAVING))
        if marked is None:
            return ""
        try:
            pending = remove_copy(self._world, known.snapshot_arn, run=known.run, account=self._account_of(known))
        except AwsCallFailed as refusal:
            return f"{_named(known)} cannot be removed, costs storage and may still be shared: {refusal}"
        if not pending:
            self._copies.stand(replace(marked, stage=Stage.REMOVED))
        return (
            f"{_named(known)} {'is being' if pending else 'was'} removed: nobody has acknowledged it for "
            f"{self._days.days} days. The backup itself is kept; replay the recovery point to try again."
        )


def _named(known: Announced) -> str:
    return f"{known.snapshot_arn} ({known.size_gib} GiB, of {known.resource_arn}), announced {known.announced_at[:10]},"


def _tell(world: World, told: list[str]) -> None:
    mail = Mail("Off-site copies that nobody has acknowledged", "\n\n".join(told))
    with translated():
        world.clients.sns.publish(
            TopicArn=world.environment["BACKUP_ACTIONS_TOPIC"], Subject=mail.subject, Message=mail.message
        )
