"""`new-action` writes a package that works as it is written; tests/docs/test_own_action.py runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.testing.conftest import install

from backup_actions.cli.errors import run
from backup_actions.errors import ActionBroken
from backup_actions_infrastructure.app import main as synthesize
from backup_actions_local.samples import USUAL
from backup_actions_testing.new_action import RESOURCES, write_package


def program(name: str) -> str:
    """A program of the environment that the tests run in."""
    return str(Path(sys.executable).with_name(name))


def test_a_new_package_is_clean(tmp_path: Path) -> None:
    folder = write_package("archive-files", "FSx", tmp_path)

    for check in (("check", "--no-cache"), ("format", "--check", "--no-cache")):
        done = subprocess.run([program("ruff"), *check, folder], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("handles", RESOURCES)
def test_nothing_of_the_template_is_left(handles: str, tmp_path: Path) -> None:
    folder = write_package("b7-copy-all", handles, tmp_path)

    text = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file())
    assert "heir" not in text.replace("their own", "")
    assert handles in text
    assert "EFS" not in text or handles == "EFS"
    assert "class B7CopyAllSettings(Settings):" in text
    assert (folder / "src/b7_copy_all/sample.py").exists() == (handles not in USUAL)
    assert ("backup_actions.samples" in text) == (handles not in USUAL)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Archive", "a name is lower-case words and numbers joined by single hyphens"),
        ("archive_files", "a name is lower-case words"),
        ("7zip", "a name is lower-case words"),
        ("import", "its package would be called import, which is a word of Python"),
        ("ebs-archive", "an installed action has this name"),
        ("json", "its package would be called json, and there is a module of this name"),
        ("taken", "taken exists"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_is_written(
    name: str, reason: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").mkdir()

    status = run(["new-action", name, "--handles", "EFS", "--directory", str(tmp_path)])

    assert status == 2
    assert reason in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_type_that_aws_backup_does_not_have_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["new-action", "x", "--handles", "EBD", "--directory", str(tmp_path)]) == 2
    assert "'EBD' is not one of" in capfd.readouterr().err


def test_help_spells_types_as_aws_backup_does(capfd: pytest.CaptureFixture[str]) -> None:
    run(["new-action", "--help"])

    told = " ".join(capfd.readouterr().out.split())
    assert "--handles TYPE AWS Backup's type of the resources whose backups it is for: Aurora, CloudFormation" in told
    assert all(each in told for each in RESOURCES)


def test_nothing_that_is_written_comes_from_elsewhere(tmp_path: Path) -> None:
    folder = write_package("vm-notes", "VirtualMachine", tmp_path)

    assert "https://" not in (folder / "README.md").read_text(encoding="utf-8")


def test_scripts_are_told_what_was_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(["new-action", "efs-notes", "--handles", "efs", "--directory", str(tmp_path), "--json"])

    answer = json.loads(capfd.readouterr().out)
    assert (answer["action"], answer["handles"]) == ("efs-notes", "EFS")
    assert all((Path(answer["folder"]) / file).is_file() for file in answer["files"])


def test_a_second_action_of_one_name_is_refused_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder, site = write_package("vm-notes", "VirtualMachine", tmp_path), tmp_path / "site"
    install(folder, site)
    other = site / "other-1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1\n")
    (other / "entry_points.txt").write_text("[backup_actions.actions]\nvm-notes = vm_notes:ACTION\n")
    monkeypatch.syspath_prepend(site)

    refusals = {}
    for arguments in (["actions"], ["permissions", "vm-notes"], ["demo", "--action", "vm-notes"]):
        run(arguments)
        refusals[arguments[0]] = capfd.readouterr().err

    with pytest.raises(ActionBroken) as caught:
        synthesize()
    refusals["cdk"] = str(caught.value)

    for command, told in refusals.items():
        assert "BA0105: action 'vm-notes'" in told, command
        assert "the name is taken twice: other (vm_notes:ACTION) and vm-notes (vm_notes:ACTION)" in told, command
