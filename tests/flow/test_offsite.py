"""Runs in which backups go off-site and nothing goes wrong: an instance, a cluster, a volume."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.flow.databases import manifests_name_what_is_there, rows_of
from tests.flow.dumps import QUICK
from tests.flow.offsite import SEPARATED, SOURCE, Accounts, snapshots, two_accounts
from tests.flow.offsite_promises import broken

from backup_actions.offsite.imports import Stage

if TYPE_CHECKING:
    from backup_actions_local.databases import DatabaseImage
    from backup_actions_local.seaweed import ObjectServer


# ------------------------------------------------------------------------ a database, proven where it has been imported


@pytest.fixture(name="database", scope="module")
def _database(
    tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer, postgresql_shop: DatabaseImage
) -> Iterator[Accounts]:
    """Acknowledged when the import was dumped, the dump loaded and compared, and when there is Parquet of it."""
    with two_accounts(
        tmp_path_factory.mktemp("offsite"),
        flow_objects,
        importing={"acknowledge_after_actions": True},
        separated_actions={"rds-dump": {}, "rds-export": {}},
        durations=QUICK,
    ) as accounts:
        default_key = accounts.source.cloud.keys.managed_by("rds").arn  # nobody else may ever use it
        accounts.back_up(accounts.database(postgresql_shop, kms_key_id=default_key, tags={"of": "shop"}))
        yield accounts


def test_a_database_goes_off_site_and_then_its_backup_may_go(database: Accounts) -> None:
    (action,) = database.source.evidence()["actions"]

    assert database.source.main.status == "SUCCEEDED", (database.copying.cause, database.separated.notices)
    assert (action["proven"], action["restorable"]) == (True, True)
    assert database.source.point is None
    assert broken(database) == []


def test_no_role_of_either_account_asks_for_what_it_may_not_have(database: Accounts) -> None:
    assert database.source.cloud.audit.refused() == ()
    assert database.separated.cloud.audit.refused() == ()
    assert database.source.dead_letters == database.separated.dead_letters == []


def test_the_import_belongs_to_the_separated_account_under_its_own_key(database: Accounts) -> None:
    (imported,) = database.imports()
    (snapshot,) = snapshots(database.separated)

    assert snapshot.arn == imported.imported_arn
    assert f":{SEPARATED}:" in snapshot.arn
    assert f":{SEPARATED}:key/" in snapshot.key_arn
    assert f":{SOURCE}:key/" in imported.announcement.key_arn
    assert imported.stage is Stage.ACKNOWLEDGED


def test_no_copy_is_left_in_the_source_account(database: Accounts) -> None:
    made = database.source.cloud.audit.of("rds", "CopyDBSnapshot")

    assert len(made) == 1
    assert snapshots(database.source) == []


def test_the_imported_database_holds_the_very_rows(database: Accounts, postgresql_shop: DatabaseImage) -> None:
    separated = database.separated
    (key,) = (key for key in separated.stored() if key.endswith("/dump.json"))
    dump = json.loads(separated.s3.get_object(Bucket=separated.bucket, Key=key)["Body"].read())
    (found,) = (each for each in dump["databases"] if each["name"] == "shop")
    expected = {table.path[1:]: table.rows.num_rows for table in postgresql_shop.tables()}

    assert {(table["schema"], table["name"]): table["rows"] for table in found["tables"]} == expected


def test_auditors_have_the_same_rows_as_parquet(database: Accounts, postgresql_shop: DatabaseImage) -> None:
    expected = {".".join(table.path): table.rows.num_rows for table in postgresql_shop.tables()}

    assert {name: rows_of(database.separated, name).num_rows for name in expected} == expected
    assert manifests_name_what_is_there(database.separated) == []


def test_the_evidence_names_what_was_announced_and_who_has_it(database: Accounts) -> None:
    document, (imported,) = database.acknowledgement(), database.imports()

    assert document is not None
    assert document["verified"] is True
    assert document["manifest_sha256"] == imported.announcement_sha256
    assert document["acknowledgement"]["imported_arn"] == imported.imported_arn


def test_each_account_is_swept_under_a_role_of_its_own_and_nothing_is_amiss(database: Accounts) -> None:
    for flow in (database.source, database.separated):
        with flow.cloud.clock.actor():
            answer = flow.cloud.functions.invoke(f"{flow.deployment.settings.name}-sweep", {})

        assert (answer["done"], answer["found"]) == (True, 0)
        assert flow.cloud.audit.refused() == ()
