"""This project's own actions owe what everybody's do; every single fault and grant is tried in tests/sweeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar
from unittest.mock import patch

import pytest
from tests.dump.fake_engine import ENGINE, HOSTS, FakeServer
from tests.flow.dumps import NOWHERE

from backup_actions.actions import dynamodb_export, ebs_archive, offsite_copy, rds_dump, rds_export
from backup_actions.dump import engines
from backup_actions_local.samples import MakeSample, Sample
from backup_actions_testing import ActionContract

if TYPE_CHECKING:
    from backup_actions_local.cloud import Cloud
    from backup_actions_local.databases import DatabaseImage
    from backup_actions_local.seaweed import ObjectServer


class OurContract(ActionContract):
    """All of it, on the S3 server of the other tests."""

    @pytest.fixture(name="objects", scope="class")
    @classmethod
    def _objects(cls, flow_objects: ObjectServer) -> ObjectServer:
        return flow_objects


class TestDynamoDbExport(OurContract):
    action = dynamodb_export.ACTION
    faults_tried, stops_tried = 3, 1


@pytest.mark.root
class TestEbsArchive(OurContract):
    action = ebs_archive.ACTION
    faults_tried, stops_tried = 12, 2


class TestOffsiteCopy(OurContract):
    action = offsite_copy.ACTION
    faults_tried, stops_tried = 2, 1


class TestRdsDump(OurContract):
    """Its database is a folder, which takes no time to start; real servers are in tests/flow."""

    action = rds_dump.ACTION
    faults_tried, stops_tried = 3, 1
    not_called: ClassVar[Mapping[tuple[str, str], str]] = {
        ("job verify", "s3:AbortMultipartUpload"): "an engine's create() makes a database; a store's is not called",
        ("job load", "s3:AbortMultipartUpload"): "the same",
        ("task create", "kms:CreateGrant"): "the policy of RDS's own key lets RDS use it for whoever may use RDS",
        ("task create", "kms:DescribeKey"): "the same",
    }

    @pytest.fixture(name="make_sample", scope="class")
    @classmethod
    def _make_sample(cls) -> Iterator[MakeSample]:
        """An encrypted database whose restored instance is a folder."""

        def make(cloud: Cloud) -> Sample:
            server = FakeServer(cloud.directory / "server")
            server.fill("app", {("public", "orders"): [f"order {n}" for n in range(50)], ("public", "none"): []})
            (server.folder / "accounts").write_text("alice\nbob\n")
            HOSTS[NOWHERE] = server.folder
            key = cloud.place.arn("kms", "key/customer")
            database = cloud.databases.make("shop", None, engine="postgres", kms_key_id=key)
            return Sample(resource_arn=database.arn, story="an encrypted database")

        with patch.dict(engines._ENGINES, postgresql=ENGINE), patch.dict(HOSTS):
            yield make


class TestRdsExport(OurContract):
    action = rds_export.ACTION
    faults_tried, stops_tried = 5, 1

    @pytest.fixture(name="make_sample", scope="class")
    @classmethod
    def _make_sample(cls, postgresql_shop: DatabaseImage) -> MakeSample:
        """The usual database, filled once for all runs."""

        def make(cloud: Cloud) -> Sample:
            database = cloud.databases.make("shop", postgresql_shop)
            return Sample(resource_arn=database.arn, story="a PostgreSQL database")

        return make
