"""The demo as a newcomer runs it: a process of its own, real disks, and nothing left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backup_actions_local.databases import mariadb
from backup_actions_local.services.hosting.devices import loops_over

COMMAND = [sys.executable, "-m", "backup_actions.cli", "demo"]


@pytest.mark.timeout(600)  # a minute or two where nothing else runs
def test_the_demo_keeps_every_promise_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "run"

    finished = subprocess.run(
        [*COMMAND, "--json", "--keep", str(folder)], capture_output=True, text=True, check=False, timeout=580
    )

    assert finished.returncode == 0, finished.stderr[-4000:] + finished.stdout[-4000:]
    result = json.loads(finished.stdout)
    assert [check["sentence"] for check in result["checks"] if not check["holds"]] == []
    fates = {backup["name"]: backup["fate"] for backup in result["backups"]}
    expected = dict.fromkeys(("data", "root disk", "unreadable", "shop"), "deleted")
    expected |= dict.fromkeys(("unlucky", *(["warehouse"] if mariadb.is_installed() else []), "Orders"), "kept")
    assert fates == expected
    (shop,) = (backup for backup in result["backups"] if backup["name"] == "shop")
    assert [work["action"] for work in shop["works"]] == ["rds-export", "rds-dump", "offsite-copy"]
    assert {row[1] for row in shop["answer"]["rows_now"]} == {"0.00"}
    assert ["Moby-Dick", "12.50"] in [row[:2] for row in shop["answer"]["rows"]]
    page = (folder / "demo-report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert all(text in page for text in ("UPDATE books SET price = 0", "12.50", "nothing is left running"))
    assert loops_over(folder) == []
    assert not any(line.split(" ")[1].startswith(str(folder)) for line in Path("/proc/mounts").read_text().splitlines())


@pytest.mark.parametrize(
    ("action", "moment"),
    [
        ("ebs-archive", "SubmitJob"),  # jobs are about to attach and mount
        ("rds-export", "making what"),  # a database is set up
        ("rds-dump", "SubmitJob"),  # a restored server runs
    ],
)
def test_ctrl_c_ends_the_demo_and_leaves_nothing(action: str, moment: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--action", action],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if moment in line:
            break

    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)  # people are impatient
    rest = process.stderr.read()

    assert process.wait(timeout=120) == 130, rest
    assert list(tmp_path.iterdir()) == []
    assert loops_over(tmp_path) == []
    left = subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True, text=True, check=False)
    assert left.stdout == ""
    servers = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True, check=False)
    assert servers.stdout == ""
    process.stderr.close()


def test_a_taken_port_is_named_before_anything_is_made(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finished = subprocess.run(
            [*COMMAND, "--port", str(port), "--keep", str(tmp_path / "run")],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    assert finished.returncode == 5
    assert f"BA0601: port {port} of 127.0.0.1 is in use" in finished.stderr
    assert not (tmp_path / "run" / "disks").exists()
