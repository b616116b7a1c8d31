"""Reads ledger, evidence and bucket for the report; nothing is changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backup_actions import __version__
from backup_actions.aws import World, translated
from backup_actions.errors import AwsCallFailed
from backup_actions.estate import Estate
from backup_actions.estate.failed_proofs import LOOK
from backup_actions.ledger import Entry, Ledger, Standing, Status
from backup_actions.model.progress import Progress
from backup_actions.offsite.imports import Imports
from backup_actions.proving.bucket import StoredDocument, retention, stored_document
from backup_actions.proving.imports import reported_imports
from backup_actions.proving.proof import Found, ProofKind
from backup_actions.proving.report import ProvenArchive, Report, ReportedPoint, by_resource
from backup_actions.proving.told import parsed

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# Each waits for S3, twice a point: 100,000 points take a quarter of an hour.
_AT_A_TIME = 16


def report_on(world: World, estate: Estate, progress: Progress) -> Report:
    """The whole deployment as it is now. Raises AwsBusy and AwsCallFailed.

    Reads the ledger's index once, and for each point its evidence and the manifests of its archives.
    """
    ledger = Ledger(world.clients.dynamodb, estate.ledger, world.clock)
    entries = [entry for status in Status for entry in ledger.standing(status)]
    remarks: list[str] = []
    # Made before there are threads: a session makes one client at a time.
    reading = _Reading(world.clients.s3, estate.bucket, _actions(ledger), _holds(world, remarks))
    progress.start("backups", None)
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        points = list(pool.map(reading.point, entries))
        known = Imports(world.clients.dynamodb, estate.ledger, world.clock).all() if estate.is_separated else ()
        imports = reported_imports(world.clients.s3, estate.bucket, known, pool)
    return Report(
        deployment={
            "name": estate.name,
            "account": estate.account,
            "region": estate.region,
            "bucket": estate.bucket,
            "vaults": [*estate.vaults],
            "actions": sorted(estate.machines),
        },
        made_at=world.clock.now().isoformat(),
        tool_version=__version__,
        retention=tuple(retention(world.clients.s3, estate.bucket, remarks)),
        resources=by_resource(points),
        remarks=tuple(remarks),
        imports=imports,
    )


def _actions(ledger: Ledger) -> Mapping[str, list[Entry]]:
    """What the actions of each point have come to, as far as that has a place in the index."""
    found: dict[str, list[Entry]] = defaultdict(list)
    for standing in Standing:
        for entry in ledger.standing(standing):
            if not entry.is_again:  # what waits to be made again is no archive
                found[entry.point].append(entry)
    return found


def _holds(world: World, remarks: list[str]) -> Mapping[str, list[str]]:
    """The titles of the active legal holds by the recovery points that are under them."""
    backup = world.clients.backup
    found: dict[str, list[str]] = defaultdict(list)
    try:
        with translated():
            for page in backup.get_paginator("list_legal_holds").paginate():
                for hold in page["LegalHolds"]:
                    if hold["Status"] in {"ACTIVE", "CREATING"}:
                        _held(world, hold, found)
    except AwsCallFailed as refusal:
        remarks.append(f"AWS Backup was not asked about legal holds: {refusal}.")
    return {point: sorted(titles) for point, titles in found.items()}


def _held(world: World, hold: Mapping[str, Any], found: dict[str, list[str]]) -> None:
    pages = world.clients.backup.get_paginator("list_recovery_points_by_legal_hold")
    for page in pages.paginate(LegalHoldId=hold["LegalHoldId"]):
        for member in page["RecoveryPoints"]:
            found[member["RecoveryPointArn"]].append(hold["Title"])


@dataclass(frozen=True, slots=True)
class _Reading:
    s3: S3Client
    bucket: str
    actions: Mapping[str, list[Entry]]
    holds: Mapping[str, list[str]]

    def point(self, entry: Entry) -> ReportedPoint:
        """All that is known of the point."""
        key = str(entry.details.get("evidence", ""))
        key = f"{key}/evidence.json" if key and not key.endswith(".json") else key  # as it is while a run is at it
        evidence = self._document(key) if key else None
        told = parsed(evidence)
        recovery_point = entry.recovery_point
        return ReportedPoint(
            point=entry.point,
            resource=entry.resource,
            resource_type=recovery_point.resource_type,
            vault=recovery_point.vault_name,
            tags=tuple(sorted(((told.get("facts") or {}).get("tags") or {}).items())),
            made_at=entry.since,
            status=entry.status,
            why=_why(entry, told),
            holds=tuple(self.holds.get(entry.point, ())),
            evidence=f"s3://{self.bucket}/{key}" if evidence else "",
            evidence_sha256=evidence.sha256 if evidence else "",
            archives=tuple(self._archives(entry, told)),
        )

    def _archives(self, entry: Entry, told: Mapping[str, Any]) -> Iterator[ProvenArchive]:
        reports = {
            each.get("action"): (each.get("result") or {}).get("report") or {} for each in told.get("actions", [])
        }
        for action in sorted(self.actions.get(entry.point, ()), key=lambda each: each.action):
            yield self._archive(action, reports.get(action.action) or {})

    def _archive(self, action: Entry, report: Mapping[str, Any]) -> ProvenArchive:
        details: Mapping[str, Any] = action.details
        proofs: Mapping[str, Any] = details.get("proofs") or {}
        by_age = sorted(proofs.values(), key=lambda proof: str(proof["at"]))
        last = by_age[-1] if by_age else None
        good = [proof for proof in by_age if proof["found"] == Found.GOOD]
        look: Mapping[str, Any] = proofs.get(LOOK) or {}
        proven_at = _proven_at(action)
        key, digest = str(report.get("manifest_key", "")), str(report.get("manifest_sha256", ""))
        found = self._document(key) if key else None
        return ProvenArchive(
            action=action.action,
            standing=action.standing,
            proven_at=proven_at,
            proven_by=good[-1]["kind"] if good else "run" if proven_at else "",
            restored_at=next((proof["at"] for proof in good if proof["kind"] == ProofKind.RESTORE), ""),
            place=f"s3://{self.bucket}/{key.rpartition('/')[0]}" if key else "",
            stored_bytes=int(details.get("stored_bytes", 0)),
            manifest_sha256=digest,
            manifest_now=_compared(found, digest) if key else "",
            storage_class=found.storage_class if found else "",
            locked_until=found.locked_until if found else "",
            proof=f"s3://{self.bucket}/{last['key']}" if last else "",
            proof_sha256=str(last["sha256"]) if last else "",
            looked_at=str(look["at"]) if look.get("objects_compared") else "",
            problem=str(last["problem"] if last else details.get("reason", "")),
        )

    def _document(self, key: str) -> StoredDocument | None:
        return stored_document(self.s3, self.bucket, key)


def _why(entry: Entry, told: Mapping[str, Any]) -> str:
    """What the evidence says of the decision; of a failure, what each action says."""
    if entry.status == Status.FAILED:
        last = [each.get("later_run") or each for each in told.get("actions", [])]
        said = [f"{each.get('action')}: {each['reason']}" for each in last if each.get("reason")]
        return "; ".join(said) or str(entry.details.get("reason") or entry.details.get("subject") or "")
    # What is gone was not let go: a decision in its evidence is an earlier run's.
    because = None if entry.status == Status.GONE else (told.get("decision") or {}).get("because")
    return str(because or entry.details.get("reason") or "")


def _proven_at(action: Entry) -> str:
    """When its last good proof was; what was found damaged, or lies too cold to be read, had one before."""
    if action.standing == Standing.ARTIFACT:
        return action.since
    return str(action.details.get("last_proven", ""))


def _compared(found: StoredDocument | None, digest: str) -> str:
    if found is None:
        return "missing"
    if found.is_cold:
        return "not readable"
    return "as proven" if found.sha256 == digest else "another"
