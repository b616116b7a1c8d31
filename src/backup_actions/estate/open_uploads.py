"""Multipart uploads that nobody completes: they are paid for and seen by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from backup_actions.aws import translated
from backup_actions.errors import AwsCallFailed
from backup_actions.estate.findings import Finding, Kind
from backup_actions.estate.folders import folder_of, under_way
from backup_actions.estate.looking import Looking, Page


def open_uploads(looking: Looking, cursor: str) -> Iterator[Page]:
    """Those of an action's folder are aborted when they are older than a job may live and no run is at their point.

    What a killed job has left open for the next attempt of its run belongs to a run. Others are told.
    """
    del cursor
    s3, bucket = looking.world.clients.s3, looking.estate.bucket
    begun_before = looking.world.clock.now() - timedelta(hours=looking.estate.attempt_hours)
    with translated():
        pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
        old = [upload for page in pages for upload in page.get("Uploads", []) if upload["Initiated"] < begun_before]
    alive = under_way(looking) if old else frozenset()
    yield Page(tuple(_judged(looking, upload) for upload in old if folder_of(upload["Key"]).path not in alive))


def _judged(looking: Looking, upload: Any) -> Finding:
    key, is_ours = upload["Key"], folder_of(upload["Key"]).kind in looking.estate.machines
    aborted = is_ours and looking.repairs
    if aborted:
        _abort(looking, key, upload["UploadId"])
    return Finding(
        kind=Kind.OPEN_UPLOAD,
        subject=f"s3://{looking.estate.bucket}/{key}",
        what="an upload was begun and never completed" + ("" if is_ours else ", by no action"),
        since=upload["Initiated"].isoformat(),
        remedy=_remedy(looking, upload, is_ours=is_ours),
        repaired=aborted,
    )


def _remedy(looking: Looking, upload: Any, *, is_ours: bool) -> str:
    if is_ours:
        return "it was aborted" if looking.repairs else "a sweep that repairs aborts it"
    return (
        f"if nobody wants to go on with it: aws s3api abort-multipart-upload --bucket {looking.estate.bucket} "
        f"--key '{upload['Key']}' --upload-id {upload['UploadId']}"
    )


def _abort(looking: Looking, key: str, upload_id: str) -> None:
    try:
        with translated():
            looking.world.clients.s3.abort_multipart_upload(Bucket=looking.estate.bucket, Key=key, UploadId=upload_id)
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] != "NoSuchUpload":  # somebody was quicker
            raise
