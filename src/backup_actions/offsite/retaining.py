"""Retention, once a day: what the rules let go is deleted, seen to be gone, and noted in the ledger."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from backup_actions.aws import World, translated
from backup_actions.errors import AwsCallFailed
from backup_actions.model.arn import Arn
from backup_actions.model.clock import growing_waits
from backup_actions.offsite.imports import Import, Imports, Stage
from backup_actions.offsite.kinds import snapshots_like
from backup_actions.offsite.retention import Rules
from backup_actions.offsite.sharing import shared_with
from backup_actions.offsite.stocktaking import snapshot_of, take_stock

log = logging.getLogger(__name__)

# 5 s growing by 1.5, 9 times: about 6 minutes in all. What takes longer is looked at the next day.
_WAITS = growing_waits(5, 1.5, 9)
_TOLD_AT_MOST = 200
"""A message of SNS has 256 KiB at most."""


def retain(world: World, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the rules let go is gone and noted as removed; of what could not be removed people are told.

    With ``dryRun`` nothing is changed. Raises AwsBusy and AwsCallFailed for what AWS refuses, but for a deletion:
    Lambda calls again, and then everything is judged anew.
    """
    environment = world.environment
    imports = Imports(world.clients.dynamodb, environment["BACKUP_ACTIONS_LEDGER"], world.clock)
    security_tag = {environment["BACKUP_ACTIONS_TAG_KEY"]: environment["BACKUP_ACTIONS_TAG_VALUE"]}
    rules = Rules.among(json.loads(environment["BACKUP_ACTIONS_SETTINGS"]))
    known = imports.all()
    machine_arn = environment["BACKUP_ACTIONS_IMPORT_MACHINE"]
    stock = take_stock(world, known, security_tag, rules, machine_arn=machine_arn)
    if event.get("dryRun"):
        return stock.to_json()
    marked = {each.announcement.snapshot_arn for each in known if each.leaving_since}
    removal = Removal(world, imports)
    for verdict in stock.verdicts:
        if not verdict.keeps:
            removal.begin(verdict.imported)
        elif verdict.imported.announcement.snapshot_arn in marked:
            imports.stand(verdict.imported)
    removal.confirm(stock.leaving)
    troubles = [*stock.troubles, *removal.troubles]
    if troubles:
        _tell(world, troubles)
    log.info("%d removed, %d leaving, %d to look at", len(removal.removed), len(removal.leaving), len(troubles))
    return {
        **stock.to_json(),
        "removed": [each.imported_arn for each in removal.removed],
        "leaving": [each.imported_arn for each in removal.leaving],
        "troubles": troubles,
    }


class Removal:
    """What one round of retention removes, and what of it cannot be."""

    def __init__(self, world: World, imports: Imports) -> None:
        self._world, self._imports = world, imports
        self.removed: list[Import] = []
        self.leaving: list[Import] = []
        """AWS has been asked, and it is not gone yet."""
        self.troubles: list[str] = []

    def begin(self, each: Import) -> None:
        """AWS deletes it, unless it is in use: then it stays, and people are told.

        It is marked first, so that whoever holds it at the same moment either keeps it or learns that it is too late.
        """
        kind, arn = each.announcement.resource_type, each.imported_arn
        if accounts := shared_with(self._world, kind, arn):
            self.troubles.append(f"{arn} is shared with {', '.join(accounts)}: end that, or put it under a hold")
            return
        marked = self._imports.stand(replace(each, leaving_since=self._world.clock.now().isoformat()))
        if marked is None:
            log.info("%s was changed a moment ago; it is judged the next time", arn)
            return
        try:
            accepted = snapshots_like(self._world, kind, Arn.parse(arn)).remove(arn)
            refused = "" if accepted else "it is in use"
        except AwsCallFailed as refusal:
            refused = str(refusal)
        if refused:
            self.troubles.append(f"{arn} cannot be deleted: {refused}")
            self._imports.stand(replace(marked, leaving_since=""))
        else:
            self.leaving.append(marked)

    def confirm(self, leaving: Iterable[Import]) -> None:
        """What of all that leaves is gone is removed in the ledger too; asked until all is, or for as long as said."""
        self.leaving += leaving
        for wait_seconds in _WAITS:
            self._note_what_is_gone()
            if not self.leaving:
                return
            self._world.clock.sleep(wait_seconds)
        self._note_what_is_gone()

    def _note_what_is_gone(self) -> None:
        gone = [each for each in self.leaving if snapshot_of(self._world, each) is None]
        for each in gone:
            self._imports.stand(replace(each, stage=Stage.REMOVED))
        self.removed += gone
        self.leaving = [each for each in self.leaving if each not in gone]


def _tell(world: World, troubles: list[str]) -> None:
    shown = troubles[:_TOLD_AT_MOST]
    if len(shown) < len(troubles):
        shown.append(f"… and {len(troubles) - len(shown)} more, which `backup-actions imports retention` prints")
    with translated():
        world.clients.sns.publish(
            TopicArn=world.environment["BACKUP_ACTIONS_TOPIC"],
            Subject="Off-site copies: retention needs somebody to look",
            Message="\n".join(["Of these imports somebody has to know:", "", *shown]),
        )
