"""The life of a recovery point: the intake that hears of it and the main machine that sees it through."""

from backup_actions.lifecycle.deployed import (
    Deployed,
    awaited_events,
    catalogued_machines,
    deployed_estate,
    deployed_functions,
    deployed_machines,
    import_settings,
    lifecycle_settings,
    machine_arn,
    queue_arn,
)
from backup_actions.lifecycle.main import INTAKE, main_machine
from backup_actions.lifecycle.settings import LifecycleSettings

__all__ = [
    "INTAKE",
    "Deployed",
    "LifecycleSettings",
    "awaited_events",
    "catalogued_machines",
    "deployed_estate",
    "deployed_functions",
    "deployed_machines",
    "import_settings",
    "lifecycle_settings",
    "machine_arn",
    "main_machine",
    "queue_arn",
]
