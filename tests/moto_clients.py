"""Clients of an account that moto has in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from moto import mock_aws

from backup_actions.aws import Clients


@contextmanager
def moto_clients() -> Iterator[Clients]:
    """Nothing that they call leaves this process; what was made is forgotten when the block ends."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "testing")
        with mock_aws():
            yield Clients(boto3.Session(region_name="us-east-1"))
