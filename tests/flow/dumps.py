"""Dumps of databases in a flow, and what must hold after every run of the RDS dump, however it went."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.dump.fake_engine import ENGINE, HOSTS, FakeServer
from tests.flow.flow import MAIN, NAME, VAULT, Flow

from backup_actions.dump import engines, verify_dump
from backup_actions.model.manifest import MANIFEST_NAME, Manifest
from backup_actions_local.services.durations import Durations
from backup_actions_testing.invariants import archived_once, executions_end, failures_are_told, no_secrets_shown

if TYPE_CHECKING:
    from backup_actions_local.databases import DatabaseImage
    from backup_actions_local.seaweed import ObjectServer
    from backup_actions_local.services.rds_servers import Cluster, Instance
    from backup_actions_local.states.execution import Execution

DUMP = f"{NAME}-rds-dump"
NOWHERE = ""
"""The host of an instance whose product does not run here: a folder takes its place."""


QUICK = Durations(
    cluster_restored_seconds=40,
    database_restored_seconds=40,
    database_password_seconds=10,
    database_deleted_seconds=20,
    job_placed_seconds=5,
    job_started_seconds=5,
)
"""So that a run takes few polls, and a test little time."""


class Passwords:
    """Every password that RDS was told, as it was told."""

    def __init__(self, flow: Flow) -> None:
        self.told: list[str] = []
        self._begin = flow.cloud.restored.begin_password
        flow.cloud.restored.begin_password = self._noted  # type: ignore[method-assign]

    def _noted(self, thing: Instance | Cluster, password: str) -> None:
        self.told.append(password)
        self._begin(thing, password)


@contextmanager
def dump_flow(directory: Path, objects: ObjectServer, **choices: Any) -> Iterator[Flow]:
    """A world whose one action is the RDS dump; ``settings`` are its settings."""
    settings = choices.pop("settings", {})
    no_disk = directory / "no-disk"
    with Flow.begun(directory, no_disk, objects, action="rds-dump", archive=settings, **choices) as flow:
        yield flow


@contextmanager
def folder_flow(directory: Path, objects: ObjectServer, **choices: Any) -> Iterator[Flow]:
    """The same with a folder as its server, which takes no time to start: see ``tests.dump.fake_engine``."""
    with ExitStack() as stack:
        for family in ("postgresql", "mysql"):
            stack.enter_context(patch.dict(engines._ENGINES, {family: ENGINE}))
        flow = stack.enter_context(dump_flow(directory, objects, **{"durations": QUICK, **choices}))
        server = FakeServer(flow.directory / "server")
        server.fill("app", {("public", "orders"): [f"order {n}" for n in range(50)], ("public", "none"): []})
        (server.folder / "accounts").write_text("alice\nbob\n")
        stack.enter_context(patch.dict(HOSTS, {NOWHERE: server.folder}))
        stack.enter_context(patch.object(flow.cloud.restored, "empty_server", lambda _engine, _parameters: None))
        yield flow


def server_of(flow: Flow) -> FakeServer:
    """The folder of a ``folder_flow``."""
    return FakeServer(flow.directory / "server")


def back_up(flow: Flow, image: DatabaseImage | None = None, *, engine: str = "", **about: Any) -> None:
    """AWS Backup backs a database with that in it up, and everything that follows has come to an end."""
    client = flow.cloud.administrator.client("backup")
    with flow.cloud.clock.actor():
        database = flow.cloud.databases.make("shop", image, engine=engine or ("" if image else "postgres"), **about)
        client.start_backup_job(
            BackupVaultName=VAULT, ResourceArn=database.arn, IamRoleArn=flow.cloud.place.role_arn("backup")
        )
    flow.wait()


def dumping(flow: Flow) -> Execution:
    """The first execution of the dumping machine; later ones clean up after it."""
    return flow.executions(DUMP)[0]


def manifest(flow: Flow) -> Manifest:
    """The one dump's."""
    (store,) = flow.archives()
    return Manifest.from_bytes(store.read(MANIFEST_NAME))


def verification(flow: Flow) -> dict[str, Any]:
    """The one verification document."""
    (key,) = (key for key in flow.stored() if key.endswith("/rds-dump-verification.json"))
    document: dict[str, Any] = json.loads(flow.s3.get_object(Bucket=flow.bucket, Key=key)["Body"].read())
    return document


def dumped_objects(flow: Flow) -> list[str]:
    """Every object of dumps."""
    return [key for key in flow.stored() if key.startswith("rds-dump/")]


# --------------------------------------------------------------------------------------------------------- the promises


def broken(flow: Flow) -> list[str]:
    """Everything that does not hold after this run."""
    return [f"{invariant.__name__}: {sentence}" for invariant in INVARIANTS for sentence in invariant(flow)]


def complete_dumps_verify(flow: Flow) -> list[str]:
    """Where there is a manifest, every object that it names is there, whole and as it says."""
    reports = [verify_dump(store, None, depth="bytes") for store in flow.archives()]
    return [f"{report.location}: {report.to_json()}" for report in reports if not report.ok]


def nothing_left_behind(flow: Flow) -> list[str]:
    """No instance, cluster or password is left, no job runs, no object stands that no manifest speaks of."""
    left = list(_left(flow))
    told = any("LeftBehind" in notice["Message"] for notice in flow.notices)
    silently = any(execution.status == "SUCCEEDED" for execution in flow.executions(DUMP))
    return left if not told or silently else []


def deleted_only_when_proven(flow: Flow) -> list[str]:
    """A recovery point is gone only if a verification that is good stands in the evidence."""
    gone = [arn for arn in flow.arns if flow.cloud.vaults.point(VAULT, arn) is None]
    return [f"{arn} is gone" for arn in gone if not verification(flow)["verified"]]


def _left(flow: Flow) -> Iterator[str]:
    yield from (f"instance {name}" for name in flow.cloud.restored.instances)
    yield from (f"cluster {name}" for name in flow.cloud.restored.clusters)
    yield from (f"parameter {each['Name']}" for each in parameters(flow))
    yield from (f"job {job.name} is {job.status}" for job in flow.cloud.jobs.jobs.values() if not job.has_ended)
    yield from (f"open upload of {key}" for key in flow.open_uploads())
    complete = tuple(f"{store.prefix}/" for store in flow.archives())
    for key in dumped_objects(flow):
        if not key.startswith(complete or "no dump"):
            yield f"object {key} of a dump that was never completed"


def parameters(flow: Flow) -> list[Any]:
    """What Parameter Store holds."""
    return list(flow.cloud.administrator.client("ssm").describe_parameters()["Parameters"])


def shown(flow: Flow) -> Iterator[tuple[str, bytes]]:
    """Everything that a run leaves for people to read, on AWS and on this machine, and where it is."""
    for execution in flow.cloud.stepfunctions.executions():
        yield f"history of {execution.name}", "\n".join(map(str, execution.history)).encode()
    yield "audit", "\n".join(map(str, flow.cloud.audit.entries)).encode()
    yield "events", "\n".join(map(str, flow.cloud.events.seen)).encode()
    yield "notices", f"{flow.notices} {flow.dead_letters}".encode()
    yield "ledger", str([flow.ledger(arn) for arn in flow.arns]).encode()
    yield "jobs", "\n".join(map(str, flow.cloud.jobs.jobs.values())).encode()
    for key in flow.stored():
        yield key, flow.s3.get_object(Bucket=flow.bucket, Key=key)["Body"].read()
    for path in flow.directory.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield str(path), path.read_bytes()


def main_succeeded(flow: Flow) -> bool:
    """Whether the backup was dumped and let go."""
    return flow.executions(MAIN)[0].status == "SUCCEEDED" and flow.point is None


INVARIANTS: tuple[Callable[[Flow], list[str]], ...] = (
    complete_dumps_verify,
    nothing_left_behind,
    deleted_only_when_proven,
    archived_once,
    executions_end,
    failures_are_told,
    no_secrets_shown,
)
