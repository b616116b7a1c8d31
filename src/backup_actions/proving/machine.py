"""The machine that proves one archive again, and the function that begins what is due, described as actions are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from backup_actions.contract import Function, Job, Machine, Permissions, Task
from backup_actions.estate import Estate
from backup_actions.estate.description import VARIABLE
from backup_actions.proving.elsewhere import TESTERS
from backup_actions.proving.permissions import BEGINNING, MACHINE_ARN, permissions
from backup_actions.proving.settings import ProvingSettings

NAME = "proving"

JOBS: Mapping[str, Job] = {
    "prove": Job(
        code="backup_actions.proving.job:prove_archive",
        doc="Reads what an action has made again, compares it, restores a sample; can write proofs and nothing else.",
        vcpus=2,
        memory_mib=2048,
    )
}


def proving_machine(estate: Estate, testers: Mapping[str, str]) -> Machine:
    """One execution for each proof; ``testers`` make restore tests of what they made: action → ARN of its machine."""
    return Machine(
        name=NAME,
        title="Reads an archive again, compares it with what was proven, and says what was found",
        folder=Path(__file__).parent,
        settings=ProvingSettings,
        permissions=permissions(tuple(testers.values())),
        tasks={
            "conclude": Task(
                code="backup_actions.proving.tasks:conclude",
                doc="Notes in the ledger what the job found; tells people of damage.",
            )
        },
        jobs=JOBS,
        scheduled=(_begin_function(estate, testers),),
    )


def _begin_function(estate: Estate, testers: Mapping[str, str]) -> Function:
    return Function(
        name="prove",
        title="Begins the proofs that are due, once a day",
        code="backup_actions.proving.scheduling:begin_proofs",
        permissions=Permissions(tasks={"function": BEGINNING}),
        environment={
            VARIABLE: estate.to_text(),
            "BACKUP_ACTIONS_PROVING_MACHINE": MACHINE_ARN,
            "BACKUP_ACTIONS_SETTINGS": "${SettingsJson}",
            TESTERS: json.dumps(testers, sort_keys=True),
        },
        schedule="rate(1 day)",
        timeout_seconds=900,
        memory_mib=512,  # for a manifest that names 100,000 objects
    )
