"""Clients: one of each service, whichever way it is asked for."""

from __future__ import annotations

import boto3

from backup_actions.aws import Clients


def clients() -> Clients:
    return Clients(boto3.Session("key", "secret", region_name="us-east-1"))


def test_a_client_of_any_service_is_made_once_and_tries_as_often_as_the_others() -> None:
    ours = clients()

    efs = ours.client("efs")

    assert efs.meta.service_model.service_name == "efs"
    assert efs.meta.config.retries["total_max_attempts"] == 5
    assert ours.client("efs") is efs


def test_a_service_that_is_known_has_its_own_client_by_its_name_too() -> None:
    ours = clients()

    assert ours.client("s3") is ours.s3
    assert ours.client("service-quotas") is ours.service_quotas
