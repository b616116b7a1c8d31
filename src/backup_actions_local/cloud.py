"""The embedded AWS as a whole: its servers and services put together, and one deployment of ours in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from botocore.config import Config

from backup_actions.contract import Action
from backup_actions.lifecycle import rules
from backup_actions.settings import DeploymentSettings
from backup_actions_local.brought import EmbeddedAccount, brought_to
from backup_actions_local.clock import SimulatedClock
from backup_actions_local.databases import programs
from backup_actions_local.deploying import Deploying
from backup_actions_local.deployment import Deployment
from backup_actions_local.front import Audit, Faults, Front, Roles
from backup_actions_local.front.policies import Check, Decision, evaluate
from backup_actions_local.front.roles import Credentials
from backup_actions_local.front.sessions import Lending
from backup_actions_local.resources import made_for
from backup_actions_local.seaweed import ObjectServer
from backup_actions_local.services import restore_jobs
from backup_actions_local.services.backup import Backup
from backup_actions_local.services.backup_vaults import BackupVaults
from backup_actions_local.services.batch import Batch
from backup_actions_local.services.block_store import BlockStore
from backup_actions_local.services.buckets import Buckets
from backup_actions_local.services.copy_jobs import CopyJobs
from backup_actions_local.services.copying import Copying
from backup_actions_local.services.durations import Durations
from backup_actions_local.services.dynamodb import DynamoDb
from backup_actions_local.services.dynamodb_backups import DynamoDbBackups
from backup_actions_local.services.dynamodb_exports import Exporter
from backup_actions_local.services.dynamodb_tables import DynamoDbTables
from backup_actions_local.services.ebs import Ebs
from backup_actions_local.services.ec2 import Ec2
from backup_actions_local.services.events import Events
from backup_actions_local.services.functions import Functions
from backup_actions_local.services.hosting.inline import Inline
from backup_actions_local.services.hosting.subprocesses import Subprocesses
from backup_actions_local.services.job_runs import JobRuns
from backup_actions_local.services.keys import Keys
from backup_actions_local.services.kms import Kms
from backup_actions_local.services.machine_images import MachineImages
from backup_actions_local.services.messages import Messages
from backup_actions_local.services.messages_sns import Sns
from backup_actions_local.services.messages_sqs import Sqs
from backup_actions_local.services.metadata import Metadata
from backup_actions_local.services.mishaps import Mishaps
from backup_actions_local.services.neighbours import Neighbours
from backup_actions_local.services.parameters import Parameters
from backup_actions_local.services.place import Place
from backup_actions_local.services.rds import Rds
from backup_actions_local.services.rds_copies import RdsCopies
from backup_actions_local.services.rds_databases import DatabaseBackups, Databases
from backup_actions_local.services.rds_exports import Exports
from backup_actions_local.services.rds_offers import Offers
from backup_actions_local.services.rds_restored import RestoredDatabases
from backup_actions_local.services.rds_restores import RdsRestores
from backup_actions_local.services.rds_snapshots import RdsSnapshots
from backup_actions_local.services.restore_jobs import RestoreJobs
from backup_actions_local.services.schedules import Schedules
from backup_actions_local.services.snapshot_copies import Snapshots
from backup_actions_local.services.stacks import Stacks
from backup_actions_local.services.tagging import Tagged, Tagging
from backup_actions_local.states.integrations import AwsIntegrations
from backup_actions_local.states.service import StepFunctions

if TYPE_CHECKING:
    import boto3

    from backup_actions_local.services.hosting.orders import Report
    from backup_actions_local.states.execution import Event, Execution

Mode = Literal["subprocess", "inline"]


class Cloud:
    """Use as a context manager: everything that it starts, attaches or mounts is gone when the block ends.

    ``mode`` says whether functions and jobs are processes of their own or run in the thread that asks for them; calls,
    permissions and faults are the same. ``on_event`` hears of every event of every execution, ``on_report`` of what
    jobs say. A process may have one Cloud of each account at a time; those that are given the same ``neighbours``, the
    same clock and the same objects can share with each other. Raises PortInUse.
    """

    def __init__(
        self,
        directory: Path,
        objects: ObjectServer,
        *,
        clock: SimulatedClock | None = None,
        mode: Mode = "subprocess",
        place: Place | None = None,
        durations: Durations | None = None,
        port: int | None = None,
        neighbours: Neighbours | None = None,
        on_event: Callable[[Execution, Event], None] = lambda _execution, _event: None,
        on_report: Callable[[str, Report], None] = lambda _job_name, _report: None,
    ) -> None:
        self.clock, self.place = clock or SimulatedClock(), place or Place()
        self.audit, self.faults, self.mishaps = Audit(), Faults(), Mishaps()
        self.directory = directory
        self.roles = Roles(self.clock, account=self.place.account, partition=self.place.partition)
        durations = durations or Durations()
        self._objects, self._mode, self._durations = objects, mode, durations
        self.neighbours = neighbours or Neighbours()
        self.messages = Messages(clock=self.clock, place=self.place, durations=durations, neighbours=self.neighbours)
        self.store = BlockStore(clock=self.clock, place=self.place, directory=directory, durations=durations)
        self.events = Events(clock=self.clock, place=self.place, durations=durations, mishaps=self.mishaps)
        self.schedules = Schedules(clock=self.clock, place=self.place)
        self.tables = DynamoDbTables(clock=self.clock, place=self.place, durations=durations)
        self.table_backups = DynamoDbBackups(self.tables)
        offers = self.offers = Offers(self.place.zones)
        self.databases = Databases(clock=self.clock, place=self.place, offers=offers)
        self.keys = Keys(clock=self.clock, place=self.place)
        self.copying = Copying(clock=self.clock, mishaps=self.mishaps)
        self._snapshots = Snapshots(self.store, self.keys, self.neighbours, self.copying, self.events.put)
        self.restored = RestoredDatabases(
            clock=self.clock,
            place=self.place,
            durations=durations,
            mishaps=self.mishaps,
            directory=directory / "databases",
        )
        self.machines = MachineImages(self.store)
        self.vaults = BackupVaults(
            clock=self.clock,
            store=self.store,
            emit=self.events.put,
            mishaps=self.mishaps,
            sources=(
                self.machines,
                self.table_backups,
                *(DatabaseBackups(self.databases, clusters=each) for each in (False, True)),
            ),
        )
        self.copies = CopyJobs(self.vaults, self.store, emit=self.events.put, mishaps=self.mishaps)
        self.restores = RestoreJobs(self.vaults, durations, (self.table_backups,), self._may_restore)
        exporter = Exporter(self.clock, durations, self.mishaps, self.session)
        self.dynamodb = DynamoDb(self.tables, exporter)
        self.database_exports = Exports(
            clock=self.clock,
            durations=durations,
            mishaps=self.mishaps,
            take_on=self._taken_on,
            emit=self.events.put,
        )
        metadata = Metadata(clock=self.clock, store=self.store, issue=self.roles.issue)
        hosting = (
            Inline(clock=self.clock, session_for=self.session, url=lambda: self.front.url)
            if mode == "inline"
            else Subprocesses(metadata=metadata, url=lambda: self.front.url, region=self.place.region)
        )
        self.jobs = JobRuns(
            clock=self.clock,
            store=self.store,
            hosting=hosting,
            logs=directory / "logs",
            mishaps=self.mishaps,
            image_environment={"BACKUP_ACTIONS_RDS_CA_FILE": str(self.restored.authority.bundle)},
            listener=lambda job, report: on_report(job.name, report),
        )
        self.functions = Functions(clock=self.clock, place=self.place, hosting=hosting)
        self.stepfunctions = StepFunctions(
            self.clock, self.place, self._integrations, listener=on_event, on_status_change=self._announce
        )
        self.parameters = Parameters(clock=self.clock, place=self.place)
        self.stacks = Stacks(clock=self.clock, place=self.place)
        self.brought = brought_to(EmbeddedAccount(place=self.place, clock=self.clock, take_on=self._taken_on))
        self._backup = Backup(self.vaults)
        self._bucket_keys: dict[str, str] = {}
        self.buckets = Buckets(self.place.region)
        self.front = Front(
            clock=self.clock,
            roles=self.roles,
            faults=self.faults,
            audit=self.audit,
            services=(
                *self.brought.services,  # first: whoever comes later answers instead
                self.buckets,
                Kms(self.keys, of_others=self.neighbours.key),
                Ec2(self.store, self.mishaps, self.neighbours),
                self._snapshots,
                self.machines,
                Ebs(self.store),
                self._backup,
                self.copies,
                self.restores,
                self.dynamodb,
                Rds(self.databases, self.restored, self.database_exports, has_bucket=self._has_bucket),
                RdsRestores(self.databases, self.restored, offers, self.keys, self.mishaps),
                RdsSnapshots(self.databases, self.keys, self.neighbours, durations=durations, emit=self.events.put),
                RdsCopies(
                    self.databases,
                    self.keys,
                    self.neighbours,
                    self.copying,
                    durations=durations,
                    emit=self.events.put,
                ),
                Batch(self.jobs),
                self.functions,
                self.events,
                self.parameters,
                self.stacks,
                Tagging(self.tagged),
                self.stepfunctions,
                Sns(self.messages),
                Sqs(self.messages, lambda: self.front.url),
            ),
            objects=objects,
            routes=metadata.routes(),
            tags_of=self._tags_of,
            key_of=self._key_of,
            owner_of=self.neighbours.owner_of,
            policy_of=self.neighbours.policy_of,
            is_foreign_bucket=lambda name: self.neighbours.is_foreign_bucket(name, self.place.account),
            witness=self.tables.witness,
            account=self.place.account,
            region=self.place.region,
            port=port,
            is_direct=mode == "inline",
        )
        # Step Functions shows every error to the workflow: its own retries are the only ones.
        insists_on_nothing = Config(retries={"total_max_attempts": 1, "mode": "standard"}, read_timeout=3600)
        self._clients = Lending(self.front.session_with, insists_on_nothing)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(programs.on_path(self.directory / "programs"))
            stack.callback(self.store.close)
            stack.enter_context(self.front)
            self._introduce()
            stack.callback(self.functions.close)
            stack.callback(self.copying.close)
            stack.callback(self.database_exports.close)
            stack.callback(self.restored.close)
            stack.callback(self.vaults.close)
            stack.callback(self.copies.close)
            stack.callback(self.restores.close)
            stack.callback(self.dynamodb.close)
            stack.callback(self.tables.close)
            stack.callback(self.events.close)
            stack.callback(self.messages.close)
            stack.callback(self.schedules.close)
            stack.callback(self.jobs.close)
            stack.callback(self.stepfunctions.close)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def administrator(self) -> boto3.Session:
        """A session that may do everything, to prepare and to inspect the world."""
        return self.front.administrator

    def session(self, role: str, name: str = "") -> boto3.Session:
        """A session with fresh credentials of a role."""
        return self.front.session(role, name)

    def neighbour(self, place: Place) -> Cloud:
        """Another account, not begun yet, on the same clock and objects, so that the two can share with each other."""
        return Cloud(
            self.directory / place.account,
            self._objects,
            clock=self.clock,
            mode=self._mode,
            place=place,
            durations=self._durations,
            neighbours=self.neighbours,
        )

    def tagged(self) -> Iterator[Tagged]:
        """Everything with tags that a run may make."""
        arn = self.place.arn
        yield from ((arn("ec2", f"volume/{each.id}"), each.tags) for each in self.store.volumes() if not each.gone_at)
        yield from ((arn("ec2", f"snapshot/{each.id}"), each.tags) for each in self.store.snapshots())
        yield from ((each.arn, each.tags) for each in list(self.restored.instances.values()))
        yield from ((each.arn, each.tags) for each in list(self.restored.clusters.values()))
        for clusters in (False, True):
            yield from ((each.arn, each.tags) for each in self.databases.snapshots(clusters=clusters))
        yield from ((arn("dynamodb", f"table/{name}"), self.tables.tags_of(name)) for name in self.tables.names())
        yield from ((each.arn, each.tags) for each in list(self.parameters.parameters.values()))

    def deploy(
        self, settings: DeploymentSettings, actions: Iterable[Action], *, bucket: str, watched: bool = False
    ) -> Deployment:
        """Make bucket, key, ledger, topic, queue, vaults, roles, functions, jobs, machines and rules.

        What looks after a deployment, every 15 minutes or every day, is only called where it is to be ``watched``:
        in days of simulated time that are hundreds of calls beside the ones that somebody looks at.
        """
        resources = made_for(settings, bucket, self.administrator, self.restored)
        self._bucket_keys[f"arn:{self.place.partition}:s3:::{bucket}"] = resources["BucketKeyArn"]
        self.neighbours.buckets[bucket] = self.place.account
        deployment = Deployment(settings, tuple(actions), self.place, resources)
        Deploying(self, deployment, watched).make()
        return deployment

    def _introduce(self) -> None:
        """Neighbours see what they may see."""
        account = self.place.account
        self.neighbours.keys[account], self.neighbours.databases[account] = self.keys, self.databases
        self.neighbours.volumes[account], self.neighbours.snapshots[account] = self.store, self._snapshots

    def _integrations(self, role: str, session_name: str) -> AwsIntegrations:
        @cache
        def credentials() -> Credentials:
            return self.roles.issue(role, session_name)

        def lend(service: str) -> AbstractContextManager[Any]:
            return self._clients.client(service, credentials())

        return AwsIntegrations(lend, self.stepfunctions.has_ended)

    def _announce(self, execution: Execution) -> None:
        self.events.put(
            "aws.states",
            rules.EXECUTION_CHANGED,
            {
                "executionArn": execution.arn,
                "stateMachineArn": execution.machine.arn,
                "name": execution.name,
                "status": execution.status,
                "input": json.dumps(execution.input),
                "error": execution.error,
                "cause": execution.cause,
            },
            [execution.arn],
        )

    def _tags_of(self, arn: str) -> dict[str, str]:
        service = arn.split(":", 3)[2]
        match service:
            case "ec2":
                return self.store.tags_of(arn) or self.machines.tags_of(arn)
            case "batch":
                return self.jobs.tags_of(arn)
            case "backup":
                return self._backup.tags_of(arn)
            case "dynamodb":
                return self.tables.tags_of(arn)
            case "rds":
                return self.restored.tagged(arn) or self.databases.tagged(arn) or {}
            case "ssm":
                return self.parameters.tags_of(arn)
            case _:
                return self.brought.tags_of(arn)

    def _key_of(self, arn: str) -> str | None:
        return (
            self._bucket_keys.get(arn)
            or self.keys.arn_of(arn)
            or self.neighbours.key_of_shared(arn, self.place.account)
            or self.store.key_of(arn)
            or self.databases.key_of(arn)
            or self.restored.key_of(arn)
            or self.parameters.key_of(arn)
        )

    def _may_restore(self, role: str, on_behalf_of: str, action: str, resource: str) -> bool:
        """Whether AWS Backup, which works for a vault, may do this under a role that trusts it."""
        if not self.roles.trusts(role, restore_jobs.SERVICE, on_behalf_of=on_behalf_of):
            return False
        return evaluate(self.roles.statements(role), Check(action, resource)) is Decision.ALLOWED

    def _taken_on(self, role_arn: str, service: str, on_behalf_of: str) -> boto3.Session | None:
        """A session of a service under a role that trusts it for that resource."""
        role = role_arn.rpartition("/")[2]
        trusted = self.roles.trusts(role, service, on_behalf_of=on_behalf_of)
        return self.session(role, service) if trusted else None

    def _has_bucket(self, name: str) -> bool:
        return f"arn:{self.place.partition}:s3:::{name}" in self._bucket_keys
