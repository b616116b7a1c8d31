"""What an action says about itself. Own actions and third parties' import everything from here."""

from backup_actions.contract.action import Action, Awaited, Function, Job, Machine, ServiceRole, Task
from backup_actions.contract.exchange import Inbox, Key, Topic
from backup_actions.contract.grants import BORN_OURS, OURS, bucket_key, running_jobs, running_machines
from backup_actions.contract.permissions import Condition, Permissions, Statement
from backup_actions.contract.settings import Settings, setting
from backup_actions.contract.workflow import Call, Workflow

__all__ = [
    "BORN_OURS",
    "OURS",
    "Action",
    "Awaited",
    "Call",
    "Condition",
    "Function",
    "Inbox",
    "Job",
    "Key",
    "Machine",
    "Permissions",
    "ServiceRole",
    "Settings",
    "Statement",
    "Task",
    "Topic",
    "Workflow",
    "bucket_key",
    "running_jobs",
    "running_machines",
    "setting",
]
