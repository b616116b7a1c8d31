"""A command line run inside the test, with this project's own actions announced as an installed package does."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backup_actions.cli.errors import run

PROJECT = Path(__file__).parents[2]
GROUP = "backup_actions.actions"


@dataclass(frozen=True)
class Answer:
    """What a command wrote and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its answer for scripts."""
        return json.loads(self.out)


Cli = Callable[..., Answer]
Announce = Callable[..., None]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line and return its answer."""

    def answer(*arguments: object) -> Answer:
        capfd.readouterr()
        status = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Answer(status, out, err)

    return answer


@pytest.fixture
def announce(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Announce:
    """Announce entry points as a distribution; it hides an installed one of the same name."""
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def make(package: str, **announced: str) -> None:
        metadata = site / f"{package.replace('-', '_')}-0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0\n")
        entries = "\n".join(f"{name.replace('_', '-')} = {value}" for name, value in announced.items())
        (metadata / "entry_points.txt").write_text(f"[{GROUP}]\n{entries}\n")

    return make


@pytest.fixture
def own_actions(announce: Announce) -> None:
    """This project's own actions are installed."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    announce(project["name"], **project["entry-points"][GROUP])


@pytest.fixture
def no_actions(announce: Announce) -> None:
    """No action of this project is installed."""
    announce("aws-backup-actions")
