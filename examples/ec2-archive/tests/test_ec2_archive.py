"""The action owes what every action does; its own truths are tested below that."""

from __future__ import annotations

from backup_actions_testing import ActionContract

from ec2_archive import ACTION
from ec2_archive.places import disk_folder


class TestEc2Archive(ActionContract):
    """Run ``pytest --sweep`` now and then: it tries every single fault."""

    action = ACTION
    faults_tried, stops_tried = 2, 1  # each is a run of its own


def test_each_disk_has_a_folder_of_its_own() -> None:
    assert disk_folder("run", "/dev/sda1") == "run/sda1"
    assert disk_folder("run", "xvdf") == "run/xvdf"


def test_it_is_no_reason_to_delete_a_backup() -> None:
    assert not ACTION.restorable
