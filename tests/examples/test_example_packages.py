"""The packages in examples/ are installed as anybody would install them, and their own tests pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(900)  # two suites, on a machine that has other things to do

EXAMPLES = Path(__file__).parents[2] / "examples"
PACKAGES = sorted(path.parent for path in EXAMPLES.glob("*/pyproject.toml"))
PIP = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--no-compile", "--target")


@pytest.fixture(name="site", scope="module")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where they are installed."""
    site = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, *PIP, str(site), *map(str, PACKAGES)], check=True, capture_output=True)
    return site


def run(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A module of this environment, with the packages beside it."""
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1", "MYPYPATH": "src"}
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_there_are_two_of_them() -> None:
    assert [package.name for package in PACKAGES] == ["ec2-archive", "vault-copy"]


def test_the_tests_of_the_examples_pass_once_they_are_installed(site: Path, tmp_path: Path) -> None:
    settings = tmp_path / "pytest.ini"
    settings.write_text("[pytest]\naddopts = -q -W error -p no:cacheprovider --import-mode=importlib\n")

    done = run(site, tmp_path, "pytest", "-c", str(settings), *(str(package / "tests") for package in PACKAGES))

    assert done.returncode == 0, done.stdout[-4000:]
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("package", [package.name for package in PACKAGES])
def test_an_example_is_clean_by_its_own_rules(package: str) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    for check in (("check", "--no-cache"), ("format", "--check", "--no-cache")):
        done = subprocess.run([ruff, *check, EXAMPLES / package], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_an_installed_example_is_listed(site: Path, tmp_path: Path) -> None:
    done = run(site, tmp_path, "backup_actions.cli", "actions")

    for package in PACKAGES:
        assert package.name in done.stdout


def test_an_installed_example_has_its_page_as_our_own_actions_have(site: Path, tmp_path: Path) -> None:
    page = run(site, tmp_path, "backup_actions.cli", "actions", "--page", "vault-copy").stdout

    assert page.startswith("# Copy a tagged recovery point into another vault (`vault-copy`)\n")
    for part in (
        "| `actions.vault-copy.destination_vault_arn` |",
        "### workflow",
        "`backup:StartCopyJob`",
        "StartCopy",
    ):
        assert part in page
