"""Every permission of the templates in one file for each account, so that a change of one is seen in review."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.infrastructure.conftest import Rendered
from tests.infrastructure.template import Template

SNAPSHOTS = Path(__file__).parent / "snapshots"
REWRITE = "PERMISSIONS_SNAPSHOT=rewrite .venv/bin/pytest tests/infrastructure/test_permission_snapshot.py"


def as_text(template: Template) -> str:
    """Logical ids end in a hash of their path; without it a renamed construct changes one word."""
    written = json.dumps(template.roles(), indent=1, sort_keys=True)
    return re.sub(r"<([A-Za-z0-9]+?)[0-9A-F]{8}(\.[A-Za-z]+)?>", r"<\1\2>", written) + "\n"


def test_no_permission_has_changed_unseen(either: Rendered, rewrite_snapshots: bool) -> None:
    snapshot = SNAPSHOTS / ("separated-permissions.json" if either.settings.imports else "permissions.json")
    found = as_text(either.template)
    compare(snapshot, found, rewrite_snapshots)


def test_no_permission_around_the_backup_plans_has_changed_unseen(rendered: Rendered, rewrite_snapshots: bool) -> None:
    template = rendered.plans
    (key,), (boundary,), (vault,) = (
        template.of_type(kind).values()
        for kind in ("AWS::KMS::Key", "AWS::IAM::ManagedPolicy", "AWS::Backup::BackupVault")
    )
    (role,) = template.of_type("AWS::IAM::Role").values()
    found = {
        "key": key["KeyPolicy"],
        "vault": vault["AccessPolicy"],
        "role": {name: role[name] for name in ("RoleName", "AssumeRolePolicyDocument", "ManagedPolicyArns")},
        "boundary": boundary["PolicyDocument"],
    }

    compare(SNAPSHOTS / "plans-permissions.json", json.dumps(found, indent=1, sort_keys=True) + "\n", rewrite_snapshots)


def compare(snapshot: Path, found: str, rewrite: bool) -> None:
    if rewrite:
        snapshot.write_text(found, encoding="utf-8")

    assert snapshot.read_text(encoding="utf-8") == found, (
        f"Permissions have changed. If that is meant, rewrite the snapshot and read its difference:\n  {REWRITE}"
    )
