"""What an action is tried on: a resource with a backup, which the action's package brings, or a usual one."""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backup_actions.errors import SampleBroken, SampleMissing
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions_local.databases import DatabaseImage, PostgreSql
from backup_actions_local.demo.bookshop import ORDERS, POSTGRESQL

if TYPE_CHECKING:
    from backup_actions.contract import Action
    from backup_actions_local.cloud import Cloud
    from backup_actions_local.databases import DatabaseServer, Engine
    from backup_actions_local.deployment import Deployment

GROUP = "backup_actions.samples"
"""The entry-point group; the entry's name is the action's, its object a function ``(cloud: Cloud) -> Sample``."""
VAULT = "backups"
_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a run stored that has come to its good end."""

    report: Mapping[str, Any]
    """What the action machine handed back: an ``ActionReport`` as JSON."""
    read: Callable[[str], bytes]
    """The bytes of a key of the archive bucket."""


def _fine(_kept: Kept) -> Iterable[str]:
    return ()


def _nothing() -> Collection[str]:
    return ()


def _nobody(_deployment: Deployment) -> AbstractContextManager[object]:
    return nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A resource, how its backup comes to be, and how to tell whether the action did well."""

    resource_arn: str
    story: str
    """What it is, for whoever watches."""
    recovery_point_arn: str = ""
    """Of a backup that is put into the vault as it is; empty: AWS Backup makes one of the resource."""
    resource_type: str = ""
    """AWS Backup's word for the resource of such a backup."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Of such a backup; those of one that is made are the resource's."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """The action's section of the settings file."""
    complaints: Callable[[Kept], Iterable[str]] = _fine
    """What is wrong with what a good run stored."""
    left_behind: Callable[[], Iterable[str]] = _nothing
    """What of that which a run makes is there; what the embedded AWS knows by a run's tag need not be looked for."""
    kept: Callable[[], Collection[str]] = _nothing
    """ARNs of things with a run's tag, and keys of objects without a manifest, that are wanted all the same."""
    broken: Callable[[], Iterable[str]] = _nothing
    """Which promises of the action's own do not hold, however the run went."""
    beside: Callable[[Deployment], AbstractContextManager[object]] = _nobody
    """What stands beside the deployed action while it runs: another account that answers, say (``Cloud.neighbour``)."""

    @property
    def planted(self) -> RecoveryPoint | None:
        """The backup that is put into the vault as it is; None where AWS Backup makes one."""
        if not self.recovery_point_arn:
            return None
        arns = Arn.parse(self.recovery_point_arn), Arn.parse(self.resource_arn)
        return RecoveryPoint(arns[0], VAULT, arns[1], self.resource_type)

    def back_up(self, cloud: Cloud) -> None:
        """The backup stands in the vault, or has begun; its events go out."""
        if self.planted:
            cloud.vaults.plant(self.planted, tags=self.tags, size_bytes=_MIB)
            return
        cloud.administrator.client("backup").start_backup_job(
            BackupVaultName=VAULT, ResourceArn=self.resource_arn, IamRoleArn=cloud.place.role_arn("backup")
        )


MakeSample = Callable[["Cloud"], Sample]


def sample_of(action: Action, cloud: Cloud) -> Sample:
    """The sample that the action's package brings, else one of a type that it handles.

    Raises SampleMissing where there is neither, SampleBroken with what its package's function raises.
    """
    for entry in entry_points(group=GROUP, name=action.name):
        return made_by(entry, cloud)
    for resource_type in action.handles:
        if make := USUAL.get(resource_type):
            return make(cloud)
    raise SampleMissing(name=action.name, handles=", ".join(action.handles))


def made_by(entry: EntryPoint, cloud: Cloud) -> Sample:
    """What the entry's function makes. Raises SampleBroken."""
    try:
        sample = entry.load()(cloud)
    except Exception as error:  # the code of somebody else
        reason = f"{type(error).__name__}: {error}"
        raise SampleBroken(name=entry.name, reason=reason, value=entry.value) from error
    if not isinstance(sample, Sample):
        reason = f"it is of type {type(sample).__name__}, not a Sample"
        raise SampleBroken(name=entry.name, reason=reason, value=entry.value)
    return sample


def _volume(cloud: Cloud) -> Sample:
    image = _disk(_folder(cloud))
    volume = cloud.store.make_volume(image, zone=cloud.place.zones[0], tags={"Name": "sample"})
    return Sample(resource_arn=cloud.place.arn("ec2", f"volume/{volume}"), story="a volume with a few files")


def _folder(cloud: Cloud) -> Path:
    return Path(tempfile.mkdtemp(prefix="sample-", dir=cloud.directory))


def _machine(cloud: Cloud) -> Sample:
    image = _disk(_folder(cloud))
    volume = cloud.store.make_volume(image, zone=cloud.place.zones[0])
    instance = cloud.machines.make_instance({"/dev/xvda": volume}, tags={"Name": "sample"})
    return Sample(resource_arn=cloud.place.arn("ec2", f"instance/{instance}"), story="an instance with one volume")


def _disk(folder: Path) -> Path:
    """An ext4 file system with small files and one large; plain bytes where it cannot be made."""
    tree, image = folder / "tree", folder / "disk.img"
    tree.mkdir()
    for number in range(3):
        (tree / f"note-{number}.txt").write_text(f"note {number}\n" * 50)
    noise = random.Random(1).randbytes(_MIB)  # noqa: S311 - the same every time
    (tree / "noise.bin").write_bytes(noise)
    with image.open("wb") as disk:
        disk.write(noise)
        disk.truncate(16 * _MIB)
    if mkfs := shutil.which("mkfs.ext4"):
        subprocess.run([mkfs, "-q", "-F", "-d", str(tree), str(image)], check=True)
    return image


def _database(cloud: Cloud, engine: str = "") -> Sample:
    def fill(postgresql: Engine, server: DatabaseServer) -> None:
        with postgresql.connect(server) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {POSTGRESQL.database}")
        with postgresql.connect(server, POSTGRESQL.database) as connection, connection.cursor() as cursor:
            for statement in POSTGRESQL.statements:
                cursor.execute(statement)

    image = DatabaseImage.made(PostgreSql(), _folder(cloud) / "shop.tar", fill)
    database = cloud.databases.make(POSTGRESQL.database, image, engine=engine)
    return Sample(resource_arn=database.arn, story=POSTGRESQL.story)


def _cluster(cloud: Cloud) -> Sample:
    return _database(cloud, "aurora-postgresql")


def _table(cloud: Cloud) -> Sample:
    dynamodb = cloud.administrator.client("dynamodb")
    if "Orders" not in dynamodb.list_tables()["TableNames"]:
        dynamodb.create_table(
            TableName="Orders",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for item in ORDERS:
            dynamodb.put_item(TableName="Orders", Item=item)
    return Sample(resource_arn=cloud.tables.arn_of("Orders"), story="a DynamoDB table of orders")


USUAL: Mapping[str, MakeSample] = {
    "EBS": _volume,
    "EC2": _machine,
    "RDS": _database,
    "Aurora": _cluster,
    "DynamoDB": _table,
}
"""By AWS Backup's resource types: those of which the embedded AWS makes backups itself."""
