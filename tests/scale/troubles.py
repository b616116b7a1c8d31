"""What goes wrong in a night: calls are throttled, Spot hosts are taken away, for a while no event arrives."""

from __future__ import annotations

import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from backup_actions_local.calls import Call
from backup_actions_local.cloud import Cloud
from backup_actions_local.services.hosting.orders import Report

# The words of each service for "not so fast", and operations of those that workflows, functions and jobs call.
_THROTTLED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("ec2", "RequestLimitExceeded"): (
        "CreateVolume",
        "DescribeVolumes",
        "AttachVolume",
        "DetachVolume",
        "DeleteVolume",
    ),
    ("batch", "TooManyRequestsException"): ("SubmitJob", "DescribeJobs", "ListJobs"),
    ("lambda", "TooManyRequestsException"): ("Invoke",),
    ("stepfunctions", "ThrottlingException"): ("StartExecution", "DescribeExecution"),
    ("rds", "Throttling"): ("StartExportTask", "DescribeExportTasks"),
    ("backup", "ThrottlingException"): ("DescribeRecoveryPoint", "DeleteRecoveryPoint"),
    ("dynamodb", "ThrottlingException"): ("PutItem", "Query", "UpdateItem"),
    ("s3", "SlowDown"): ("PutObject", "GetObject", "ListObjectsV2"),
}
_BUSY_STATUS = 503
_ANNOUNCEMENTS = ("Backup Job State Change", "Recovery Point State Change")


@dataclass
class Throttling:
    """Every so many-th call of these operations, chosen by what it is and not by chance, is answered with an error."""

    one_in: int
    throttled: int = 0
    _seen: Counter[str] = field(default_factory=Counter)

    def plan(self, cloud: Cloud) -> None:
        """From now on."""
        for (service, code), operations in _THROTTLED.items():
            for operation in operations:
                planned = cloud.faults.on(service, operation, when=self._is_chosen)
                planned.fail(code, "Rate exceeded", status=_BUSY_STATUS if service == "s3" else 400).always()

    def _is_chosen(self, call: Call) -> bool:
        what = f"{call.caller.role}/{call.caller.session}/{call.operation}"
        self._seen[what] += 1
        is_chosen = zlib.crc32(f"{what}/{self._seen[what]}".encode()) % self.one_in == 0
        self.throttled += is_chosen
        return is_chosen


@dataclass
class SpotMarket:
    """Listens to jobs: of every so many one loses its host in its first attempt, when it has just begun to work."""

    one_in: int
    cloud: Cloud | None = None
    interrupted: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, job_name: str, report: Report) -> None:
        """Plan the end of the host when a job that is to lose it waits for one."""
        if self.cloud is None or (report.kind, report.text) != ("status", "RUNNABLE"):
            return
        with self._lock:
            if zlib.crc32(job_name.encode()) % self.one_in == 0 and job_name not in self.interrupted:
                self.interrupted.add(job_name)
                self.cloud.mishaps.kill_job(job_name, at="")


@contextmanager
def no_announcements(cloud: Cloud) -> Iterator[Callable[[], int]]:
    """Nobody hears of a backup meanwhile; says how many events were lost."""
    lost = [cloud.mishaps.drop_event(kind, times=None) for kind in _ANNOUNCEMENTS]
    yield lambda: sum(mishap.struck for mishap in lost)
    for mishap in lost:
        mishap.times = mishap.struck
