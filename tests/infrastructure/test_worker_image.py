"""The image of the Batch jobs. It cannot be built here; what can be read of it is held."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CALLS_OF_THE_SYSTEM = {
    "blkid": "util-linux",
    "btrfs": "btrfs-progs",
    "losetup": "mount",
    "lvs": "lvm2",
    "mariadb": "mariadb-client",
    "mariadb-dump": "mariadb-client",
    "mount": "mount",
    "pg_dump": "postgresql-client-18",
    "pg_dumpall": "postgresql-client-18",
    "pg_restore": "postgresql-client-18",
    "tar": "tar",
    "umount": "mount",
    "vgchange": "lvm2",
}
"""Programs that the job's code starts → Debian's package that brings them."""
PLUGINS = "--requirement plugins/requirements.txt"
"""What others' packages of actions need is theirs to lock."""


@pytest.fixture(name="instructions", scope="module")
def _instructions(repository: Path) -> list[tuple[str, str]]:
    """Instruction → its text, continuation lines joined, comments left out."""
    text = (repository / "containers" / "worker" / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split(None, 1)[0].upper(), line.split(None, 1)[1]) for line in joined.splitlines()]


def of(instructions: list[tuple[str, str]], kind: str) -> list[str]:
    return [text for instruction, text in instructions if instruction == kind]


def test_the_base_is_pinned_and_supported(instructions: list[tuple[str, str]]) -> None:
    base, *_ = of(instructions, "ARG")

    assert base == "BASE=public.ecr.aws/docker/library/python:3.13-slim-trixie"
    assert [text for text in of(instructions, "FROM") if text.split()[0] != "${BASE}"] == ["${MYSQL} AS mysql"]


def test_nothing_is_fetched_by_hand_but_the_certificates_of_databases(instructions: list[tuple[str, str]]) -> None:
    (fetched,) = of(instructions, "ADD")
    _base, certificates, mysql, _in_the_last_stage = of(instructions, "ARG")
    *_, settings = of(instructions, "ENV")

    assert fetched.split()[1] == "${RDS_CERTIFICATES}"
    assert mysql == "MYSQL=public.ecr.aws/docker/library/mysql:8.4"
    assert certificates.startswith("RDS_CERTIFICATES=https://truststore.pki.rds.amazonaws.com/")
    assert f"BACKUP_ACTIONS_RDS_CA_FILE={fetched.split()[2]}" in settings.split()
    for command in of(instructions, "RUN"):
        assert not re.search(r"\b(curl|wget|git|sudo)\b|http", command)


def _installs(instructions: list[tuple[str, str]]) -> list[str]:
    return [part for command in of(instructions, "RUN") for part in command.split("&&") if "pip install" in part]


def test_what_packages_of_actions_need_is_compiled_by_nobody_and_replaces_nothing_that_is_locked(
    instructions: list[tuple[str, str]],
) -> None:
    (install,) = (each for each in _installs(instructions) if PLUGINS in each)

    assert "--only-binary :all: --constraint there.txt" in install


def test_every_python_package_is_locked_by_its_hash(instructions: list[tuple[str, str]], repository: Path) -> None:
    installs = [each for each in _installs(instructions) if PLUGINS not in each]
    for install in installs:
        assert "--require-hashes --only-binary :all:" in install or "--no-deps --no-index" in install
    for name in ("worker.txt", "worker-build.txt"):
        text = (repository / "requirements" / name).read_text(encoding="utf-8")
        assert len(re.findall(r"^\S+==", text, re.MULTILINE)) > 3
        assert all("--hash=sha256:" in block for block in re.split(r"\n(?=\S)", text.strip()) if "==" in block)
        assert "://" not in text


def test_the_entry_point_is_the_job_runner(instructions: list[tuple[str, str]]) -> None:
    (entry,) = of(instructions, "ENTRYPOINT")
    python, flag, module = json.loads(entry)

    assert (python, flag) == ("python", "-m")
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    assert '__name__ == "__main__"' in Path(spec.origin).read_text(encoding="utf-8")


def test_every_program_that_the_code_starts_is_in_the_image(
    instructions: list[tuple[str, str]], repository: Path
) -> None:
    _compiler, install = [command for command in of(instructions, "RUN") if "apt-get install" in command]
    folders = [repository / "src" / "backup_actions" / room for room in ("archive", "actions", "dump")]
    started = {program for folder in folders for path in folder.rglob("*.py") for program in programs_in(path)}

    assert started
    assert {CALLS_OF_THE_SYSTEM[program] for program in started} <= set(install.split())


def programs_in(path: Path) -> set[str]:
    """Programs that a module names first in a command, or in a call: lists and calls that begin with a known name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        words = node.elts if isinstance(node, ast.List | ast.Tuple) else node.args if isinstance(node, ast.Call) else []
        if words and isinstance(words[0], ast.Constant):
            found.add(str(words[0].value))
    return found & CALLS_OF_THE_SYSTEM.keys()


def test_the_context_holds_what_is_copied_and_no_more(instructions: list[tuple[str, str]], repository: Path) -> None:
    from backup_actions_infrastructure.image import _CONTEXT

    copied = {
        source for text in of(instructions, "COPY") if not text.startswith("--from") for source in text.split()[:-1]
    }
    assert copied == {pattern.removeprefix("!") for pattern in _CONTEXT if pattern.startswith("!")} - {
        "containers/worker/Dockerfile"
    }
    assert all((repository / source).exists() for source in copied)


def test_the_package_that_the_image_installs_announces_its_actions(repository: Path, tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(repository / name, tmp_path)
    shutil.copytree(
        repository / "src" / "backup_actions",
        tmp_path / "src" / "backup_actions",
        ignore=shutil.ignore_patterns("__pycache__"),
    )

    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=tmp_path, check=True, capture_output=True
    )

    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry_points,) = [name for name in names if name.endswith("/entry_points.txt")]
        assert "ebs-archive = backup_actions.actions.ebs_archive:ACTION" in archive.read(entry_points).decode()
        assert "backup_actions/actions/ebs_archive/workflow.asl.yaml" in names


_WITHOUT_THE_REST = """
import sys
from importlib.abc import MetaPathFinder

class Refuse(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused!r}:
            raise ModuleNotFoundError(f"{{name}} is not in the image", name=name)

sys.meta_path.insert(0, Refuse())
from backup_actions.plugins import installed
from backup_actions.runtime.code import load_step
import backup_actions.runtime.job

found = installed()
assert not found.broken, found.broken
for action in found.actions:
    for job in action.jobs.values():
        load_step(job.code)
"""


def test_jobs_need_no_package_that_is_not_locked_for_the_image(repository: Path) -> None:
    locked = (repository / "requirements" / "worker.txt").read_text(encoding="utf-8")
    development = (repository / "requirements" / "development.txt").read_text(encoding="utf-8")
    packages = {name.lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", development, re.MULTILINE)}
    in_image = {name.lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", locked, re.MULTILINE)}
    import_names = {"pyyaml": "yaml", "python-dateutil": "dateutil", "aws-cdk-lib": "aws_cdk"}
    refused = {import_names.get(name, name.replace("-", "_")) for name in packages - in_image}

    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_THE_REST.format(refused=refused)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
