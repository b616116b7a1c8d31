"""Roles and the keys of their sessions."""

from __future__ import annotations

import pytest

from backup_actions.contract.permissions import Statement
from backup_actions.errors import NotEmbedded
from backup_actions_local.clock import SimulatedClock
from backup_actions_local.front import Roles


@pytest.fixture(name="roles")
def _roles() -> Roles:
    return Roles(SimulatedClock())


def test_each_session_has_keys_of_its_own(roles: Roles) -> None:
    roles.add("worker", [])
    first, second = roles.issue("worker"), roles.issue("worker", "named")

    assert first.access_key_id != second.access_key_id
    assert roles.find(second.access_key_id) is second
    assert second.caller.session == "named"


def test_an_unknown_role_gets_no_keys(roles: Roles) -> None:
    with pytest.raises(KeyError, match="administrator"):
        roles.issue("nobody")


def test_keys_with_a_lifetime_expire_on_the_clock() -> None:
    clock = SimulatedClock()
    roles = Roles(clock)
    short, lasting = roles.issue("administrator", lifetime_seconds=60), roles.issue("administrator")

    with clock.actor():
        clock.sleep(60)

    assert roles.have_expired(short)
    assert not roles.have_expired(lasting)


def test_secrets_are_not_printed(roles: Roles) -> None:
    credentials = roles.issue("administrator")

    assert credentials.secret_access_key not in repr(credentials)
    assert credentials.session_token not in repr(credentials)


def test_a_role_with_a_condition_that_is_not_known_is_refused_at_once(roles: Roles) -> None:
    statement = Statement(("s3:GetObject",), on="arn:aws:s3:::b/k", when={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})

    with pytest.raises(NotEmbedded, match="IpAddress"):
        roles.add("worker", [statement])


def test_callers_are_named_as_aws_names_them(roles: Roles) -> None:
    caller = roles.issue("administrator", "setup").caller

    assert roles.caller_arn(caller) == "arn:aws:sts::111122223333:assumed-role/administrator/setup"
    assert roles.role_arn("worker") == "arn:aws:iam::111122223333:role/worker"


def test_a_service_is_trusted_with_a_role_for_what_the_role_names_alone() -> None:
    roles = Roles(SimulatedClock())
    roles.add("exporter", [])
    roles.trust("exporter", "export.rds.amazonaws.com", ["arn:aws:rds:us-east-1:111122223333:snapshot:*"])
    snapshot = "arn:aws:rds:us-east-1:111122223333:snapshot:awsbackup:job-1"

    assert roles.trusts("exporter", "export.rds.amazonaws.com", on_behalf_of=snapshot)
    assert not roles.trusts("exporter", "backup.amazonaws.com", on_behalf_of=snapshot)
    assert not roles.trusts("nobody", "export.rds.amazonaws.com", on_behalf_of=snapshot)
    assert not roles.trusts("exporter", "export.rds.amazonaws.com", on_behalf_of=snapshot.replace("1111", "9999"))
