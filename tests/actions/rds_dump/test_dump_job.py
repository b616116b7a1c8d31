"""The long steps: let in by a database that learns its password late, and what is put down as evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backup_actions.actions.rds_dump import job
from backup_actions.actions.rds_dump.job import dump_databases, verify_databases
from backup_actions.archive import VerificationReport
from backup_actions.dump import Connection, Difference, DumpReport
from backup_actions.errors import ArchiveExists, DatabaseUnreachable
from backup_actions.model.progress import Silence

EVENT: dict[str, Any] = {
    "recoveryPoint": {"resourceId": "shop"},
    "bucket": "archives",
    "prefix": "rds-dump/x",
    "run": "run-1",
    "evidencePrefix": "evidence/x",
    "storageClass": "STANDARD",
    "parameter": "/password",
    "source": {"family": "postgresql", "user": "boss", "product": "postgres", "version": "17.1", "notes": ["known"]},
    "instance": {
        "host": "db.example.com",
        "port": 5432,
        "class": "db.t4g.medium",
        "version": "17.5",
        "parameter_group": "default.postgres17",
        "option_group": "default:postgres-17",
    },
    "settings": {},
}
SECRET = "made-up-secret"


class World:
    """A world in which the database learns its password after so many attempts."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        refuses: int = 0,
        dumped: tuple[str, ...] = ("shop",),
        databases: tuple[str, ...] = ("shop",),
    ) -> None:
        self.time = datetime(2026, 11, 22, tzinfo=UTC)
        self.refusals = refuses
        self.connections: list[Connection] = []
        self.documents: dict[str, Any] = {}
        secret = {"Parameter": {"Value": SECRET}}
        ssm = SimpleNamespace(get_parameter=lambda **_: secret)
        self.clients = SimpleNamespace(ssm=ssm, s3=None, requests=SimpleNamespace(usage={"get_requests": 2}))
        self.clock = SimpleNamespace(now=lambda: self.time, sleep=self._sleep)
        self.progress = Silence()
        self.environment = {"BACKUP_ACTIONS_RDS_CA_FILE": "/certificates.pem"}
        engine = SimpleNamespace(server=self._server, databases=lambda _connection: databases)
        monkeypatch.setattr(job, "engine_for", lambda _family: engine)
        monkeypatch.setattr(job, "write_document", lambda _s3, _bucket, key, body: self.documents.update({key: body}))
        store = SimpleNamespace(describe=lambda _name: None, read=lambda _name: b"manifest")
        monkeypatch.setattr(job, "S3Store", lambda **_: store)
        described = SimpleNamespace(databases=[SimpleNamespace(name=name) for name in dumped])
        stored = SimpleNamespace(open=lambda _store: SimpleNamespace(description=described))
        monkeypatch.setattr(job, "StoredDump", stored)

    def _sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def _server(self, connection: Connection) -> None:
        self.connections.append(connection)
        if len(self.connections) <= self.refusals:
            raise DatabaseUnreachable(where=connection.host, reason="wrong password")


def verifying(monkeypatch: pytest.MonkeyPatch, *, wrong: bool = False) -> list[dict[str, Any]]:
    """How the verification was called; it finds a difference, or none."""
    asked: list[dict[str, Any]] = []
    difference = Difference(database="shop", what="table orders", reason="2 rows instead of 3")

    def verify_dump(_store: object, server: Connection | None, **how: Any) -> DumpReport:
        asked.append({"server": server, **how})
        return DumpReport(
            location="s3://archives/rds-dump/x",
            depth=how["depth"],
            archive=VerificationReport(location="", complete=True, sample=None, members=(), problems=()),
            sections_inspected=0,
            databases=(),
            differences=(difference,) if wrong else (),
            more_differences=4 if wrong else 0,
        )

    monkeypatch.setattr(job, "verify_dump", verify_dump)
    return asked


def dumping(monkeypatch: pytest.MonkeyPatch, instead: Callable[..., object]) -> None:
    monkeypatch.setattr(job, "dump", instead)


def test_a_database_that_does_not_know_its_password_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    world, dumped = World(monkeypatch, refuses=4), []
    dumping(monkeypatch, lambda source, _store, **how: dumped.append((source, how)))
    dump_databases(world, EVENT)  # type: ignore[arg-type]

    ((connection, how),) = dumped
    assert (connection.password, connection.ca_file) == (SECRET, Path("/certificates.pem"))
    assert (how["name"], how["run"], how["product"], how["resume"]) == ("shop", "run-1", "postgres", True)


def test_a_password_that_is_never_taken_ends_the_job_within_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, refuses=100)
    began = world.time
    with pytest.raises(DatabaseUnreachable) as refused:
        dump_databases(world, EVENT)  # type: ignore[arg-type]

    assert timedelta(minutes=5) < world.time - began < timedelta(minutes=10)
    assert SECRET not in str(refused.value)


def test_a_dump_that_another_run_has_completed_meanwhile_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def exists(*_: object, **__: object) -> None:
        raise ArchiveExists(where="there")

    dumping(monkeypatch, exists)
    dump_databases(World(monkeypatch), EVENT)  # type: ignore[arg-type]


def test_evidence_holds_what_was_found_and_how_the_instance_differed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    verifying(monkeypatch, wrong=True)
    verify_databases(world, EVENT)  # type: ignore[arg-type]

    (document,) = world.documents.values()
    assert document["verified"] is False
    assert document["usage"] == {"get_requests": 2}
    assert document["problems"] == ["shop: table orders: 2 rows instead of 3", "4 more differences"]
    assert document["manifest_sha256"] == hashlib.sha256(b"manifest").hexdigest()
    assert document["notes"] == [
        "known",
        "RDS has upgraded the database from 17.1 to 17.5 when it was restored; that was dumped",
    ]
    assert "host" not in document["instance"]


def test_by_default_the_dump_is_loaded_into_the_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    (asked,) = asked_of(monkeypatch, {})

    assert asked["depth"] == "restore"
    assert asked["server"].host == "db.example.com"


def test_a_listing_of_named_databases_needs_no_server_and_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    (asked,) = asked_of(monkeypatch, {"verify": "list", "databases": ["shop"]})

    assert (asked["depth"], asked["server"]) == ("list", None)


@pytest.mark.parametrize("verify", ["list", "restore"])
@pytest.mark.parametrize(
    ("asked", "missing"), [([], "blog, crm"), (["app", "crm"], "crm"), (["app", "shop"], ""), (["app"], "")]
)
def test_a_dump_of_fewer_databases_than_the_settings_ask_for_is_not_verified(
    monkeypatch: pytest.MonkeyPatch, verify: str, asked: list[str], missing: str
) -> None:
    world = World(monkeypatch, dumped=("app", "shop"), databases=("app", "blog", "crm", "shop"))
    verifying(monkeypatch)
    verify_databases(world, {**EVENT, "settings": {"verify": verify, "databases": asked}})  # type: ignore[arg-type]

    (document,) = world.documents.values()
    assert document["verified"] is (not missing)
    assert document["problems"] == [
        f"an earlier run dumped app, shop alone, and the settings ask for {each} too: remove rds-dump/x/manifest.json "
        "and replay the recovery point with --again, then all is dumped anew"
        for each in ([missing] if missing else [])
    ]


def test_of_thousands_of_databases_that_a_dump_lacks_a_few_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, databases=tuple(f"tenant-{number:04}" for number in range(3000)))
    verifying(monkeypatch)
    verify_databases(world, EVENT)  # type: ignore[arg-type]

    (document,) = world.documents.values()
    assert "tenant-0003, tenant-0004, 2995 more too: remove" in document["problems"][0]


def test_what_a_verification_that_died_has_loaded_is_no_database_that_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, databases=("backup_actions_scratch", "shop"))
    verifying(monkeypatch)
    verify_databases(world, EVENT)  # type: ignore[arg-type]

    (document,) = world.documents.values()
    assert (document["verified"], document["problems"]) == (True, [])


def asked_of(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]) -> list[dict[str, Any]]:
    asked = verifying(monkeypatch)
    verify_databases(World(monkeypatch), {**EVENT, "settings": settings})  # type: ignore[arg-type]
    return asked
