"""What an action is tried on: its package's own sample, or a resource of a type that the embedded AWS backs up."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from backup_actions.contract import Action, Permissions
from backup_actions.errors import SampleBroken, SampleMissing
from backup_actions_local.cloud import Cloud
from backup_actions_local.samples import GROUP, USUAL, VAULT, made_by, sample_of

if TYPE_CHECKING:
    from backup_actions_local.seaweed import ObjectServer

NO_CLOUD = cast("Cloud", None)


def _fails(_cloud: Cloud) -> None:
    raise ZeroDivisionError("no luck")


@pytest.fixture(name="announced")
def _announced(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], EntryPoint]:
    """An entry point for that object."""

    def announce(made: object) -> EntryPoint:
        module = types.ModuleType("their_sample")
        module.__dict__["sample"] = made
        monkeypatch.setitem(sys.modules, "their_sample", module)
        return EntryPoint("their-action", "their_sample:sample", GROUP)

    return announce


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (_fails, "ZeroDivisionError: no luck"),
        (lambda _cloud: 3, "it is of type int, not a Sample"),
        (3, "TypeError: 'int' object is not callable"),
    ],
)
def test_a_broken_sample_is_told_with_what_it_raises(
    made: object, reason: str, announced: Callable[[object], EntryPoint]
) -> None:
    with pytest.raises(SampleBroken) as caught:
        made_by(announced(made), NO_CLOUD)

    assert str(caught.value) == f"BA0606: the sample of action 'their-action' cannot be used: {reason}"
    assert "their_sample:sample" in caught.value.hint


def test_without_a_sample_of_an_unknown_type_is_told_how_one_is_written() -> None:
    action = Action(
        name="their-action",
        title="",
        folder=Path(),
        permissions=Permissions(),
        handles=("FSx", "S3"),
        restorable=False,
    )

    with pytest.raises(SampleMissing) as caught:
        sample_of(action, NO_CLOUD)

    assert "the embedded AWS makes no backups of FSx, S3" in str(caught.value)
    assert "their-action in the entry points backup_actions.samples" in caught.value.hint


def test_every_usual_sample_is_backed_up(tmp_path: Path, flow_objects: ObjectServer) -> None:
    with Cloud(tmp_path, flow_objects, mode="inline") as cloud:
        cloud.vaults.make_vault(VAULT)
        with cloud.clock.actor():
            for make in USUAL.values():
                make(cloud).back_up(cloud)
        cloud.clock.wait_for_rest()

        points = {point.of.resource_type: point.status for point in cloud.vaults.points(VAULT)}

    assert points == dict.fromkeys(USUAL, "COMPLETED")
