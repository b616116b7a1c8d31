"""What can be chosen about the EBS archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backup_actions.contract import Settings, setting
from backup_actions.errors import SettingInvalid

_GP3 = "EBS limits of gp3, https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html"

_IOPS_PER_MIB_PER_S = 4


@dataclass(frozen=True, kw_only=True)
class EbsArchiveSettings(Settings):
    """Settings of the action ``ebs-archive``."""

    read_from: Literal["auto", "volume", "snapshot"] = setting(
        "volume: all is read from a volume made from the snapshot; auto: but a file system that cannot be mounted "
        "from the snapshot itself, and so all where the volume has product codes of AWS Marketplace, which EC2 does "
        "not attach to running instances; snapshot: no volume is made, all becomes raw images. AWS bills what is read "
        "from a snapshot: 0.003 US dollars for 1,000 blocks of 512 KiB that were ever written, about 6 for a full TiB.",
        default="auto",
        one_of=("auto", "volume", "snapshot"),
        why="https://docs.aws.amazon.com/ebs/latest/userguide/ebsapi-pricing.html",
    )
    iops: int = setting(
        "I/O operations per second of the restored gp3 volume. Above 3000 EC2 gives at most 500 for each GiB: with "
        "6000 volumes of less than 12 GiB are refused and their recovery points not archived (NoZoneLeft).",
        default=3000,
        at_least=3000,
        at_most=80_000,
        why=_GP3,
    )
    throughput_mib_per_s: int = setting(
        "Throughput of the restored gp3 volume, in MiB/s: at most a quarter of iops.",
        default=250,
        at_least=125,
        at_most=2000,
        why=_GP3,
    )
    volume_initialization_rate_mib_per_s: int | None = setting(
        "Have EBS load the volume from the snapshot at this rate, in MiB/s, for a price per GB; null loads lazily.",
        default=None,
        at_least=100,
        at_most=300,
        why="https://docs.aws.amazon.com/ebs/latest/userguide/initalize-volume.html",
    )
    codec: Literal["zstd", "gzip"] = setting("Compression of the archive.", default="zstd", one_of=("zstd", "gzip"))
    level: int | None = setting(
        "Compression level; 1 is as fast as the disk, 3 about a tenth smaller; null: 1, and a higher one, up to 6 of "
        "zstd and 3 of gzip, while the processor waits for the disk or the network.",
        default=None,
        at_least=1,
        at_most=19,
    )
    raw: Literal["auto", "always"] = setting(
        "auto archives the files of every file system that can be mounted and the rest raw; always takes raw images.",
        default="auto",
        one_of=("auto", "always"),
    )
    whole_images: bool = setting(
        "Keep in raw images of ext4 what the file system does not use: the remains of deleted files.", default=False
    )
    verify: Literal["all", "sample"] = setting(
        "Read the whole archive back before it counts, or a sample of it.",
        default="all",
        one_of=("all", "sample"),
    )
    verify_sample_percent: int = setting(
        "How much of the archive a sampled verification reads back, in percent.", default=5, at_least=1, at_most=100
    )
    capacity_timeout_hours: int = setting(
        "How long to go through all zones again and again while none takes the volume or the job: for capacity of EBS "
        "or Spot, for the account's quotas of volumes, and while EC2 throttles. Such a run waits, and has not failed.",
        default=24,
        at_least=1,
        at_most=48,
    )
    placement_timeout_minutes: int = setting(
        "How long a job may wait for Spot capacity in one zone before the next zone is tried.",
        default=30,
        at_least=5,
        at_most=24 * 60,
    )
    attempt_timeout_hours: int = setting(
        "How long one attempt of a job may take before it is given up.", default=24, at_least=1, at_most=72
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        needed = self.throughput_mib_per_s * _IOPS_PER_MIB_PER_S
        if needed > self.iops:
            reason = (
                f"with {self.iops} iops it can be at most {self.iops // _IOPS_PER_MIB_PER_S}, this takes {needed} iops"
            )
            raise SettingInvalid(
                name="throughput_mib_per_s", value=self.throughput_mib_per_s, reason=f"{reason} ({_GP3})"
            )
