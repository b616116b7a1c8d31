"""The demo as a newcomer runs it: a process of its own, real disks, and nothing left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from backup_actions_local.services.hosting.devices import loops_over

COMMAND = [sys.executable, "-m", "backup_actions.cli", "demo"]


def test_the_demo_keeps_every_promise_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "run"

    finished = subprocess.run(
        [*COMMAND, "--json", "--keep", str(folder)], capture_output=True, text=True, check=False, timeout=280
    )

    assert finished.returncode == 0, finished.stderr[-4000:] + finished.stdout[-4000:]
    result = json.loads(finished.stdout)
    assert [check["sentence"] for check in result["checks"] if not check["holds"]] == []
    assert {disk["name"]: disk["fate"] for disk in result["disks"]} == {
        "data": "deleted",
        "root disk": "deleted",
        "unreadable": "deleted",
        "unlucky": "kept",
    }
    assert (folder / "demo-report.html").read_text().startswith("<!doctype html>")
    assert loops_over(folder) == []
    assert not any(line.split(" ")[1].startswith(str(folder)) for line in Path("/proc/mounts").read_text().splitlines())


def test_ctrl_c_ends_the_demo_and_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        COMMAND, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}, start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "SubmitJob" in line:  # jobs are about to attach and mount
            break

    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()

    assert process.wait(timeout=120) == 130, rest
    assert list(tmp_path.iterdir()) == []
    assert loops_over(tmp_path) == []
    left = subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True, text=True, check=False)
    assert left.stdout == ""
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
