"""Called once a day: begins a run of the machine for each archive that is proven today."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backup_actions.aws import World
from backup_actions.aws.documents import describe_object, read_document
from backup_actions.aws.executions import begin
from backup_actions.estate import Estate
from backup_actions.estate.description import VARIABLE
from backup_actions.ledger import Entry, Ledger
from backup_actions.ledger.ledger import THE_POINT
from backup_actions.model.report import ActionReport
from backup_actions.proving.choosing import to_restore, to_verify
from backup_actions.proving.concluding import noted, store
from backup_actions.proving.elsewhere import TESTERS, asked
from backup_actions.proving.proof import Found, Proof, ProofKind, Subject
from backup_actions.proving.settings import ProvingSettings
from backup_actions.proving.told import is_cold, report_in, result_in

log = logging.getLogger(__name__)

MACHINE = "BACKUP_ACTIONS_PROVING_MACHINE"
SETTINGS = "BACKUP_ACTIONS_SETTINGS"

# Lifecycle rules end things once a day.
_EXPIRY_IS_LATE = timedelta(days=2)


def begin_proofs(world: World, _event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is due today is being proven, each in a run whose name follows from the day: called again, nothing more is.

    What is too cold to be read, and what the bucket's lifecycle has ended, is said to be so in the ledger and asked for
    no more.
    """
    estate = Estate.from_text(world.environment[VARIABLE])
    settings = ProvingSettings(**json.loads(world.environment[SETTINGS]))
    beginning = _Beginning(world, estate)
    ledger, now = beginning.ledger, world.clock.now()
    restored = to_restore(ledger, settings, now.date())
    begun = {"restores": int(restored is not None and beginning.begin(restored, ProofKind.RESTORE))}

    def begins(entry: Entry) -> bool:
        return not _is(entry, restored) and beginning.begin(entry, ProofKind.VERIFICATION)

    begun["verifications"] = sum(1 for _ in to_verify(ledger, settings, now, begins=begins))
    log.info("%s", begun)
    return begun


def subject_of(ledger: Ledger, entry: Entry) -> Subject | None:
    """What an action's item is about; None where the ledger does not say where its evidence is."""
    point = next((each for each in ledger.entries(entry.point) if each.item == THE_POINT), None)
    key = str(point.details.get("evidence", "")) if point else ""
    if not key.endswith(".json"):  # a run is at it, and will prove it
        return None
    return Subject(recovery_point=entry.recovery_point, action=entry.action, run=entry.run, evidence_key=key)


@dataclass(frozen=True, slots=True)
class _Beginning:
    world: World
    estate: Estate

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.world.clients.dynamodb, self.estate.ledger, self.world.clock)

    def begin(self, entry: Entry, kind: ProofKind) -> bool:
        """Whether a run is at it now, or was on this day."""
        subject = subject_of(self.ledger, entry)
        if subject is None:
            return False
        evidence = read_document(self.world.clients.s3, self.estate.bucket, subject.evidence_key) or {}
        if self._is_over(entry, subject, kind, report_in(evidence, subject.action)):
            return False
        now = self.world.clock.now()
        key = subject.proof_key(kind, now)
        given: dict[str, Any] = {**subject.to_json(), "kind": str(kind), "proofKey": key}
        tester, result = self._tester(subject, kind), result_in(evidence, subject.action)
        if tester and result:
            given["test"] = asked(tester, result, key)
        begin(self.world.clients.stepfunctions, self.world.environment[MACHINE], _run_name(subject, kind, now), given)
        return True

    def _tester(self, subject: Subject, kind: ProofKind) -> str:
        """The machine that makes the restore test; empty where the job restores a sample itself."""
        testers = json.loads(self.world.environment.get(TESTERS, "{}"))
        return str(testers.get(subject.action, "")) if kind == ProofKind.RESTORE else ""

    def _is_over(self, entry: Entry, subject: Subject, kind: ProofKind, report: ActionReport | None) -> bool:
        """Whether there is nothing that could be read: then the ledger says so from now on."""
        s3, bucket = self.world.clients.s3, self.estate.bucket
        if self._has_expired(entry) and not (report and describe_object(s3, bucket, report.manifest_key)):
            self.ledger.record_action(
                entry.recovery_point, entry.action, run=entry.run, status="expired", details=entry.details
            )
            return True
        largest = max(report.artifacts, key=lambda each: each.size_bytes, default=None) if report else None
        if largest is None or not is_cold(self.world, bucket, largest):
            return False
        now = self.world.clock.now()
        proof = Proof(
            subject=subject,
            kind=kind,
            found=Found.COLD,
            problems=(f"{largest.key} has to be thawed before it is read",),
            began_at=now.isoformat(),
            proven_at=now.isoformat(),
            manifest_key=report.manifest_key if report else "",
        )
        key = subject.proof_key(kind, now)
        store(self.world, bucket, key, proof)
        noted(self.world, bucket=bucket, ledger_table=self.estate.ledger, key=key)
        return True

    def _has_expired(self, entry: Entry) -> bool:
        days = self.estate.expires_after_days
        archived_at = datetime.fromisoformat(str(entry.details.get("archived_at") or entry.since))
        return days is not None and self.world.clock.now() >= archived_at + timedelta(days=days) - _EXPIRY_IS_LATE


def _is(entry: Entry, other: Entry | None) -> bool:
    return other is not None and (entry.point, entry.action) == (other.point, other.action)


def _run_name(subject: Subject, kind: ProofKind, now: datetime) -> str:
    digest = hashlib.sha256(f"{subject.recovery_point.arn} {subject.action}".encode()).hexdigest()[:12]
    return f"{kind}-{now:%Y-%m-%d}-{subject.action[:40]}-{digest}"
