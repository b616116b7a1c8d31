"""What was announced against what AWS says: of the snapshot that is shared, and of the copy that was made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from backup_actions.model.arn import Arn
from backup_actions.model.offsite import Announcement
from backup_actions.offsite.claims import CLOCKS_DIFFER_BY
from backup_actions.offsite.snapshots import NAME_TAG, Snapshot

SOURCE_TAG = "backup-actions:import-of"
"""On every copy: the ARN of the announced snapshot."""

# AWS Backup notes a backup's time when it asks for it, the service when it begins.
_SAME_BACKUP = timedelta(days=1)


def objections_to_shared(announced: Announcement, account: str, shared: Snapshot) -> list[str]:
    """In what the shared snapshot is not the announced one, or cannot be copied."""
    return [
        *_differences(
            ("owner", account, shared.owner),
            ("ARN", announced.snapshot_arn, shared.arn),
            ("key", announced.key_arn, shared.key_arn or "none"),
            ("state", "available", shared.state),
        ),
        *_contents(announced, shared),
        *_times(announced, shared),
    ]


def objections_to_copy(announced: Announcement, copy: Snapshot, *, key_arn: str, tags: Mapping[str, str]) -> list[str]:
    """In what our copy is not the announced snapshot under our key and with our tags."""
    return [
        *_differences(
            ("key", key_arn, copy.key_arn or "none"),
            # Of a disk's copy AWS does not say where it comes from.
            ("source", announced.snapshot_arn, copy.copied_from or announced.snapshot_arn),
            *((f"tag {tag}", value, copy.tags.get(tag, "none")) for tag, value in tags.items()),
        ),
        *_contents(announced, copy),
        *_times(announced, copy),
    ]


def tags_of_copy(announced: Announcement, name: str, security_tag: Mapping[str, str]) -> dict[str, str]:
    """The tags that say what a copy is, and that it is ours."""
    return {**security_tag, NAME_TAG: name, SOURCE_TAG: announced.snapshot_arn}


def _contents(announced: Announcement, found: Snapshot) -> Iterator[str]:
    yield from _differences(
        ("engine", announced.engine, found.engine),
        ("version", announced.engine_version, found.engine_version),
        ("size in GiB", announced.size_gib, found.size_gib),
    )
    if found.resource:  # of a copied disk AWS does not say of which volume
        yield from _differences(("resource", Arn.parse(announced.resource_arn).resource, found.resource))


def _times(announced: Announcement, found: Snapshot) -> Iterator[str]:
    claimed = datetime.fromisoformat(announced.created_at)
    if found.taken_at and claimed > found.taken_at + CLOCKS_DIFFER_BY:
        yield f"the time is {claimed.isoformat()} in the announcement, later than {found.taken_at.isoformat()}"
    if found.backed_up_at and abs(claimed - found.backed_up_at) > _SAME_BACKUP:
        yield f"the time is {claimed.isoformat()} in the announcement and {found.backed_up_at.isoformat()} in AWS"


def _differences(*compared: tuple[str, object, object]) -> Iterator[str]:
    for what, announced, found in compared:
        if announced != found:
            yield f"the {what} should be {announced} and is {found}"
