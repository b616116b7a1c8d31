"""The main machine of a separated account, described as actions are."""

from __future__ import annotations

from pathlib import Path

from backup_actions.contract import Awaited, Function, Inbox, Key, Machine, Task
from backup_actions.offsite.permissions import IMPORT_MACHINE, import_permissions, receiving_permissions
from backup_actions.offsite.retention_description import RETAIN
from backup_actions.offsite.settings import ImportSettings

# Of an instance's snapshot: copied, given up; from another region: copied, failed. Of a cluster's, for which the copy
# has no event of its own: a snapshot was created.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html
_DATABASE_COPIED = {
    "source": ["aws.rds"],
    "detail-type": ["RDS DB Snapshot Event", "RDS DB Cluster Snapshot Event"],
    "detail": {"EventID": ["RDS-EVENT-0197", "RDS-EVENT-0190", "RDS-EVENT-0060", "RDS-EVENT-0061", "RDS-EVENT-0075"]},
}
# https://docs.aws.amazon.com/ebs/latest/userguide/ebs-cloud-watch-events.html
_DISK_COPIED = {
    "source": ["aws.ec2"],
    "detail-type": ["EBS Snapshot Notification"],
    "detail": {"event": ["copySnapshot"]},
}

_TASKS = {
    "hold-lease": Task(
        code="backup_actions.ledger.lease_tasks:hold",
        doc="Takes or renews one of the account's places for copies; who has to wait stands in the ledger.",
    ),
    "release-lease": Task(
        code="backup_actions.ledger.lease_tasks:release",
        doc="Gives the place back.",
    ),
    "copy": Task(
        code="backup_actions.offsite.copying:copy",
        doc="Begins the copy of the shared snapshot under the import key, or finds it again.",
        timeout_seconds=120,
    ),
    "inspect": Task(
        code="backup_actions.offsite.copying:inspect",
        doc="Says how far the copy is, and whether it has become what was announced.",
        timeout_seconds=120,
    ),
    "await": Task(
        code="backup_actions.ledger.wait_tasks:await_event",
        doc="Puts into the ledger that the run waits for the end of its copy, which an event may tell.",
    ),
    "record": Task(
        code="backup_actions.offsite.tasks:record",
        doc="Puts the verified import into the ledger and the evidence, and says which actions run on it.",
    ),
    "prove": Task(
        code="backup_actions.offsite.tasks:prove_actions",
        doc="Looks whether what the actions have made is there, whole and verified.",
        timeout_seconds=300,
        memory_mib=1024,  # a manifest of a hundred thousand files is read in 250 MiB, and time comes with memory
    ),
    "acknowledge": Task(
        code="backup_actions.offsite.tasks:acknowledge",
        doc="Tells the source account that its snapshot is there.",
    ),
    "clean": Task(
        code="backup_actions.offsite.cleaning:clean",
        doc="Takes a round of removing copies that came to nothing, and says what is still there.",
        timeout_seconds=120,
    ),
    "tell": Task(
        code="backup_actions.offsite.tasks:tell",
        doc="Completes the evidence with how it ended and words it for people.",
    ),
    "put-back": Task(
        code="backup_actions.offsite.tasks:put_back",
        doc="Gives the announcement back to its queue, or after the last attempt to the dead letters.",
    ),
}


def import_machine(settings: ImportSettings) -> Machine:
    """The import machine, with rights on what these sources share and on nothing else of theirs."""
    return Machine(
        name="offsite-import",
        title="One announced snapshot: copied under a key of our own, verified, acknowledged, kept",
        folder=Path(__file__).parent,
        settings=ImportSettings,
        permissions=import_permissions(settings),
        tasks=_TASKS,
        keys={"import": Key(doc="Encrypts every import; no source account knows it.")},
        inboxes={
            "announcements": Inbox(
                doc="What the source accounts announce, and announcements that are tried again.",
                function=receiver(settings),
                topics="topics",
            )
        },
        scheduled=(RETAIN,),
        awaits=(
            Awaited(state="WaitForDatabaseCopy", pattern=_DATABASE_COPIED, key="$.detail.SourceArn"),
            Awaited(state="WaitForDiskCopy", pattern=_DISK_COPIED, key="$.detail.snapshot_id"),
        ),
    )


def receiver(settings: ImportSettings) -> Function:
    """What hears announcements."""
    return Function(
        name="offsite-announcements",
        title="Judges announcements of other accounts and begins imports, once per snapshot",
        code="backup_actions.offsite.receiving:receive",
        permissions=receiving_permissions(settings),
        environment={
            "BACKUP_ACTIONS_SETTINGS": "${SettingsJson}",
            "BACKUP_ACTIONS_LEDGER": "${LedgerTable}",
            "BACKUP_ACTIONS_IMPORT_MACHINE": IMPORT_MACHINE,
            "BACKUP_ACTIONS_DEAD_LETTERS": "${DeadLetterQueueUrl}",
        },
        timeout_seconds=120,
    )
