"""The embedded AWS can be looked at like an account; what it does not have is not checked, and never good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from backup_actions.account import Outcome, looked_at
from backup_actions.aws import Clients
from backup_actions.contract import Action
from backup_actions.settings import from_mapping
from backup_actions_local.cloud import Cloud
from backup_actions_local.seaweed import ObjectServer


@pytest.fixture(name="cloud", scope="module")
def _cloud(tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("cloud"), flow_objects, mode="inline") as cloud:
        cloud.administrator.client("backup").create_backup_vault(BackupVaultName="backups")
        yield cloud


def outcomes(cloud: Cloud, actions: tuple[Action, ...], **settings: Any) -> dict[str, Outcome]:
    where = {"account": cloud.place.account, "region": cloud.place.region, "zones": [cloud.place.zones[0]]}
    chosen = from_mapping({**where, "vaults": ["backups"], **settings}, actions)
    return {one.subject: one.outcome for one in looked_at(chosen, actions, Clients(cloud.administrator))}


def test_what_is_there_is_good_what_is_not_is_wrong_and_what_is_not_embedded_is_not_checked(
    cloud: Cloud, actions: tuple[Action, ...]
) -> None:
    key = cloud.administrator.client("kms").create_key()["KeyMetadata"]["Arn"]

    assert outcomes(cloud, actions, archive_bucket={"key_arn": key}) == {
        "account": Outcome.GOOD,
        "zones": Outcome.GOOD,
        "vaults": Outcome.GOOD,
        "archive_bucket.key_arn": Outcome.GOOD,
        "CDK bootstrap": Outcome.WRONG,
        "roles of services": Outcome.NOT_CHECKED,
        "stack": Outcome.GOOD,
        "Spot vCPUs": Outcome.NOT_CHECKED,
        "gp3 storage": Outcome.NOT_CHECKED,
        "databases": Outcome.NOT_CHECKED,
    }
