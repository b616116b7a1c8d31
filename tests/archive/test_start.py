"""Commands start with what they use: what takes long to load is loaded where it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from backup_actions import archive as room

PROGRAM = """
import sys
sys.argv = ["backup-actions", *sys.argv[1:]]
from backup_actions.cli import main
try:
    main()
except SystemExit as ended:
    print(ended.code, *sorted({"boto3", "pyarrow.compute", "pydantic", "rich", "jsonata"} & set(sys.modules)))
"""


def test_a_folder_is_archived_without_what_only_s3_or_readers_need(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(b"content")

    command = [sys.executable, "-c", PROGRAM, "archive", "--json", str(tmp_path / "tree"), str(tmp_path / "store")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    assert done.stdout.splitlines()[-1] == "0"
    assert (tmp_path / "store" / "manifest.json").exists()


def test_a_client_is_made_without_what_only_boto3_needs() -> None:
    program = (
        "import sys; from backup_actions.aws import Clients; Clients().s3; print(sorted({'boto3'} & set(sys.modules)))"
    )

    environment = {"PATH": "/usr/bin", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment)

    assert done.stdout == "[]\n"


def test_everything_that_the_room_offers_is_there() -> None:
    assert sorted(room.__all__) == sorted(room._MODULES)
    for name in room.__all__:
        assert getattr(room, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        room.nothing  # type: ignore[attr-defined]  # noqa: B018
