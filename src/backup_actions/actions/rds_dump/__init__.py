"""RDS dump: restore the snapshot, dump every database by its own programs, prove that the dump restores, clean up."""

from __future__ import annotations

from pathlib import Path

from backup_actions.actions.rds_dump.permissions import PERMISSIONS
from backup_actions.actions.rds_dump.settings import RdsDumpSettings
from backup_actions.contract import Action, Job, Task

ACTION = Action(
    name="rds-dump",
    title="Dump the databases of an RDS or Aurora snapshot to S3, proven to restore",
    handles=("RDS", "Aurora"),
    restorable=True,
    restore_test=True,
    folder=Path(__file__).parent,
    settings=RdsDumpSettings,
    permissions=PERMISSIONS,
    tasks={
        "prepare": Task(
            code="backup_actions.actions.rds_dump.preparing:prepare",
            doc="Says whether the snapshot can be dumped, on which instance classes in which zones, and what to know.",
            timeout_seconds=120,
        ),
        "record": Task(
            code="backup_actions.ledger.record_tasks:record",
            doc="Writes into the ledger that the run waits for capacity or a quota, or goes on.",
        ),
        "set-password": Task(
            code="backup_actions.actions.rds_dump.password:set_password",
            doc="Gives the restored database a random password, which only the jobs can read.",
        ),
        "report": Task(
            code="backup_actions.actions.rds_dump.tasks:report",
            doc="Reads manifest and verification back and says what was dumped and whether it is verified.",
            timeout_seconds=300,
        ),
        "prepare-load": Task(
            code="backup_actions.actions.rds_dump.load_preparing:prepare_load",
            doc="Says for a restore test into which version, class and zones the dump can be loaded.",
            timeout_seconds=120,
        ),
        "create": Task(
            code="backup_actions.actions.rds_dump.load_preparing:create",
            doc="Makes the empty instance of a restore test.",
        ),
        "report-load": Task(
            code="backup_actions.actions.rds_dump.tasks:report_load",
            doc="Says where it stands what a restore test has come to.",
        ),
        "clean": Task(
            code="backup_actions.actions.rds_dump.cleaning:clean",
            doc="Takes a round of removing what the run made, and says what it still has to wait for.",
            timeout_seconds=300,
        ),
    },
    jobs={
        "dump": Job(
            code="backup_actions.actions.rds_dump.job:dump_databases",
            doc="Dumps every database of the restored server to S3; another attempt goes on where one was lost.",
            vcpus=2,
            memory_mib=4096,
        ),
        "verify": Job(
            code="backup_actions.actions.rds_dump.job:verify_databases",
            doc="Reads the dump back, loads it into a scratch database and compares, with no right to write dumps.",
            vcpus=2,
            memory_mib=4096,
        ),
        "load": Job(
            code="backup_actions.actions.rds_dump.loading:load_dump",
            doc="Restore tests: loads the dump into an empty instance and compares, with no right to write dumps.",
            vcpus=2,
            memory_mib=4096,
        ),
    },
)
