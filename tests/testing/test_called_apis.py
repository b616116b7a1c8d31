"""Which APIs code calls is read from its source, whichever way it comes to its clients."""

from __future__ import annotations

from pathlib import Path

import pytest

from backup_actions_testing import called_apis
from backup_actions_testing.called_apis import ApiCall, SourceUnclear, apis_called_by

HOLDER = """
class Files:
    def __init__(self, world):
        self.efs = world.clients.client("efs")
    def all(self):
        return self.efs.describe_file_systems()
def work(world):
    return Files(world).all()
"""


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    called_apis._module.cache_clear()


def called(source: str, folder: Path) -> set[ApiCall]:
    (folder / "their_step.py").write_text(source)
    return set(apis_called_by("their_step:work"))


@pytest.mark.parametrize(
    "source",
    [
        'def work(world):\n    return world.clients.client("efs").describe_file_systems()\n',
        'def work(world):\n    efs = world.clients.client("efs")\n    return efs.describe_file_systems()\n',
        'def work(clients):\n    return clients.client("efs").get_paginator("describe_file_systems")\n',
        HOLDER,
    ],
    ids=["at once", "a variable", "a paginator", "an attribute"],
)
def test_a_call_of_a_client_by_the_services_name_is_seen(source: str, tmp_path: Path) -> None:
    assert called(source, tmp_path) == {ApiCall("efs", "DescribeFileSystems")}


def test_the_client_of_a_service_with_a_hyphen_is_seen(tmp_path: Path) -> None:
    source = "def work(world):\n    return world.clients.service_quotas.list_services()\n"

    assert called(source, tmp_path) == {ApiCall("service-quotas", "ListServices")}


@pytest.mark.parametrize("name", ["name", '"elasticfilesystem"'])
def test_a_client_whose_service_cannot_be_read_is_told(name: str, tmp_path: Path) -> None:
    source = f"def work(world, name):\n    return world.clients.client({name}).describe_file_systems()\n"

    with pytest.raises(SourceUnclear, match="name one of botocore's services by a literal"):
        called(source, tmp_path)
