"""Archives without evidence and evidence without archive: the bucket compared with itself, folder by folder."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.aws.documents import read_document
from backup_actions.aws.objects import object_keys
from backup_actions.errors import AwsCallFailed
from backup_actions.estate.findings import Finding, Kind, not_looked_at
from backup_actions.estate.folders import folder_of, under_way
from backup_actions.estate.looking import Looking, Page

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

EVIDENCE = "evidence"
_FOLDERS = 1000
_KEYS = 100_000  # a large export has as many by itself: 100 calls, some ten seconds

# Whatever is written last in a folder: then all of it is there.
_WHOLE = frozenset({"manifest.json", "export.json"})
_VERIFICATION = "-verification.json"


@dataclass(frozen=True, slots=True)
class _Kept:
    """What lies under one kind for one recovery point."""

    kind: str
    path: str
    names: frozenset[str]
    """The names that say something, without the folders between."""
    first: datetime
    last: datetime
    """When the oldest and the newest of it were written."""
    keys: int

    @property
    def order(self) -> str:
        """S3's own: with the slash that follows in a key."""
        return f"{self.path}/"


def archives_and_evidence(looking: Looking, cursor: str) -> Iterator[Page]:
    """Each kind's keys are listed once, in order, side by side: memory does not grow with the bucket.

    100,000 points with three documents and five objects each take 800 calls. What is written at the moment, and what
    the bucket's lifecycle is about to end, is left out.
    """
    s3, bucket = looking.world.clients.s3, looking.estate.bucket
    kinds = (EVIDENCE, *looking.estate.machines)
    side_by_side = heapq.merge(*(_kept(s3, bucket, kind, cursor) for kind in kinds), key=lambda kept: kept.order)
    points = groupby(side_by_side, key=lambda kept: kept.path)
    alive = under_way(looking)
    path = "the first"
    while path:
        path = ""
        findings: list[Finding] = []
        keys = 0
        for path, together in islice(points, _FOLDERS):
            there = {kept.kind: kept for kept in together}
            keys += sum(kept.keys for kept in there.values())
            if path not in alive and _is_to_be_judged(looking, there):
                findings += _judged(looking, path, there)
            if keys >= _KEYS:
                break
        yield Page(tuple(findings), path)


def _kept(s3: S3Client, bucket: str, kind: str, after: str) -> Iterator[_Kept]:
    # 0 follows the slash in ASCII: it comes after all that is in the folder.
    objects = _objects(s3, bucket, f"{kind}/", f"{kind}/{after}0" if after else f"{kind}/")
    for path, together in groupby(objects, key=lambda found: folder_of(found["Key"]).path):
        names: set[str] = set()
        first, last, keys = None, None, 0
        for found in together:
            keys += 1
            name = found["Key"].rpartition("/")[2]
            if name in _WHOLE or name == "evidence.json" or name.endswith(_VERIFICATION):
                names.add(name)
            first, last = first or found["LastModified"], max(last or found["LastModified"], found["LastModified"])
            first = min(first, found["LastModified"])
        if path and first and last:
            yield _Kept(kind, path, frozenset(names), first, last, keys)


def _objects(s3: S3Client, bucket: str, inside: str, after: str) -> Iterator[Any]:
    with translated():
        pages = iter(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=inside, StartAfter=after))
    while True:
        with translated():
            page = next(pages, None)
        if page is None:
            return
        yield from page.get("Contents", [])


def _is_to_be_judged(looking: Looking, there: Mapping[str, _Kept]) -> bool:
    if not all(looking.is_settled(kept.last) for kept in there.values()):
        return False
    days = looking.estate.expires_after_days
    # Lifecycle rules end things once a day: an archive may be gone a day before its evidence.
    oldest = looking.world.clock.now() - timedelta(days=days - 2) if days else None
    return oldest is None or min(kept.first for kept in there.values()) > oldest


def _judged(looking: Looking, path: str, there: Mapping[str, _Kept]) -> Iterator[Finding]:
    evidence = there.get(EVIDENCE)
    for kind, kept in there.items():
        if kind != EVIDENCE and kept.names & _WHOLE and not (evidence and "evidence.json" in evidence.names):
            yield _told(looking, Kind.NO_EVIDENCE, kept, f"{kind} has made it, and nothing says what was proven of it")
    for name in sorted(evidence.names if evidence else ()):
        action = name.removesuffix(_VERIFICATION)
        if evidence and name.endswith(_VERIFICATION) and action in looking.estate.machines:
            try:
                gone = _gone(looking, path, action, there.get(action))
            except AwsCallFailed as refusal:  # of this one: the others are looked at all the same
                yield not_looked_at(f"s3://{looking.estate.bucket}/{EVIDENCE}/{path}", refusal)
                continue
            if gone:
                yield _told(looking, Kind.NO_ARCHIVE, evidence, f"what {action} had made was verified, and {gone}")


def _gone(looking: Looking, path: str, action: str, kept: _Kept | None) -> str:
    """What is not there of something that was verified; nothing where its manifest is. The folder was listed."""
    s3, bucket = looking.world.clients.s3, looking.estate.bucket
    if kept is None:
        verification = read_document(s3, bucket, f"{EVIDENCE}/{path}/{action}{_VERIFICATION}") or {}
        return "it is gone" if verification.get("verified") is True else ""
    if kept.names & _WHOLE:
        return ""
    # Actions of others may call their manifests otherwise.
    evidence = read_document(s3, bucket, f"{EVIDENCE}/{path}/evidence.json") or {}
    results = (each.get("result") or {} for each in evidence.get("actions") or () if each.get("action") == action)
    report = next((result.get("report") or {} for result in results), {})
    key = str(report.get("manifest_key", ""))
    is_gone = report.get("verified") is True and key and key not in object_keys(s3, bucket, key)
    return f"its manifest {key} is gone" if is_gone else ""


def _told(looking: Looking, kind: Kind, kept: _Kept, what: str) -> Finding:
    remedies = {
        Kind.NO_EVIDENCE: "replay its recovery point if it is still there: what stands is verified again",
        Kind.NO_ARCHIVE: "find out in CloudTrail who removed it; older versions of its objects may still be there",
    }
    return Finding(
        kind=kind,
        subject=f"s3://{looking.estate.bucket}/{kept.kind}/{kept.path}",
        what=what,
        since=kept.last.isoformat(),
        remedy=remedies[kind],
    )
