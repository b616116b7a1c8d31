"""Attaching a volume: found by its serial, an earlier host waited for and then forced off, always let go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from backup_actions.actions.ebs_archive import attachment
from backup_actions.actions.ebs_archive.attachment import attached, device_of
from backup_actions.aws import Clients, Host, World
from backup_actions.errors import AwsCallFailed, HostFull, VolumeBusy, VolumeHasProductCodes, VolumeNotFound
from backup_actions.model.progress import Silence
from backup_actions_local.clock import SimulatedClock

VOLUME, HERE, THERE = "vol-0abc123", "i-0here", "i-0there"


class Machine:
    """A host whose devices appear when volumes are attached, and the part of EC2 that attaches them."""

    def __init__(self, folder: Path, *, holder: str | None = None, frees_after_polls: int | None = None) -> None:
        self.host = Host(folder / "dev", folder / "sys")
        self.host.dev.mkdir()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.holder, self._frees_after_polls = holder, frees_after_polls
        self.shows_device, self.taken_names = True, set[str]()
        self.attachment_state, self.names_holder = "attached", True

    def describe_volumes(self, **_: object) -> dict[str, Any]:
        if self._frees_after_polls is not None:
            self._frees_after_polls -= 1
            if self._frees_after_polls < 0:
                self.holder, self._frees_after_polls = None, None
        shows = self.holder and self.names_holder
        attachments = [{"InstanceId": self.holder, "State": self.attachment_state}] if shows else []
        return {"Volumes": [{"State": "in-use" if self.holder else "available", "Attachments": attachments}]}

    def attach_volume(self, **arguments: Any) -> None:
        self.calls.append(("attach", arguments))
        if arguments["Device"] in self.taken_names:
            raise AwsCallFailed(operation="AttachVolume", error_code="InvalidParameterValue", reason="in use")
        self.holder, self.names_holder = arguments["InstanceId"], True
        if self.shows_device:
            self.show(VOLUME, "nvme3n1")

    def detach_volume(self, **arguments: Any) -> None:
        self.calls.append(("detach", arguments))
        if arguments.get("Force") or arguments["InstanceId"] == HERE:
            self.holder = None

    def show(self, volume_id: str, name: str) -> None:
        """Let the kernel list a device."""
        (self.host.sys / "block" / name / "device").mkdir(parents=True)
        (self.host.sys / "block" / name / "device/serial").write_text(volume_id.replace("-", "") + "  \n")
        (self.host.dev / name).touch()


@contextmanager
def attached_on(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The volume on that machine."""
    monkeypatch.setattr(attachment, "instance_id", lambda host, clock: HERE)
    clients = cast("Clients", type("OneClient", (), {"ec2": machine})())
    clock = SimulatedClock()
    with clock.actor(), attached(World(clients, clock, Silence(), machine.host), VOLUME) as device:
        yield device


def test_the_device_is_the_one_whose_serial_is_the_volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path)
    machine.show("vol-0other", "nvme1n1")

    with attached_on(machine, monkeypatch) as device:
        assert device == machine.host.dev / "nvme3n1"


def test_a_serial_without_a_node_is_not_a_device_yet(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.show(VOLUME, "nvme3n1")
    (machine.host.dev / "nvme3n1").unlink()

    assert device_of(machine.host, VOLUME) is None


def test_the_volume_is_let_go_also_when_the_work_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path)

    with pytest.raises(OSError, match="disk"), attached_on(machine, monkeypatch):
        raise OSError("disk")

    assert machine.calls[-1] == ("detach", {"VolumeId": VOLUME, "InstanceId": HERE})


def test_a_host_that_lets_go_in_time_is_not_forced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path, holder=THERE, frees_after_polls=4)

    with attached_on(machine, monkeypatch):
        pass

    assert [name for name, arguments in machine.calls if arguments.get("Force")] == []


def test_a_host_that_does_not_let_go_is_forced_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path, holder=THERE)

    with attached_on(machine, monkeypatch):
        pass

    assert machine.calls[0] == ("detach", {"VolumeId": VOLUME, "InstanceId": THERE, "Force": True})


def test_a_volume_whose_holder_ec2_does_not_name_is_forced_off_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path, holder=THERE)
    machine.names_holder = False

    with attached_on(machine, monkeypatch):
        pass

    assert machine.calls[0] == ("detach", {"VolumeId": VOLUME, "Force": True})


def test_a_volume_that_cannot_be_freed_is_named_with_its_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path, holder=THERE)
    monkeypatch.setattr(machine, "detach_volume", lambda **_: None)

    with pytest.raises(VolumeBusy, match=THERE), attached_on(machine, monkeypatch):
        pass


def test_an_attachment_of_this_host_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path, holder=HERE)
    machine.show(VOLUME, "nvme3n1")

    with attached_on(machine, monkeypatch):
        pass

    assert [name for name, _ in machine.calls] == ["detach"]


def test_what_an_earlier_attempt_on_this_host_lets_go_is_waited_for_and_attached_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path, holder=HERE, frees_after_polls=3)
    machine.attachment_state = "detaching"

    with attached_on(machine, monkeypatch):
        pass

    assert [name for name, _ in machine.calls] == ["attach", "detach"]


def test_a_device_name_that_another_job_uses_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path)
    machine.taken_names = {"/dev/sdf", "/dev/sdg"}

    with attached_on(machine, monkeypatch):
        pass

    assert machine.calls[2] == ("attach", {"VolumeId": VOLUME, "InstanceId": HERE, "Device": "/dev/sdh"})


def test_a_host_has_names_for_more_volumes_than_it_has_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path)
    machine.taken_names = {f"/dev/sd{letter}" for letter in "fghijklmnop"}

    with attached_on(machine, monkeypatch):
        pass

    assert machine.calls[11][1]["Device"] == "/dev/xvdba"
    assert len(set(attachment._DEVICE_NAMES)) > 28


@pytest.mark.parametrize("error_code", ["InvalidParameterValue", "AttachmentLimitExceeded"])
def test_a_host_without_room_is_worth_another_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error_code: str
) -> None:
    machine = Machine(tmp_path)

    def refuse(**_: object) -> None:
        raise AwsCallFailed(operation="AttachVolume", error_code=error_code, reason="there are too many")

    monkeypatch.setattr(machine, "attach_volume", refuse)

    with pytest.raises(HostFull, match=HERE) as full, attached_on(machine, monkeypatch):
        pass
    assert full.value.retryable


@pytest.mark.parametrize("error_code", ["IncorrectInstanceState", "UnsupportedOperation", "OperationNotPermitted"])
def test_a_volume_with_product_codes_of_marketplace_is_told_from_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error_code: str
) -> None:
    machine = Machine(tmp_path)

    def refuse(**_: object) -> None:
        reason = f"Cannot attach volume '{VOLUME}' with Marketplace codes as the instance '{HERE}' is not stopped"
        raise AwsCallFailed(operation="AttachVolume", error_code=error_code, reason=reason)

    monkeypatch.setattr(machine, "attach_volume", refuse)

    with pytest.raises(VolumeHasProductCodes, match=VOLUME), attached_on(machine, monkeypatch):
        pass


def test_a_device_that_never_appears_is_named_and_the_volume_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path)
    machine.shows_device = False

    with pytest.raises(VolumeNotFound, match=VOLUME), attached_on(machine, monkeypatch):
        pass

    assert machine.calls[-1][0] == "detach"
