"""A restored instance gets a disk that RDS takes and on which the largest database fits twice."""

from __future__ import annotations

from typing import Any

import pytest

from backup_actions.actions.rds_dump.storage import storage_of


def told(size_gib: int, storage_type: str = "gp3", iops: int | None = None, extra_percent: int = 100) -> dict[str, Any]:
    return dict(storage_of(size_gib=size_gib, storage_type=storage_type, iops=iops, extra_percent=extra_percent))


def test_the_disk_is_as_much_larger_as_the_settings_say() -> None:
    assert told(100) == {"AllocatedStorage": 200, "StorageType": "gp3"}
    assert told(100, extra_percent=0) == {"AllocatedStorage": 100, "StorageType": "gp3"}


@pytest.mark.parametrize("older", ["gp2", "standard", ""])
def test_older_disks_become_gp3_of_the_least_size(older: str) -> None:
    assert told(5, older) == {"AllocatedStorage": 20, "StorageType": "gp3"}


@pytest.mark.parametrize(("size_gib", "iops"), [(200, 3000), (500, None), (300, 3000)])
def test_a_disk_that_becomes_striped_states_the_rate_that_is_in_its_price(size_gib: int, iops: int | None) -> None:
    assert told(size_gib, iops=iops)["Iops"] == 12_000
    assert told(size_gib, iops=iops)["StorageThroughput"] == 500


def test_a_disk_that_was_striped_keeps_its_own_rate() -> None:
    assert told(500, iops=20_000) == {"AllocatedStorage": 1000, "StorageType": "gp3"}


@pytest.mark.parametrize("provisioned", ["io1", "io2"])
def test_provisioned_disks_stay_what_they_are(provisioned: str) -> None:
    assert told(500, provisioned, iops=20_000) == {"AllocatedStorage": 1000, "StorageType": provisioned}


def test_no_disk_is_larger_than_rds_has_them() -> None:
    assert told(60_000)["AllocatedStorage"] == 65_536
