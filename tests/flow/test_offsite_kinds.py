"""What else goes off-site: a volume with every byte of it, and backups whose copy is made in another region."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.flow.dumps import QUICK
from tests.flow.flow import ZONES
from tests.flow.offsite import SEPARATED, SOURCE, Accounts, snapshots, two_accounts
from tests.flow.offsite_promises import broken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backup_actions_local.seaweed import ObjectServer

FAR = "eu-west-1"
FAR_KEY = f"arn:aws:kms:{FAR}:{SOURCE}:key/0a1b2c3d-0000-4000-8000-000000000001"


def test_a_volume_arrives_with_every_byte(tmp_path: Path, tiny_disk: Path, flow_objects: ObjectServer) -> None:
    with two_accounts(tmp_path, flow_objects, disk=tiny_disk, durations=QUICK) as accounts:
        volume = accounts.source.volume(kms_key_id=accounts.source.cloud.place.arn("kms", "key/customer"))
        accounts.back_up(accounts.source.cloud.place.arn("ec2", f"volume/{volume}"))

        assert accounts.source.main.status == "SUCCEEDED", accounts.copying.cause
        assert broken(accounts) == []
        assert accounts.source.cloud.audit.refused() == accounts.separated.cloud.audit.refused() == ()
        (snapshot,) = snapshots(accounts.separated)
        made = accounts.separated.cloud.administrator.client("ec2").create_volume(
            SnapshotId=snapshot.arn.rpartition("/")[2], AvailabilityZone=ZONES[0]
        )
        image = accounts.separated.cloud.store.volume(made["VolumeId"]).image
        assert image.read_bytes()[: tiny_disk.stat().st_size] == tiny_disk.read_bytes()


def let_both_accounts_use_the_far_key(accounts: Accounts) -> None:
    """Whoever names a key of their own sees to its policy."""
    keys = accounts.source.cloud.keys
    both = [f"arn:aws:iam::{account}:root" for account in (SOURCE, SEPARATED)]
    statement = {"Effect": "Allow", "Principal": {"AWS": both}, "Action": "kms:*", "Resource": "*"}
    key = keys.at(FAR_KEY)
    assert key is not None
    keys.put_policy(key, {"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    "copying", [{}, {"copy_region": FAR, "copy_key_arn": FAR_KEY}], ids=["by the import", "by the copy"]
)
def test_a_backup_may_go_to_another_region(
    tmp_path: Path, flow_objects: ObjectServer, copying: Mapping[str, object]
) -> None:
    with two_accounts(tmp_path, flow_objects, copying=copying, separated_region=FAR, durations=QUICK) as accounts:
        let_both_accounts_use_the_far_key(accounts)
        accounts.back_up(accounts.database())

        assert accounts.source.main.status == "SUCCEEDED", (accounts.copying.cause, accounts.separated.notices)
        (imported,) = accounts.imports()
        assert imported.imported_arn.startswith(f"arn:aws:rds:{FAR}:{SEPARATED}:snapshot:")
        assert (f":{FAR}:" in imported.announcement.snapshot_arn) == bool(copying)
        assert broken(accounts) == []
        assert accounts.source.cloud.audit.refused() == accounts.separated.cloud.audit.refused() == ()
