"""What the off-site copy is tried on: a database, and the separated account that imports and acknowledges."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backup_actions_local.demo.offsite import SEPARATED, OffSite
from backup_actions_local.demo.tabular import CHOSEN, OFFSITE
from backup_actions_local.samples import Sample

if TYPE_CHECKING:
    from backup_actions_local.cloud import Cloud
    from backup_actions_local.deployment import Deployment

_RUN_TAG = "backup-actions:run"
_ANNOUNCED, _ACKNOWLEDGED = "/announcement.json", "/acknowledgement.json"


def sample(cloud: Cloud) -> Sample:
    """An encrypted DB instance, and another account, which stands beside this one while the action runs."""
    key = cloud.place.arn("kms", "key/customer")
    database = cloud.databases.make("shop", None, engine="postgres", kms_key_id=key, tags=CHOSEN[OFFSITE])
    accounts = _Accounts(cloud)
    return Sample(
        resource_arn=database.arn,
        story="an encrypted database, of which another account keeps a copy",
        settings={"separated_account": SEPARATED.account, "acknowledgement_timeout_hours": 1},
        beside=accounts.beside,
        kept=accounts.kept,
        left_behind=accounts.left_behind,
        broken=accounts.broken,
    )


@dataclass
class _Accounts:
    home: Cloud
    bucket: str = field(init=False)
    away: OffSite = field(init=False)

    @contextmanager
    def beside(self, deployment: Deployment) -> Iterator[None]:
        """The separated account, deployed by settings of its own."""
        self.bucket = deployment.resources["Bucket"]
        with self.home.neighbour(SEPARATED) as cloud:
            self.away = OffSite.beside(self.home, cloud, bucket=f"{self.bucket}-offsite")
            try:
                yield
            finally:
                self.away.remove_bucket()

    def kept(self) -> Collection[str]:
        """Announcements, and the copies that were announced and may be imported yet."""
        keys = self._keys()
        announced, acknowledged = (
            {key.split("/")[-2] for key in keys if key.endswith(name)} for name in (_ANNOUNCED, _ACKNOWLEDGED)
        )
        awaited = {f"offsite-copy/{run}" for run in announced - acknowledged}
        copies = [arn for arn, tags in self.home.tagged() if tags.get(_RUN_TAG) in awaited]
        return {*copies, *(key for key in keys if key.endswith(_ANNOUNCED))}

    def left_behind(self) -> Iterator[str]:
        """What the separated account has and does not call its own."""
        imported = self._imported().values()
        for arn, tags in self.away.cloud.tagged():
            if _RUN_TAG in tags and arn not in imported:
                yield f"{arn} in the separated account"

    def broken(self) -> Iterator[str]:
        """A backup is gone only if the other account has it."""
        imported, has = self._imported(), {arn for arn, _ in self.away.cloud.tagged()}
        standing = {point.arn for point in self.home.vaults.points()}
        for job in self.home.vaults.jobs.values():
            if job.point_arn and job.point_arn not in standing and imported.get(job.point_arn) not in has:
                yield f"{job.point_arn} is gone and was not imported"

    def _imported(self) -> dict[str, str]:
        """Recovery point → what it was imported as, and verified."""
        verified = (each for each in self.away.imports() if each.is_verified)
        return {each.announcement.recovery_point_arn: each.imported_arn for each in verified}

    def _keys(self) -> list[str]:
        found = self.home.administrator.client("s3").list_objects_v2(Bucket=self.bucket)
        return [each["Key"] for each in found.get("Contents", ())]
