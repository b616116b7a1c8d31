"""The machine under the run is not as it should be: no loop device, no disk space."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.flow.flow import ACTION, NewFlow
from tests.flow.invariants import broken

pytestmark = pytest.mark.root

_NO_LOOP_FOR_PARTS = """#!/bin/sh
case "$*" in *--offset*) echo "losetup: cannot find an unused loop device" >&2; exit 1;; esac
exec {losetup} "$@"
"""


def test_job_without_a_free_loop_device_fails_clearly_and_the_backup_is_kept(
    new_flow: NewFlow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "losetup").write_text(_NO_LOOP_FOR_PARTS.format(losetup=shutil.which("losetup")))
    (programs / "losetup").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    flow = new_flow()

    flow.back_up()

    logs = "".join(flow.cloud.jobs.log_of(job_id) for job_id in flow.cloud.jobs.jobs)
    assert "cannot find an unused loop device" in logs
    assert flow.child.error == "JobFailed"
    assert flow.point is not None
    assert broken(flow) == []


def test_volume_that_does_not_fit_on_this_machine_s_disk_fails_clearly_and_the_backup_is_kept(
    new_flow: NewFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = new_flow()
    free = shutil.disk_usage
    flow.when(
        ACTION,
        "CreateVolume",
        lambda: monkeypatch.setattr(shutil, "disk_usage", lambda path: free(path)._replace(free=1)),
    )

    flow.back_up()

    assert flow.child.error == "NoZoneLeft"
    assert flow.point is not None
    assert broken(flow) == []
