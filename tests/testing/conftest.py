"""Packages of actions that `new-action` wrote, installed beside ours for one test."""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backup_actions.contract import Action
from backup_actions.plugins import installed_action
from backup_actions_testing import called_apis, calls
from backup_actions_testing.new_action import write_package


@dataclass(frozen=True)
class Written:
    """A package that was written and can be imported and found, as if it were installed."""

    folder: Path
    site: Path

    @property
    def action(self) -> Action:
        """Loaded anew."""
        return installed_action(self.folder.name)

    def change(self, file: str, old: str, new: str) -> None:
        """Make something else of it."""
        path = self.site / self.folder.name.replace("-", "_") / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old}"
        path.write_text(text.replace(old, new), encoding="utf-8")


def install(folder: Path, site: Path) -> None:
    """What pip would put there: the package and the metadata that announces it."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shutil.copytree(folder / "src", site, dirs_exist_ok=True)
    metadata = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    required = [f"Requires-Dist: {each}\n" for each in project["dependencies"]]
    for extra, requirements in project.get("optional-dependencies", {}).items():
        required += [f"Requires-Dist: {each} ; extra == '{extra}'\n" for each in requirements]
    about = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0.1.0\n"
    (metadata / "METADATA").write_text(about + "".join(required))
    groups = project["entry-points"].items()
    lines = [f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in each.items()) for group, each in groups]
    (metadata / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture(name="written")
def _written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Written]:
    """An action for virtual machines, as it is written."""
    folder, site = write_package("vm-notes", "VirtualMachine", tmp_path), tmp_path / "site"
    install(folder, site)
    monkeypatch.syspath_prepend(site)
    yield Written(folder, site)
    for module in [module for module in sys.modules if module.partition(".")[0] == "vm_notes"]:
        del sys.modules[module]
    calls.apis_of.cache_clear()
    called_apis._module.cache_clear()
