"""What the catalogue makes of events and of what it finds, against a Glue and an S3 of a few lines."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.catalogue.test_tables import placed

from backup_actions.aws import World
from backup_actions.catalogue.publishing import catalogue
from backup_actions.catalogue.tables import PlacedExport
from backup_actions.errors import AwsCallFailed, MalformedEvent

SOURCE = "rds-export/resource_type=RDS/account=1/region=eu-central-1/resource=shop-db"
EVENT = {"prefix": f"{SOURCE}/date=2026-11-01/job-0103"}


@dataclass
class Cloud:
    """A bucket and a database."""

    objects: dict[str, bytes] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    when_written: Callable[[], None] = lambda: None
    refuses: str = ""

    def export(self, export: PlacedExport) -> None:
        self.objects[f"{export.location.removeprefix('s3://b/')}/export.json"] = export.manifest.to_bytes()

    def get_paginator(self, _operation: str) -> Any:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - S3's own names
        assert Bucket == "b"
        yield {"Contents": [{"Key": key} for key in sorted(self.objects) if key.startswith(Prefix)]}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        assert Bucket == "b"
        return {"Body": io.BytesIO(self.objects[Key])}

    def get_table(self, *, DatabaseName: str, Name: str) -> dict[str, Any]:  # noqa: N803
        assert DatabaseName == "exports"
        if self.refuses:
            raise ClientError({"Error": {"Code": self.refuses, "Message": ""}}, "GetTable")
        if Name not in self.tables:
            raise ClientError({"Error": {"Code": "EntityNotFoundException", "Message": ""}}, "GetTable")
        return {"Table": self.tables[Name]}

    def create_table(self, *, DatabaseName: str, TableInput: dict[str, Any]) -> None:  # noqa: N803
        assert DatabaseName == "exports"
        assert TableInput["Name"] not in self.tables
        self._write(TableInput)

    def update_table(self, *, DatabaseName: str, TableInput: dict[str, Any], SkipArchive: bool) -> None:  # noqa: N803
        assert DatabaseName == "exports"
        assert SkipArchive
        assert TableInput["Name"] in self.tables
        self._write(TableInput)

    def _write(self, table: dict[str, Any]) -> None:
        self.tables[table["Name"]] = table
        happens, self.when_written = self.when_written, lambda: None
        happens()

    def called(self, event: dict[str, Any]) -> Any:
        """What the catalogue says to an event."""
        clients: Any = SimpleNamespace(s3=self, glue=self)
        variables = {"BACKUP_ACTIONS_BUCKET": "b", "BACKUP_ACTIONS_GLUE_DATABASE": "exports"}
        return catalogue(World(clients, environment=variables), event)

    def backups(self, name: str) -> list[str]:
        """The values of the partition ``backup``."""
        values: str = self.tables[name]["Parameters"]["projection.backup.values"]
        return values.split(",")


@pytest.fixture(name="cloud")
def _cloud() -> Cloud:
    cloud = Cloud()
    cloud.export(placed("2026-11-01", ("t",)))
    return cloud


def test_a_second_call_changes_nothing(cloud: Cloud) -> None:
    said = cloud.called(EVENT)
    before = dict(cloud.tables)

    assert cloud.called(EVENT) == said == {"source": SOURCE, "exports": 1, "tables": ["shop_db_t"]}
    assert cloud.tables == before


def test_an_export_without_a_manifest_is_not_seen(cloud: Cloud) -> None:
    cloud.objects[f"{SOURCE}/date=2026-11-02/job-2/run/t/1/part.parquet"] = b""
    cloud.called(EVENT)

    assert cloud.backups("shop_db_t") == ["job-0103/run/t"]


def test_an_export_that_completes_meanwhile_is_not_lost(cloud: Cloud) -> None:
    cloud.when_written = lambda: cloud.export(placed("2026-11-02", ("t",)))

    assert cloud.called(EVENT)["exports"] == 2
    assert cloud.backups("shop_db_t") == ["job-0103/run/t", "job-0203/run/t"]


def test_another_source_is_not_touched(cloud: Cloud) -> None:
    cloud.export(placed("2026-11-01", ("t",), resource="shop-db-2"))
    cloud.called(EVENT)

    assert list(cloud.tables) == ["shop_db_t"]


def test_a_table_of_another_place_keeps_its_name_and_ours_gets_one_that_stays(cloud: Cloud) -> None:
    theirs = {"StorageDescriptor": {"Location": "s3://elsewhere/"}}
    cloud.tables["shop_db_t"] = theirs
    first, again = cloud.called(EVENT)["tables"], cloud.called(EVENT)["tables"]

    assert first == again
    assert cloud.tables["shop_db_t"] is theirs
    assert cloud.backups(*first) == ["job-0103/run/t"]


def test_the_end_of_an_execution_says_its_source_by_its_input(cloud: Cloud) -> None:
    ended = {"detail": {"input": f'{{"prefix": "{SOURCE}/date=2026-11-01/job-0103"}}'}}

    assert cloud.called(ended) == cloud.called(EVENT)


@pytest.mark.parametrize(
    "event", [{}, {"prefix": "rds-export"}, {"prefix": "/date=x"}, {"detail": {"input": "no json"}}, {"detail": None}]
)
def test_an_event_without_a_source_is_an_error(cloud: Cloud, event: dict[str, Any]) -> None:
    with pytest.raises(MalformedEvent):
        cloud.called(event)


def test_what_glue_refuses_is_an_error(cloud: Cloud) -> None:
    cloud.refuses = "AccessDeniedException"

    with pytest.raises(AwsCallFailed, match="AccessDeniedException"):
        cloud.called(EVENT)


def test_it_runs_where_there_is_nothing_but_boto3() -> None:
    code = (
        "import sys, backup_actions.catalogue.publishing\n"
        "sys.exit(str({'blake3', 'duckdb', 'pyarrow', 'pydantic'} & sys.modules.keys() or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stderr.strip() == ""
