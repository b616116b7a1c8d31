"""What is installed, and who is to blame when it cannot be used."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backup_actions.errors import ActionBroken, ActionUnknown
from backup_actions.plugins import GROUP, installed, installed_action

if TYPE_CHECKING:
    from tests.plugins.conftest import MakePackage


def _reason(entry: EntryPoint) -> str:
    found = installed([entry])
    assert found.actions == ()
    (broken,) = found.broken
    return str(broken.facts["reason"])


def test_a_sound_action_is_installed(make_package: MakePackage) -> None:
    found = installed([make_package("disk_work")])

    assert [action.name for action in found.actions] == ["disk-work"]
    assert found.broken == ()


def test_actions_come_in_the_order_of_their_names(make_package: MakePackage) -> None:
    found = installed([make_package("second"), make_package("first")])

    assert [action.name for action in found.actions] == ["first", "second"]


def test_a_broken_action_does_not_break_the_others(make_package: MakePackage) -> None:
    found = installed([make_package("bad", description="raise ZeroDivisionError"), make_package("good")])

    assert [action.name for action in found.actions] == ["good"]
    assert [broken.facts["name"] for broken in found.broken] == ["bad"]


def test_an_error_while_loading_is_told(make_package: MakePackage) -> None:
    entry = make_package("bad", description="raise ZeroDivisionError('no luck')")

    assert _reason(entry) == "loading bad:ACTION raises ZeroDivisionError: no luck"


def test_a_package_that_exits_while_loading_does_not_end_the_program(make_package: MakePackage) -> None:
    assert "SystemExit" in _reason(make_package("bad", description="raise SystemExit(3)"))


def test_a_missing_module_is_told() -> None:
    reason = _reason(EntryPoint("gone", "package_that_is_gone:ACTION", GROUP))

    assert "No module named 'package_that_is_gone'" in reason


def test_an_object_that_is_no_action_is_told(make_package: MakePackage) -> None:
    assert _reason(make_package("bad", description="ACTION = 3")) == "bad:ACTION is of type int, not an Action"


def test_an_action_has_the_name_of_its_entry_point(make_package: MakePackage) -> None:
    entry = make_package("disk_work")

    reason = _reason(EntryPoint("other", entry.value, GROUP))

    assert reason == "its entry point has this name, the action itself is called 'disk-work'"


def test_two_actions_of_one_name_are_both_refused(make_package: MakePackage) -> None:
    found = installed([make_package("one", "same"), make_package("two", "same"), make_package("good")])

    assert [action.name for action in found.actions] == ["good"]
    assert [str(broken.facts["reason"]) for broken in found.broken] == [
        "the name is taken twice: one (one:ACTION) and two (two:ACTION)"
    ] * 2


def test_the_distribution_is_named_as_the_culprit(
    make_package: MakePackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_package("bad_work", description="raise ZeroDivisionError")
    metadata = tmp_path / "their_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: their-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\nbad-work = bad_work:ACTION\n")

    (broken,) = [broken for broken in installed().broken if broken.facts["name"] == "bad-work"]

    assert str(broken).startswith("BA0105: action 'bad-work' of package their-plugin cannot be used")
    assert broken.hint == "Repair or uninstall their-plugin; the other actions are not affected."


def test_an_action_is_found_by_its_name(make_package: MakePackage) -> None:
    assert installed([make_package("good")]).action("good").title == "Work on a disk"


def test_asking_for_one_action_loads_no_other(make_package: MakePackage, tmp_path: Path) -> None:
    make_package("asked_for")
    make_package("left_alone", description="raise ZeroDivisionError")
    metadata = tmp_path / "two-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: two\nVersion: 0\n")
    entries = "asked-for = asked_for:ACTION\nleft-alone = left_alone:ACTION\n"
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\n{entries}")

    assert installed_action("asked-for").name == "asked-for"
    assert "left_alone" not in sys.modules


def test_an_unknown_name_is_answered_with_the_installed_ones(make_package: MakePackage) -> None:
    found = installed([make_package("good")])

    with pytest.raises(ActionUnknown, match="there is no action 'goood'") as unknown:
        found.action("goood")
    assert unknown.value.hint == "Installed are: good."


def test_asking_for_a_broken_action_tells_why_it_is_broken(make_package: MakePackage) -> None:
    found = installed([make_package("bad", description="raise ZeroDivisionError")])

    with pytest.raises(ActionBroken, match="ZeroDivisionError"):
        found.action("bad")


def test_reading_descriptions_imports_nothing_heavy() -> None:
    program = """
import sys, tomllib
from importlib.metadata import EntryPoint
from backup_actions.plugins import GROUP, installed
announced = tomllib.load(open("pyproject.toml", "rb"))["project"]["entry-points"][GROUP]
found = installed([EntryPoint(name, value, GROUP) for name, value in announced.items()])
assert found.actions and not found.broken, found.broken
heavy = {"boto3", "botocore", "aws_cdk", "pyarrow", "zstandard", "pydantic", "awscrt", "blake3"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    project = Path(__file__).parents[2]

    done = subprocess.run([sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=False)

    assert done.stderr == ""
    assert done.returncode == 0
