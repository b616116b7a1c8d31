"""Called once a day: begins a run of the machine for each archive that is proven today."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from backup_actions.aws import World
from backup_actions.aws.documents import describe_object
from backup_actions.aws.executions import begin
from backup_actions.errors import AwsCallFailed
from backup_actions.estate import Estate
from backup_actions.estate.description import VARIABLE
from backup_actions.ledger import Entry, Ledger
from backup_actions.ledger.ledger import THE_POINT
from backup_actions.model.report import ActionReport, Artifact
from backup_actions.proving.bucket import StoredDocument, stored_document
from backup_actions.proving.choosing import to_restore, to_verify
from backup_actions.proving.concluding import Place, conclude, store
from backup_actions.proving.elsewhere import TESTERS, asked
from backup_actions.proving.presence import Look, is_cold, look_at
from backup_actions.proving.proof import Found, Proof, ProofKind, Subject
from backup_actions.proving.settings import ProvingSettings
from backup_actions.proving.told import cold_evidence, parsed, report_in, result_in

log = logging.getLogger(__name__)

MACHINE = "BACKUP_ACTIONS_PROVING_MACHINE"
SETTINGS = "BACKUP_ACTIONS_SETTINGS"

# Of the quarter of an hour that the function has; what is due still is due tomorrow, before all else.
_WORKS_FOR = timedelta(minutes=10)

# Lifecycle rules end things once a day.
_EXPIRY_IS_LATE = timedelta(days=2)


def begin_proofs(world: World, _event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is due today is being proven, each in a run whose name follows from the day: called again, nothing more is.

    What is too cold to be read is looked at here, and not read. What the bucket's lifecycle has ended is said to be so
    in the ledger and asked for no more. What AWS refuses to show is passed over, and raised when all else is begun.
    """
    estate = Estate.from_text(world.environment[VARIABLE])
    settings = ProvingSettings(**json.loads(world.environment[SETTINGS]))
    beginning = _Beginning(world, estate)
    ledger, now = beginning.ledger, world.clock.now()
    restored = to_restore(ledger, settings, now.date())
    begun = {"restores": int(restored is not None and beginning.begin(restored, ProofKind.RESTORE))}

    def begins(entry: Entry) -> bool:
        has_time = world.clock.now() < now + _WORKS_FOR
        return has_time and not _is(entry, restored) and beginning.begin(entry, ProofKind.VERIFICATION)

    begun["verifications"] = sum(1 for _ in to_verify(ledger, settings, now, begins=begins))
    log.info("%s", begun)
    if beginning.refusals:
        raise beginning.refusals[0]
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
    refusals: list[AwsCallFailed] = field(default_factory=list)
    """Of evidence and archives that nobody here may read."""

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.world.clients.dynamodb, self.estate.ledger, self.world.clock)

    def begin(self, entry: Entry, kind: ProofKind) -> bool:
        """Whether a run is at it now, or was on this day."""
        subject = subject_of(self.ledger, entry)
        if subject is None:
            return False
        try:
            evidence = stored_document(self.world.clients.s3, self.estate.bucket, subject.evidence_key)
            report = report_in(parsed(evidence), subject.action)
            expired = self._has_expired(entry, evidence, report)
            look = None if expired else self._look(evidence, report)
        except AwsCallFailed as refusal:
            log.warning("%s of %s is not proven today: %s", entry.action, entry.point, refusal)
            self.refusals.append(refusal)
            return False
        if expired:
            self.ledger.record_action(
                entry.recovery_point, entry.action, run=entry.run, status="expired", details=entry.details
            )
        elif look is not None and look.found != Found.GOOD:
            self._conclude(subject, kind, look, report)
        else:
            self._begin(subject, kind, parsed(evidence))
            return True
        return False

    def _begin(self, subject: Subject, kind: ProofKind, evidence: Mapping[str, Any]) -> None:
        now = self.world.clock.now()
        key = subject.proof_key(kind, now)
        given: dict[str, Any] = {**subject.to_json(), "kind": str(kind), "proofKey": key}
        tester, result = self._tester(subject, kind), result_in(evidence, subject.action)
        if tester and result:
            given["test"] = asked(tester, result, key)
        begin(self.world.clients.stepfunctions, self.world.environment[MACHINE], _run_name(subject, kind, now), given)

    def _tester(self, subject: Subject, kind: ProofKind) -> str:
        """The machine that makes the restore test; empty where the job restores a sample itself."""
        testers = json.loads(self.world.environment.get(TESTERS, "{}"))
        return str(testers.get(subject.action, "")) if kind == ProofKind.RESTORE else ""

    def _look(self, evidence: StoredDocument | None, report: ActionReport | None) -> Look | None:
        """What is seen of something that cannot be read; None of all that a job is to read."""
        s3, bucket = self.world.clients.s3, self.estate.bucket
        if evidence is not None and evidence.is_cold:
            return Look(found=Found.COLD, problems=(cold_evidence(evidence),))
        if report is None or not any(is_cold(s3, bucket, each) for each in _largest(report)):
            return None
        return look_at(s3, bucket, report, stored_document(s3, bucket, report.manifest_key))

    def _conclude(self, subject: Subject, kind: ProofKind, look: Look, report: ActionReport | None) -> None:
        """The ledger has what was seen, and of damage people hear at once."""
        now = self.world.clock.now()
        proof = Proof(
            subject=subject,
            kind=kind,
            found=look.found,
            problems=look.problems,
            began_at=now.isoformat(),
            proven_at=now.isoformat(),
            manifest_key=report.manifest_key if report else "",
            looked_at=look.looked_at,
        )
        key = subject.proof_key(kind, now)
        store(self.world, self.estate.bucket, key, proof)
        estate = self.estate
        place = Place(bucket=estate.bucket, ledger=estate.ledger, topic_arn=estate.topic_arn, stack=estate.name)
        conclude(self.world, place, key)

    def _has_expired(self, entry: Entry, evidence: StoredDocument | None, report: ActionReport | None) -> bool:
        """Whether the bucket's lifecycle has ended it."""
        days = self.estate.expires_after_days
        archived_at = datetime.fromisoformat(str(entry.details.get("archived_at") or entry.since))
        if days is None or self.world.clock.now() < archived_at + timedelta(days=days) - _EXPIRY_IS_LATE:
            return False
        if evidence is not None and evidence.is_cold:
            return False
        # What is older than the manifest ends before it.
        keys = [report.manifest_key, *(each.key for each in _largest(report))] if report else []
        return not keys or not all(describe_object(self.world.clients.s3, self.estate.bucket, key) for key in keys)


def _largest(report: ActionReport) -> list[Artifact]:
    """One, or none where nothing is named."""
    return sorted(report.artifacts, key=lambda each: each.size_bytes)[-1:]


def _is(entry: Entry, other: Entry | None) -> bool:
    return other is not None and (entry.point, entry.action) == (other.point, other.action)


def _run_name(subject: Subject, kind: ProofKind, now: datetime) -> str:
    digest = hashlib.sha256(f"{subject.recovery_point.arn} {subject.action}".encode()).hexdigest()[:12]
    return f"{kind}-{now:%Y-%m-%d}-{subject.action[:40]}-{digest}"
