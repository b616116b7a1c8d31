"""``archive --resume`` is killed at random moments; the next one makes a whole archive, and nothing is left behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.archive.resumption import Notes, assert_whole, leftovers, random_image, random_tree

from backup_actions.archive import ArchiveOptions, FolderStore, S3Store, Store, archive
from backup_actions.errors import ArchiveExists

if TYPE_CHECKING:
    from backup_actions_local.seaweed import ObjectServer

SAMPLE, WHOLE = 12, 200
LONGEST_SECONDS = 1.0
KINDS = ["time", "before", "after", "frame", "frame"]
TERMINATED_AND_KEPT = 75

# The command line itself, which is killed after some time, before or after one of its calls to S3, or when so many
# frames are written and a checkpoint tells of some of them.
PROGRAM = """
import os, signal, sys, threading
import botocore.client
import backup_actions.archive
from backup_actions.archive.folder_store import FolderWriter
from backup_actions.archive.journal import Journal
from backup_actions.archive.s3_writer import S3Writer
from backup_actions.cli import main

kind, moment, number = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
sys.argv = ["backup-actions", *sys.argv[4:]]

def die():
    os.kill(os.getpid(), number)

def counting(owner, name, before, after):
    original, calls = getattr(owner, name), iter(range(10_000))
    def counted(self, *arguments):
        call = next(calls)
        before(self, call)
        answer = original(self, *arguments)
        after(self, call)
        return answer
    setattr(owner, name, counted)

def at_the_moment(self, call):
    if call == moment:
        die()

def nothing(self, call):
    pass

told = threading.Event()

def tell(self, call):
    if self.kept:
        told.set()

def after_a_checkpoint(self, call):
    if call >= moment and self._name.endswith(".zst") and told.wait(10):
        die()

if kind == "time":
    timer = threading.Timer(moment, die)
    timer.daemon = True
    timer.start()
elif kind == "before":
    counting(botocore.client.BaseClient, "_make_api_call", at_the_moment, nothing)
elif kind == "after":
    counting(botocore.client.BaseClient, "_make_api_call", nothing, at_the_moment)
else:
    counting(Journal, "_write", nothing, tell)
    counting(S3Writer, "write", nothing, after_a_checkpoint)
    counting(FolderWriter, "write", nothing, after_a_checkpoint)
main()
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A sample of the seeds, or with --sweep all of them."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(WHOLE if metafunc.config.getoption("sweep") else SAMPLE))


@pytest.fixture(name="sources", scope="module")
def _sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    place = tmp_path_factory.mktemp("sources")
    return [random_tree(place / "tree", large_files=1), random_image(place / "disk.img", first_mib=14)]


def started(server: ObjectServer, store: Store, source: Path, kind: str, moment: float, number: int) -> int:
    """The exit status of a command line that got a signal at that moment."""
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL_S3": server.endpoint,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    options = ["--resume", "--checkpoint-seconds", "0.1", "--raw", "always", "--level", "1"]
    command = [sys.executable, "-c", PROGRAM, kind, str(moment), str(number), "archive", str(source), store.location]
    return subprocess.run([*command, *options], env=environment, capture_output=True, check=False).returncode


def resumed(source: Path, store: Store) -> str:
    """What is said while the archive is completed, whatever the killed one has done."""
    notes = Notes()
    try:
        archive(source, store, options=ArchiveOptions(raw="always"), checkpoint_seconds=0.1, progress=notes)
    except ArchiveExists:
        assert store.describe("manifest.json") is not None
    return notes.text


def test_after_any_kill_the_next_one_completes_the_archive(
    seed: int,
    s3_server: ObjectServer,
    s3_store: S3Store,
    folder_store: FolderStore,
    sources: list[Path],
    tmp_path: Path,
) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same every time
    source = sources[seed % 2]
    store = folder_store if seed % 4 < 2 else s3_store
    for _ in range(chance.choice([1, 1, 2])):
        kind = chance.choice(["time", "frame", "frame"] if isinstance(store, FolderStore) else KINDS)
        moment = {"time": chance.uniform(0, LONGEST_SECONDS), "frame": chance.randint(4, 6)}.get(
            kind, chance.randrange(14)
        )
        status = started(s3_server, store, source, kind, moment, signal.SIGKILL)
        assert status in {-signal.SIGKILL, 0, 2}

    said = resumed(source, store)

    if kind == "frame" and status == -signal.SIGKILL:
        assert "an unfinished archive is continued" in said
        assert "beginning" not in said

    assert_whole(store, source, tmp_path)


def test_sigterm_keeps_what_is_done_and_says_what_goes_on(
    s3_server: ObjectServer, s3_store: S3Store, sources: list[Path], tmp_path: Path
) -> None:
    status = started(s3_server, s3_store, sources[0], "frame", 5, signal.SIGTERM)

    assert status == TERMINATED_AND_KEPT
    assert leftovers(s3_store) != []
    assert "an unfinished archive is continued" in resumed(sources[0], s3_store)
    assert_whole(s3_store, sources[0], tmp_path)
