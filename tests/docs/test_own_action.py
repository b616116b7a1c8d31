"""The page about own actions is true: its boxes are run, in their order, in a folder outside of the project.

Replaced are the set-up of the checkout (its environment is the one that the tests run in), the package registry
(``pip`` installs what lies here, without looking for anything else) and the CDK's command line, which needs an account;
that the CDK application takes packages of others is tested by itself.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(900)  # an afternoon in minutes, on a machine that has other things to do

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "own-action.md").read_text(encoding="utf-8")
_FENCE = re.compile(r"^```(?P<kind>[a-z]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FAILS = "# fails"
_MARK = "--- end of box"

PIP = f"""#!/bin/sh
test "$1" = install && shift
arguments=$(echo "$*" | sed 's/\\[testing\\]//')
exec "{sys.executable}" -m pip install --quiet --no-deps --no-build-isolation --no-index \\
  --disable-pip-version-check --root-user-action=ignore --upgrade --prefix "$SITE" $arguments
"""
MAKE = '#!/bin/sh\ntest "$*" = .venv/ready && mkdir -p .venv/bin && : > .venv/bin/activate\n'
NPX = '#!/bin/sh\ntest "$*" = "aws-cdk@2.1148.1 deploy" && test -f app.py && test -f backup-actions.yaml\n'


@dataclass(frozen=True)
class Box:
    """What stands between fences."""

    kind: str
    text: str


def boxes() -> Iterator[Box]:
    """In the page's order."""
    for found in _FENCE.finditer(PAGE):
        yield Box(found["kind"], found["text"])


def script() -> str:
    """Every box that does something; after each a line by which its output is found."""
    lines = ["set -eu"]
    for box in boxes():
        if box.kind == "sh" and _FAILS in box.text:
            command = box.text.partition(_FAILS)[0].strip()
            lines.append(f'if {command}; then echo "this was to fail: {command}"; exit 9; fi')
        elif box.kind == "sh":
            lines.append(box.text)
        elif box.kind == "diff":
            lines.append(f"patch --quiet -p1 <<'END_OF_DIFF'\n{box.text}END_OF_DIFF")
        if box.kind in {"sh", "diff"}:
            lines.append(f"echo '{_MARK}'")
    return "\n".join(lines) + "\n"


@pytest.fixture(name="said", scope="module")
def _said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each box that does something has said, the page followed from its beginning to its end."""
    folder = tmp_path_factory.mktemp("afternoon")
    programs, checkout, site = folder / "programs", folder / "aws-backup-actions", folder / "site"
    for directory in (programs, checkout, site):
        directory.mkdir()
    (checkout / "app.py").symlink_to(ROOT / "app.py")
    pytest_program = f'#!/bin/sh\nexec "{sys.executable}" -m pytest -q -W error -p no:cacheprovider "$@"\n'
    ours = f'#!/bin/sh\nexec "{sys.executable}" -m backup_actions.cli "$@"\n'
    for name, text in (
        ("make", MAKE),
        ("pip", PIP),
        ("npx", NPX),
        ("pytest", pytest_program),
        ("backup-actions", ours),
    ):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": f"{site}/lib/{version}/site-packages:{folder}/efs-notes/src",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SITE": str(site),
    }
    (folder / "page.sh").write_text(script())
    done = subprocess.run(
        ["bash", folder / "page.sh"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout.split(_MARK)


def test_every_box_does_what_the_page_says(said: list[str]) -> None:
    assert len(said) == 1 + sum(box.kind in {"sh", "diff"} for box in boxes())
    assert not any(" skipped" in each for each in said)


def test_the_page_shows_what_is_said(said: list[str]) -> None:
    number = 0
    for box in boxes():
        if box.kind == "text":
            told = " ".join(said[number - 1].split())
            for line in box.text.splitlines():
                assert " ".join(line.split()) in told
        else:
            number += 1


def test_no_box_is_of_a_kind_that_nobody_runs() -> None:
    assert {box.kind for box in boxes()} == {"sh", "diff", "text"}
    assert PAGE.count("```") == 2 * len(list(boxes()))
