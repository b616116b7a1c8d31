"""What the load of a restore test comes to: nothing is called damage that the server may be the cause of."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from backup_actions.actions.rds_dump import loading
from backup_actions.actions.rds_dump.loading import load_dump
from backup_actions.actions.rds_dump.tasks import report_load
from backup_actions.dump import DatabaseReport, RestoreReport
from backup_actions.dump.description import Server
from backup_actions.errors import (
    ArchiveDamaged,
    DatabaseUnreachable,
    LoadFailed,
    NotVerified,
    RestoredDiffers,
    TargetUnfit,
)
from backup_actions.model.progress import Silence

KEY = "proofs/x-restored.json"
EVENT: dict[str, Any] = {
    "bucket": "archives",
    "source": {"family": "postgresql", "version": "17.5"},
    "instance": {"class": "db.t4g.medium", "version": "17.6"},
    "restoreTest": {"documentKey": KEY},
    "settings": {},
}
REPORT = RestoreReport(
    location="s3://archives/rds-dump/x",
    server=Server(family="postgresql", product="postgres", version="17.6"),
    databases=(
        DatabaseReport(name="shop", into="shop", tables=7, rows=1007, objects=20),
        DatabaseReport(name="books", into="books", tables=1, rows=3, objects=2),
    ),
    notes=("known",),
)
FAILED = LoadFailed(what="shop", reason="it does not like it")


def loaded(
    monkeypatch: pytest.MonkeyPatch,
    outcome: RestoreReport | Exception,
    *,
    into: str = "17.6",
    server_is_gone: bool = False,
) -> dict[str, Any]:
    """The document of a load that comes to this."""
    documents: dict[str, Any] = {}

    def restore(*_: object, **how: object) -> RestoreReport:
        assert how["replace_existing"] is True
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def server(_: object) -> None:
        if server_is_gone:
            raise DatabaseUnreachable(where="there", reason="it is gone")

    monkeypatch.setattr(loading, "restore", restore)
    monkeypatch.setattr(loading, "engine_for", lambda _family: SimpleNamespace(server=server))
    monkeypatch.setattr(loading, "let_in", lambda _world, _event: None)
    monkeypatch.setattr(loading, "store_of", lambda _world, _event: SimpleNamespace(read=lambda _name: b"manifest"))
    monkeypatch.setattr(loading, "write_document", lambda _s3, _bucket, key, body: documents.update({key: body}))
    clients = SimpleNamespace(s3=None, requests=SimpleNamespace(usage={"get_requests": 2}))
    clock = SimpleNamespace(now=lambda: datetime(2026, 11, 22, tzinfo=UTC))
    world: Any = SimpleNamespace(clients=clients, clock=clock, progress=Silence())
    load_dump(world, {**EVENT, "instance": {**EVENT["instance"], "version": into}})
    (document,) = documents.values()
    assert [*documents] == [KEY]
    return dict(document)


def test_what_was_loaded_is_told_in_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    document = loaded(monkeypatch, REPORT)

    assert (document["problems"], document["not_restored"]) == ([], "")
    assert document["manifest_sha256"] == hashlib.sha256(b"manifest").hexdigest()
    assert document["restored"] == {
        "databases": [
            {"name": "shop", "tables": 7, "rows": 1007, "objects": 20},
            {"name": "books", "tables": 1, "rows": 3, "objects": 2},
        ],
        "tables": 8,
        "rows": 1010,
        "objects": 22,
        "notes": ["known"],
        "into": {"class": "db.t4g.medium", "version": "17.6"},
    }


@pytest.mark.parametrize(
    "wrong",
    [
        RestoredDiffers(where="there", differences="shop: table orders: 2 rows instead of 3"),
        ArchiveDamaged(where="there", reason="a frame is another"),
        FAILED,
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_is_wrong_with_the_dump_is_a_problem(monkeypatch: pytest.MonkeyPatch, wrong: Exception) -> None:
    document = loaded(monkeypatch, wrong)

    assert (document["problems"], document["not_restored"]) == ([str(wrong)], "")


@pytest.mark.parametrize(
    ("refusal", "into"),
    [(TargetUnfit(where="there", reason="it is older"), "17.6"), (FAILED, "18.0")],
    ids=["unfit", "another-release"],
)
def test_what_the_server_may_be_the_cause_of_is_none(
    monkeypatch: pytest.MonkeyPatch, refusal: Exception, into: str
) -> None:
    document = loaded(monkeypatch, refusal, into=into)

    assert document["problems"] == []
    assert str(refusal) in document["not_restored"]


def test_of_a_server_that_is_gone_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DatabaseUnreachable):
        loaded(monkeypatch, FAILED, server_is_gone=True)


def reported(monkeypatch: pytest.MonkeyPatch, document: dict[str, Any] | None) -> dict[str, Any]:
    from backup_actions.actions.rds_dump import tasks

    monkeypatch.setattr(tasks, "read_document", lambda *_: document)
    world: Any = SimpleNamespace(clients=SimpleNamespace(s3=None))
    jobs = {"j": {"seconds": 3600, "attempts": 1, "vcpus": 2}}
    hosts = [{"class": "db.t4g.medium", "gib": 20, "seconds": 1800}]
    return dict(report_load(world, {**EVENT, "jobs": jobs, "databases": hosts}))


def test_the_report_says_where_it_stands_and_what_job_instance_and_requests_came_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = reported(monkeypatch, {"not_restored": "", "usage": {"get_requests": 2}})

    assert report["documentKey"] == KEY
    assert report["usage"]["database_hours:db.t4g.medium"] == 0.5
    assert (report["usage"]["job_hours"], report["usage"]["get_requests"]) == (1, 2)


def test_the_report_says_why_nothing_was_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    report = reported(monkeypatch, {"not_restored": "it is older " + "x" * 9000, "usage": {}})

    assert "documentKey" not in report
    assert report["notRestored"].startswith("it is older")
    assert len(report["notRestored"]) < 1000


def test_without_a_document_there_is_no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotVerified, match=KEY):
        reported(monkeypatch, None)
