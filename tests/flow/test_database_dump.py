"""Runs of the RDS dump in which nothing goes wrong, on real databases."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from tests.flow.dumps import (
    DUMP,
    Passwords,
    back_up,
    broken,
    dump_flow,
    dumping,
    main_succeeded,
    manifest,
    parameters,
    shown,
    verification,
)
from tests.flow.flow import Flow

from backup_actions_local.databases import shop

if TYPE_CHECKING:
    from backup_actions_local.databases import DatabaseImage
    from backup_actions_local.databases.engine import DatabaseServer, Engine
    from backup_actions_local.seaweed import ObjectServer
    from backup_actions_local.services.hosting.orders import Report


@dataclass
class Run:
    """A run that has ended, and what was seen while it went on."""

    flow: Flow
    passwords: Passwords
    instance: dict[str, Any] = field(default_factory=dict)
    """As DescribeDBInstances had it when the dump began."""
    kept: list[Any] = field(default_factory=list)
    """The parameters at that time."""
    seen_by_processes: list[str] = field(default_factory=list)
    programs: set[str] = field(default_factory=set)


def looked_at(run: Run) -> None:
    """Whether any process of this machine shows a password in its command line or its environment."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        run.programs.add(Path(command.partition(b"\0")[0].decode(errors="replace")).name)
        shows = [password for password in run.passwords.told if password.encode() in command + environment]
        run.seen_by_processes += [command.decode(errors="replace") for _ in shows]


@pytest.fixture(name="postgresql", scope="module")
def _postgresql(
    tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer, postgresql_shop: DatabaseImage
) -> Iterator[Run]:
    runs: list[Run] = []

    def look(_job: str, report: Report) -> None:
        if report.kind == "progress" and len(runs[0].programs) < 200:
            looked_at(runs[0])

    with dump_flow(tmp_path_factory.mktemp("postgresql-dump"), flow_objects, on_report=look) as flow:
        runs.append(Run(flow, Passwords(flow)))
        flow.when(DUMP, "BeginDump", lambda: remember(runs[0]))
        back_up(flow, postgresql_shop, kms_key_id=flow.cloud.place.arn("kms", "key/customer"), tags={"of": "shop"})
        yield runs[0]


def remember(run: Run) -> None:
    (instance,) = run.flow.cloud.restored.instances.values()
    run.instance, run.kept = instance.answer(), parameters(run.flow)


def test_a_proven_dump_lets_the_backup_go(postgresql: Run) -> None:
    (action,) = postgresql.flow.evidence()["actions"]

    assert main_succeeded(postgresql.flow), (postgresql.flow.main.cause, dumping(postgresql.flow).cause)
    assert (action["proven"], action["restorable"]) == (True, True)
    assert broken(postgresql.flow) == []
    assert postgresql.flow.cloud.audit.refused() == ()


def test_the_temporary_instance_is_private_tagged_and_without_backups(postgresql: Run) -> None:
    instance, resources = postgresql.instance, postgresql.flow.deployment.resources

    assert instance["DBInstanceIdentifier"].startswith("backup-actions-dump-")
    assert len(instance["DBInstanceIdentifier"]) <= 63
    assert (instance["PubliclyAccessible"], instance["DeletionProtection"], instance["MultiAZ"]) == (
        False,
        False,
        False,
    )
    assert instance["BackupRetentionPeriod"] == 0
    assert instance["DBSubnetGroup"]["DBSubnetGroupName"] == resources["DatabaseSubnetGroup"]
    assert [group["VpcSecurityGroupId"] for group in instance["VpcSecurityGroups"]] == [
        resources["DatabaseSecurityGroup"]
    ]
    assert {tag["Key"]: tag["Value"] for tag in instance["TagList"]} == {
        "backup-actions": "yes",
        "backup-actions:run": f"rds-dump/{postgresql.flow.main.name}",
    }


def test_dump_and_verification_run_in_the_zone_of_the_instance(postgresql: Run) -> None:
    queues = {job.queue_arn.rpartition("/")[2] for job in postgresql.flow.cloud.jobs.jobs.values()}

    assert postgresql.instance["AvailabilityZone"] == postgresql.flow.zones(DUMP)[0]
    assert queues == {f"backup-actions-{postgresql.flow.zones(DUMP)[0]}"}


def test_the_password_is_a_secret_under_the_bucket_s_key_for_the_life_of_the_run(postgresql: Run) -> None:
    (kept,) = postgresql.kept

    assert kept["Name"] == f"/backup-actions/rds-dump/{postgresql.flow.main.name}"
    assert (kept["Type"], kept["KeyId"]) == ("SecureString", postgresql.flow.deployment.resources["BucketKeyArn"])
    assert parameters(postgresql.flow) == []


def test_the_password_is_shown_nowhere(postgresql: Run) -> None:
    """Not in a history, a state, a log, an event, the audit, a stored object or a file of this machine."""
    (password,) = postgresql.passwords.told
    places = list(shown(postgresql.flow))

    assert len(places) > 30
    assert [name for name, content in places if password.encode() in content] == []


def test_the_password_is_in_no_command_line_and_no_environment(postgresql: Run) -> None:
    assert "pg_dump" in postgresql.programs
    assert postgresql.seen_by_processes == []


def test_only_the_jobs_may_read_the_password(postgresql: Run) -> None:
    readers = {
        role
        for role, statements in postgresql.flow.deployment.roles()
        for statement in statements
        if "ssm:GetParameter" in statement.actions
    }

    assert readers == {f"{DUMP}-job-{job}" for job in ("dump", "verify", "load")}


def test_the_verifying_role_cannot_write_dumps(postgresql: Run) -> None:
    roles = dict(postgresql.flow.deployment.roles())
    written = {
        resource
        for statement in roles[f"{DUMP}-job-verify"]
        if "s3:PutObject" in statement.actions
        for resource in statement.resources
    }

    assert written == {f"arn:aws:s3:::{postgresql.flow.bucket}/evidence/*"}


def test_evidence_says_what_was_loaded_and_compared(postgresql: Run) -> None:
    found = verification(postgresql.flow)
    databases = {each["name"]: each for each in found["dump"]["databases"]}

    assert (found["verified"], found["problems"], found["dump"]["depth"]) == (True, [], "restore")
    assert (databases["shop"]["tables"], databases["shop"]["rows"]) == (7, 1007)
    assert found["instance"]["class"] == "db.t4g.medium"
    assert found["source"]["user"] == postgresql.instance["MasterUsername"]


def test_the_run_says_for_how_long_there_was_an_instance_and_what_was_asked_of_s3(postgresql: Run) -> None:
    usage = postgresql.flow.evidence()["actions"][0]["usage"]

    assert usage["database_hours:db.t4g.medium"] > 0
    assert usage["database_gib_hours"] == pytest.approx(
        usage["database_hours:db.t4g.medium"] * postgresql.instance["AllocatedStorage"], rel=1e-3
    )
    assert usage["job_attempts"] == 2
    assert usage["put_requests"] > len(dumping(postgresql.flow).output["artifacts"])  # type: ignore[index,call-overload,arg-type]


def test_every_artifact_that_the_report_names_lies_where_it_says(postgresql: Run) -> None:
    report = dumping(postgresql.flow).output
    assert isinstance(report, dict)
    stored = set(postgresql.flow.stored())
    named = {artifact["key"] for artifact in report["artifacts"]}

    assert named <= stored
    assert any(key.endswith("/dump.json") for key in named)
    assert len(named) == len(manifest(postgresql.flow).members) + 2


def test_stock_programs_read_a_section_after_zstd(postgresql: Run, tmp_path: Path) -> None:
    flow = postgresql.flow
    name = next(member.object.name for member in manifest(flow).members if member.object.name.endswith(".pgdump.zst"))
    (key,) = (key for key in flow.stored() if key.endswith(name))
    packed = flow.s3.get_object(Bucket=flow.bucket, Key=key)["Body"].read()
    plain = tmp_path / "section.pgdump"
    plain.write_bytes(zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed), read_across_frames=True).read())

    listed = subprocess.run(["pg_restore", "--list", str(plain)], capture_output=True, check=True, text=True)
    assert "dbname: shop" in listed.stdout


def test_polls_are_few_and_grow(postgresql: Run) -> None:
    assert len(dumping(postgresql.flow).history) < 600


# ------------------------------------------------------------------------------------------------------------- MariaDB


@pytest.fixture(name="mariadb", scope="module")
def _mariadb(
    tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer, mariadb_shop: DatabaseImage
) -> Iterator[Flow]:
    directory = tmp_path_factory.mktemp("mariadb-dump")
    with dump_flow(directory, flow_objects) as flow:
        back_up(flow, mariadb_shop.changed(directory / "with-an-event", purged_every_second), engine="mysql")
        yield flow


def purged_every_second(engine: Engine, server: DatabaseServer) -> None:
    """Wherever the scheduler of events runs, which is that of MySQL unless it is told not to, orders go."""
    with engine.connect(server, "shop") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE EVENT nightly ON SCHEDULE EVERY 1 SECOND DO DELETE FROM orders LIMIT 10")


def test_events_of_a_database_do_not_run_where_it_is_restored(mariadb: Flow) -> None:
    orders = next(each for each in verification(mariadb)["dump"]["databases"] if each["name"] == "shop")

    assert orders["rows"] > shop.ORDERS
    assert [note for note in verification(mariadb)["source"]["notes"] if "no events run" in note] == []


def test_mariadb_is_dumped_and_proven_to_restore(mariadb: Flow) -> None:
    assert main_succeeded(mariadb), (mariadb.main.cause, dumping(mariadb).cause)
    found = {each["name"]: each for each in verification(mariadb)["dump"]["databases"]}
    assert found["shop"]["rows"] > shop.ORDERS
    assert broken(mariadb) == []
    assert mariadb.cloud.audit.refused() == ()


# -------------------------------------------------------------------------------------------------------- what is wrong


def test_a_database_that_dies_in_the_midst_of_its_dump_is_told_and_nothing_is_left(
    tmp_path: Path, flow_objects: ObjectServer, postgresql_shop: DatabaseImage
) -> None:
    flows: list[Flow] = []

    def kill(_job: str, report: Report) -> None:
        if (report.kind, report.text) == ("start", "dump"):
            (name,) = flows[0].cloud.restored.instances
            flows[0].cloud.restored.kill(name)

    with dump_flow(tmp_path, flow_objects, on_report=kill) as flow:
        flows.append(flow)
        back_up(flow, postgresql_shop)

        assert (dumping(flow).status, dumping(flow).error) == ("FAILED", "JobFailed")
        assert flow.point is not None
        assert broken(flow) == []


def test_a_password_that_the_database_does_not_take_is_told_and_not_shown(
    tmp_path: Path, flow_objects: ObjectServer, postgresql_shop: DatabaseImage
) -> None:
    with dump_flow(tmp_path, flow_objects) as flow:

        def replace() -> None:
            ssm = flow.cloud.administrator.client("ssm")
            (kept,) = parameters(flow)
            ssm.put_parameter(
                Name=kept["Name"], Value="another-secret", Type="SecureString", KeyId=kept["KeyId"], Overwrite=True
            )

        flow.when(DUMP, "BeginDump", replace)
        back_up(flow, postgresql_shop)

        assert (dumping(flow).status, dumping(flow).error) == ("FAILED", "JobFailed")
        said = "".join(path.read_text() for path in (flow.directory / "logs").glob("*"))
        assert "BA0531" in said
        assert [name for name, content in shown(flow) if b"another-secret" in content] == []
        assert json.dumps(flow.notices)
        assert broken(flow) == []
