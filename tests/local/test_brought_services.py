"""A package brings what the embedded AWS does not have: who may call it, and who answers."""

from __future__ import annotations

import logging
import sys
import types
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, EntryPoints
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from backup_actions.contract.permissions import Statement
from backup_actions.errors import BroughtServiceBroken
from backup_actions_local import brought
from backup_actions_local.brought import GROUP, BroughtService, EmbeddedAccount, brought_service
from backup_actions_local.calls import Call, Handler
from backup_actions_local.clock import SimulatedClock
from backup_actions_local.cloud import Cloud
from backup_actions_local.front.authorization.rules import RESOURCE_TAGS, Facts, Needs, Params, on_everything
from backup_actions_local.services.place import Place

if TYPE_CHECKING:
    from backup_actions_local.seaweed import ObjectServer

NO_OBJECTS = cast("ObjectServer", None)
OURS = {"StringEquals": {"aws:ResourceTag/owner": "us"}}


def _file_system(params: Params, facts: Facts) -> tuple[str, ...]:
    return (facts.arn("elasticfilesystem", f"file-system/{params['FileSystemId']}"),)


class _Efs:
    """Deletes file systems, all of which are ours and one of which is not."""

    name = "efs"

    def __init__(self, account: EmbeddedAccount) -> None:
        self.account, self.deleted = account, list[str]()

    def handlers(self) -> Mapping[str, Handler]:
        return {"DeleteFileSystem": self._delete}

    def tags_of(self, arn: str) -> Mapping[str, str]:
        return {"owner": "them" if arn.endswith("fs-1") else "us"}

    def _delete(self, call: Call) -> Mapping[str, Any]:
        self.deleted.append(call.params["FileSystemId"])
        return {}


EFS = BroughtService(
    permissions={
        "CreateFileSystem": on_everything("elasticfilesystem:CreateFileSystem"),
        "DescribeFileSystems": on_everything("elasticfilesystem:DescribeFileSystems"),
        "DeleteFileSystem": (
            Needs("elasticfilesystem:DeleteFileSystem", "file-system", _file_system, (RESOURCE_TAGS,)),
        ),
    },
    make=_Efs,
    by_moto=True,
)


class _Kms:
    """An operation of a service that is there already, and one that is there itself."""

    name = "kms"

    def __init__(self, _account: EmbeddedAccount) -> None:
        pass

    def handlers(self) -> Mapping[str, Handler]:
        return {"ListKeys": lambda _call: {"Keys": []}, "CreateKey": lambda _call: {}}


KMS = BroughtService(
    permissions={
        "ListKeys": on_everything("kms:ListKeys"),
        "CreateKey": on_everything("kms:ListKeys"),
    },
    make=_Kms,
)


def bring(monkeypatch: pytest.MonkeyPatch, *announced: tuple[str, object]) -> None:
    """Install packages that bring these objects, under the names of the services."""
    module = types.ModuleType("their_services")
    entries = []
    for number, (service, found) in enumerate(announced):
        module.__dict__[f"found_{number}"] = found
        entries.append(EntryPoint(service, f"their_services:found_{number}", GROUP))
    monkeypatch.setitem(sys.modules, "their_services", module)
    monkeypatch.setattr(brought, "entry_points", lambda **wanted: EntryPoints(entries).select(**wanted))


@pytest.fixture(name="cloud", scope="module")
def _cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        bring(monkeypatch, ("efs", EFS), ("kms", KMS))
        with Cloud(tmp_path_factory.mktemp("cloud"), NO_OBJECTS, mode="inline") as cloud:
            yield cloud


def client(cloud: Cloud, service: str, *statements: Statement) -> Any:
    cloud.roles.add("worker", statements)
    session: Any = cloud.session("worker")
    return session.client(service)


def test_a_brought_service_answers_whom_its_permissions_let_and_leaves_the_rest_to_moto(cloud: Cloud) -> None:
    efs = client(
        cloud,
        "efs",
        Statement(("elasticfilesystem:CreateFileSystem", "elasticfilesystem:DescribeFileSystems"), on="*", because="-"),
        Statement(("elasticfilesystem:DeleteFileSystem",), on="*", when=OURS, because="-"),
    )

    made = efs.create_file_system(CreationToken="a")["FileSystemId"]
    assert [each["FileSystemId"] for each in efs.describe_file_systems()["FileSystems"]] == [made]
    efs.delete_file_system(FileSystemId="fs-2")
    (service,) = (each for each in cloud.brought.services if each.name == "efs")
    assert isinstance(service.own, _Efs)
    assert service.own.deleted == ["fs-2"]
    with pytest.raises(ClientError, match=r"elasticfilesystem:DeleteFileSystem on resource: .*fs-1"):
        efs.delete_file_system(FileSystemId="fs-1")
    with pytest.raises(ClientError, match=r"the permissions of efs:DescribeTags\. Bring it .* backup_actions.services"):
        efs.describe_tags(FileSystemId="fs-2")


def test_an_operation_is_added_to_a_service_and_what_is_embedded_stays_as_it_is(cloud: Cloud) -> None:
    kms = client(cloud, "kms", Statement(("kms:ListKeys",), on="*", because="-"))

    assert kms.list_keys()["Keys"] == []
    with pytest.raises(ClientError, match="kms:CreateKey"):
        kms.create_key()
    assert cloud.administrator.client("kms").create_key()["KeyMetadata"]["Enabled"]


def test_who_was_handed_a_role_works_under_it_where_the_role_trusts_it(cloud: Cloud) -> None:
    (service,) = (each for each in cloud.brought.services if each.name == "efs")
    assert isinstance(service.own, _Efs)
    cloud.roles.add("handed", [Statement(("kms:ListKeys",), on="*", because="-")])
    cloud.roles.trust("handed", "elasticfilesystem.amazonaws.com", [cloud.place.arn("elasticfilesystem", "*")])
    role, task = cloud.place.role_arn("handed"), cloud.place.arn("elasticfilesystem", "task/1")

    session = service.own.account.take_on(role, "elasticfilesystem.amazonaws.com", task)

    assert session
    assert session.client("kms").list_keys()["Keys"] == []
    with pytest.raises(ClientError, match="assumed-role/handed/"):
        session.client("kms").create_key()
    assert service.own.account.take_on(role, "backup.amazonaws.com", task) is None
    assert service.own.account.take_on(role, "elasticfilesystem.amazonaws.com", cloud.place.arn("s3", "task/1")) is None


def test_the_service_that_nobody_brings_is_named_as_it_would_be_announced(cloud: Cloud) -> None:
    search = client(cloud, "backupsearch")

    with pytest.raises(ClientError, match=r"the service backupsearch\. Bring it .* by botocore's name"):
        search.list_search_jobs()


def _fails(_account: EmbeddedAccount) -> Any:
    raise ZeroDivisionError("no luck")


@pytest.mark.parametrize(
    ("announced", "reason"),
    [
        ([("efs", 3)], "their_services:found_0 is of type int, not a BroughtService"),
        ([("elasticfilesystem", EFS)], "botocore has no service of this name"),
        ([("efs", EFS), ("efs", EFS)], "more than one of them brings it"),
        ([("efs", BroughtService(permissions={}, make=_fails))], "ZeroDivisionError: no luck"),
    ],
    ids=["another type", "another name", "twice", "cannot be made"],
)
def test_what_is_broken_is_named_and_breaks_nothing_else(
    announced: list[tuple[str, object]],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bring(monkeypatch, *announced, ("kms", KMS))

    with caplog.at_level(logging.WARNING):
        account = EmbeddedAccount(place=Place(), clock=SimulatedClock(), take_on=lambda *_: None)
        services = brought.brought_to(account).services

    assert [service.name for service in services] == ["kms"]
    assert f"of {announced[0][0]}: {reason}. Repair the entry point {announced[0][0]}" in caplog.text


def test_who_calls_a_broken_one_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    bring(monkeypatch, ("efs", 3))

    with pytest.raises(BroughtServiceBroken, match=r"BA0608: .* what their_services:found_0 brings of efs"):
        brought_service("efs")
