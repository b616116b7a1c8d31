"""Settings of the volume that EC2 would refuse are refused before."""

from __future__ import annotations

import pytest

from backup_actions.actions.ebs_archive.settings import EbsArchiveSettings
from backup_actions.errors import SettingInvalid
from backup_actions_local.calls import Refused
from backup_actions_local.services.volumes import kind_of

_LARGE_GIB = 1000


def refused_by_ec2(iops: int, throughput: int, size_gib: int) -> bool:
    try:
        kind_of({"VolumeType": "gp3", "Iops": iops, "Throughput": throughput}, size_gib)
    except Refused:
        return True
    return False


@pytest.mark.parametrize(("iops", "throughput"), [(3000, 750), (4000, 1000), (8000, 2000), (80_000, 125)])
def test_a_throughput_of_a_quarter_of_the_operations_is_taken(iops: int, throughput: int) -> None:
    settings = EbsArchiveSettings(iops=iops, throughput_mib_per_s=throughput)

    assert not refused_by_ec2(settings.iops, settings.throughput_mib_per_s, _LARGE_GIB)


@pytest.mark.parametrize(("iops", "throughput", "most"), [(3000, 751, 750), (3000, 1000, 750), (7999, 2000, 1999)])
def test_a_throughput_of_more_is_refused_as_ec2_does_and_the_most_is_named(
    iops: int, throughput: int, most: int
) -> None:
    assert refused_by_ec2(iops, throughput, _LARGE_GIB)
    with pytest.raises(SettingInvalid, match=f"throughput_mib_per_s is {throughput}: with {iops} iops .* {most},"):
        EbsArchiveSettings(iops=iops, throughput_mib_per_s=throughput)


def test_the_smallest_volume_for_so_many_operations_is_the_one_that_the_setting_names() -> None:
    assert [refused_by_ec2(6000, 250, size_gib) for size_gib in (11, 12)] == [True, False]
