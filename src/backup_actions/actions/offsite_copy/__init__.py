"""Off-site copy: a snapshot is copied under a key of its own and shared with another account until that has its own."""

from __future__ import annotations

from pathlib import Path

from backup_actions.actions.offsite_copy.permissions import (
    ACKNOWLEDGE_PERMISSIONS,
    PERMISSIONS,
    REVIEW_PERMISSIONS,
)
from backup_actions.actions.offsite_copy.settings import OffsiteCopySettings
from backup_actions.contract import Action, Awaited, Function, Inbox, Key, Task, Topic

# Of an instance's snapshot: copied, given up; from another region: copied, failed. Of a cluster's, for which the copy
# has no event of its own: a snapshot was created.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html
_DATABASE_COPIED = {
    "source": ["aws.rds"],
    "detail-type": ["RDS DB Snapshot Event", "RDS DB Cluster Snapshot Event"],
    "detail": {"EventID": ["RDS-EVENT-0197", "RDS-EVENT-0190", "RDS-EVENT-0060", "RDS-EVENT-0061", "RDS-EVENT-0075"]},
}
# https://docs.aws.amazon.com/ebs/latest/userguide/ebs-cloud-watch-events.html
_VOLUME_COPIED = {
    "source": ["aws.ec2"],
    "detail-type": ["EBS Snapshot Notification"],
    "detail": {"event": ["copySnapshot"]},
}

ACKNOWLEDGE = Function(
    name="offsite-copy-acknowledgements",
    title="Takes acknowledgements of the separated account in and makes evidence of them",
    code="backup_actions.actions.offsite_copy.acknowledging:acknowledge",
    permissions=ACKNOWLEDGE_PERMISSIONS,
    environment={
        "BACKUP_ACTIONS_BUCKET": "${Bucket}",
        "BACKUP_ACTIONS_DEAD_LETTERS": "${DeadLetterQueueUrl}",
        "BACKUP_ACTIONS_LEDGER": "${LedgerTable}",
        "BACKUP_ACTIONS_SETTINGS": "${SettingsJson}",
    },
    timeout_seconds=120,
)

REVIEW = Function(
    name="offsite-copy-unacknowledged",
    title="Tells of copies that nobody acknowledges, and removes them after their days, once a day",
    code="backup_actions.actions.offsite_copy.unacknowledged:review",
    permissions=REVIEW_PERMISSIONS,
    environment={
        "BACKUP_ACTIONS_LEDGER": "${LedgerTable}",
        "BACKUP_ACTIONS_SETTINGS": "${SettingsJson}",
        "BACKUP_ACTIONS_TOPIC": "${TopicArn}",
    },
    schedule="rate(1 day)",
    timeout_seconds=600,
)

ACTION = Action(
    name="offsite-copy",
    title="Copy a snapshot to a separated account, which acknowledges that it has it",
    handles=("EBS", "RDS", "Aurora"),
    restorable=True,
    opt_in=True,
    folder=Path(__file__).parent,
    settings=OffsiteCopySettings,
    permissions=PERMISSIONS,
    keys={
        "export": Key(
            doc="Encrypts the copies that the separated account may decrypt, and nothing else.",
            users=("task-copy",),
            readers="separated_account",
        )
    },
    topics={
        "announcements": Topic(doc="Tells the separated account of shared copies.", subscribers="separated_account")
    },
    inboxes={
        "acknowledgements": Inbox(
            doc="Hears from the separated account what it has imported.",
            function=ACKNOWLEDGE,
            senders="separated_account",
            wakes=("WaitForAcknowledgement",),
        )
    },
    scheduled=(REVIEW,),
    awaits=(
        Awaited(state="WaitForDatabaseCopy", pattern=_DATABASE_COPIED, key="$.detail.SourceArn"),
        Awaited(state="WaitForVolumeCopy", pattern=_VOLUME_COPIED, key="$.detail.snapshot_id"),
    ),
    tasks={
        "prepare": Task(
            code="backup_actions.actions.offsite_copy.preparing:prepare",
            doc="Says whether the snapshot can be copied and shared, or is announced already.",
            timeout_seconds=120,
        ),
        "hold-lease": Task(
            code="backup_actions.ledger.lease_tasks:hold",
            doc="Takes or renews one of the account's places for copies; who has to wait stands in the ledger.",
        ),
        "release-lease": Task(
            code="backup_actions.ledger.lease_tasks:release",
            doc="Gives the place back.",
        ),
        "copy": Task(
            code="backup_actions.actions.offsite_copy.copying:copy",
            doc="Begins the copy under the export key, once; who has to wait for room stands in the ledger.",
            timeout_seconds=120,
        ),
        "describe": Task(
            code="backup_actions.actions.offsite_copy.copying:describe",
            doc="Says how far the copy is, and what can be announced of it.",
        ),
        "await": Task(
            code="backup_actions.ledger.wait_tasks:await_event",
            doc="Puts into the ledger what the run waits for, which an event or an acknowledgement may tell.",
        ),
        "share": Task(
            code="backup_actions.actions.offsite_copy.announcing:share",
            doc="Lets the separated account copy the copy.",
        ),
        "announce": Task(
            code="backup_actions.actions.offsite_copy.announcing:announce",
            doc="Tells the separated account of the copy, in the same words however often.",
        ),
        "report": Task(
            code="backup_actions.actions.offsite_copy.reporting:report",
            doc="Reads announcement and acknowledgement back and says what was imported.",
        ),
        "clean": Task(
            code="backup_actions.actions.offsite_copy.cleaning:clean",
            doc="Takes a round of removing the copy that nobody may need any more.",
            timeout_seconds=120,
        ),
    },
)
