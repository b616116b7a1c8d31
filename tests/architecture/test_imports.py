"""The rooms keep to their walls, their names and their size."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
MODULES = sorted(path.relative_to(PROJECT) for path in (PROJECT / "src").rglob("*.py"))
LINES_AT_MOST = 400
CATALOGUE = Path("src/backup_actions/errors.py")  # looked up by its codes, which are to stand in one place
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc"}


def test_imports_keep_to_the_contracts(tmp_path: Path) -> None:
    lint = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run(
        [lint, "--config", PROJECT / ".importlinter", "--cache-dir", tmp_path],
        cwd=PROJECT / "src",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[done.stdout.find("Broken contracts") :] + done.stderr


def test_every_contract_gives_its_reason() -> None:
    lines = (PROJECT / ".importlinter").read_text(encoding="utf-8").splitlines()

    for above, line in itertools.pairwise(lines):
        assert not line.startswith("[importlinter:contract:") or above.startswith("# "), line


def test_a_modules_name_says_what_it_is() -> None:
    nameless = [module for module in MODULES if not NAMES_THAT_SAY_NOTHING.isdisjoint(module.with_suffix("").parts)]

    assert nameless == []


def test_a_module_can_be_read_in_one_sitting() -> None:
    long = [
        module
        for module in MODULES
        if module != CATALOGUE and len((PROJECT / module).read_text(encoding="utf-8").splitlines()) > LINES_AT_MOST
    ]

    assert long == []
