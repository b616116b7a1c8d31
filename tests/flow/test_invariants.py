"""The invariants notice what they are there for: each kind of damage, done by hand after a good run, is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.flow import invariants
from tests.flow.flow import ZONES, Flow, NewFlow
from tests.flow.invariants import Invariant

from backup_actions.ledger import Leases
from backup_actions_testing import invariants as of_any_action

pytestmark = pytest.mark.root


def _without(name: str) -> Callable[[Flow], None]:
    def remove(flow: Flow) -> None:
        (key,) = (key for key in flow.stored() if key.endswith(name))
        flow.s3.delete_object(Bucket=flow.bucket, Key=key)

    return remove


def _volume(flow: Flow) -> None:
    flow.cloud.store.make_volume(None, zone=ZONES[0], tags={"backup-actions:run": "ebs-archive/x"})


def _upload(flow: Flow) -> None:
    flow.s3.create_multipart_upload(Bucket=flow.bucket, Key="ebs-archive/x/files.tar.zst")


def _mount_point(name: str) -> Callable[[Flow], None]:
    return lambda flow: (flow.directory / f"backup-actions-mount-{name}").mkdir()


def _lease(flow: Flow) -> None:
    client, table = flow.cloud.administrator.client("dynamodb"), flow.deployment.resources["LedgerTable"]
    assert Leases(client, table, flow.cloud.clock, quota="rds-export", slots=5).hold("somebody", seconds=60)


def _parameter(flow: Flow) -> None:
    ssm = flow.cloud.administrator.client("ssm")
    ssm.put_parameter(Name="/x", Value="x", Type="String", Tags=[{"Key": "backup-actions:run", "Value": "rds-dump/x"}])


def _secret(flow: Flow) -> None:
    keys = next(iter(flow.cloud.roles._issued.values()))
    (flow.directory / "logs" / "job.log").write_text(f"key={keys.secret_access_key}")


def _bad_news(flow: Flow) -> None:
    flow.notices.clear()


DAMAGE: tuple[tuple[Invariant, Callable[[Flow], None]], ...] = (
    (invariants.nothing_left_behind, _volume),
    (invariants.nothing_left_behind, _upload),
    (invariants.nothing_left_on_this_machine, _mount_point("x")),
    (of_any_action.nothing_left_on_this_machine, _mount_point("y")),
    (of_any_action.nothing_left_behind, _volume),
    (of_any_action.nothing_left_behind, _lease),
    (of_any_action.nothing_left_behind, _parameter),
    (of_any_action.manifests_name_what_is_there, _without("index.parquet")),
    (of_any_action.failures_are_told, _bad_news),
    (of_any_action.no_secrets_shown, _secret),
    (of_any_action.deleted_only_when_proven, _without("verification.json")),
    (invariants.complete_archives_verify, _without("files.tar.zst")),
    (invariants.deleted_only_with_a_verified_archive, _without("manifest.json")),
)


def test_every_kind_of_damage_is_noticed(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.back_up()
    assert flow.notices
    assert invariants.broken(flow) == []

    for invariant, damage in DAMAGE:
        before = set(invariant(flow))
        damage(flow)
        assert set(invariant(flow)) - before, f"{invariant.__name__} did not notice {damage}"
