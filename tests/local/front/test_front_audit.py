"""The record of calls."""

from __future__ import annotations

from datetime import UTC, datetime

from backup_actions_local.calls import Caller
from backup_actions_local.front import Audit, Verdict

NOW = datetime(2026, 1, 15, tzinfo=UTC)


def test_calls_stand_in_the_order_in_which_they_began_whenever_they_end() -> None:
    audit = Audit()
    first = audit.begin(NOW, Caller("a"), "ec2", "CreateVolume", "volume/*")
    second = audit.begin(NOW, Caller("b"), "ec2", "DeleteVolume", "volume/vol-1")
    audit.end(second, Verdict.ALLOWED)

    assert [entry.verdict for entry in audit.entries] == [Verdict.PENDING, Verdict.ALLOWED]
    audit.end(first, Verdict.FAILED, "InternalError", "why", injected=True)
    assert (audit.entries[0].error_code, audit.entries[0].error_message, audit.entries[0].injected) == (
        "InternalError",
        "why",
        True,
    )


def test_calls_are_found_by_service_operation_and_role() -> None:
    audit = Audit()
    for role, operation in (("a", "CreateVolume"), ("b", "CreateVolume"), ("a", "DeleteVolume")):
        audit.begin(NOW, Caller(role), "ec2", operation, "")
    audit.begin(NOW, None, "s3", "GetObject", "")

    assert len(audit.of("ec2")) == 3
    assert len(audit.of("ec2", "CreateVolume")) == 2
    assert [entry.number for entry in audit.of("ec2", "CreateVolume", role="b")] == [1]
    assert audit.of("s3", role="a") == ()
