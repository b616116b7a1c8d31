"""The contract notices what it is there for: each way to break an action is told with its place and its remedy."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

import pytest

from backup_actions.contract import Action
from backup_actions.errors import ActionBroken
from backup_actions_testing.bounds import complaints_about_bounds
from backup_actions_testing.clean_ups import complaints_about_clean_up
from backup_actions_testing.descriptions import (
    complaints_about_description,
    complaints_about_settings,
    complaints_about_weight,
)
from backup_actions_testing.grants import (
    complaints_about_code_grants,
    complaints_about_statements,
    complaints_about_workflow_grants,
)
from backup_actions_testing.surroundings import complaints_about_brought, complaints_about_functions
from backup_actions_testing.workflows import complaints_about_workflow

if TYPE_CHECKING:
    from tests.testing.conftest import Written

WORKFLOW, PERMISSIONS = "workflow.asl.yaml", "permissions.py"
JOB = "arn:${Partition}:batch:${Region}:${Account}:job/"
CATCH = """\
    Retry: *soon
    Catch: *give_up
    Next: JobDone?
"""


JOBS = "    *running_jobs("


def granting(actions: tuple[str, ...], *, on: str = f"{JOB}*", when: object = None) -> str:
    """A statement for the state that ends jobs, before those that are there."""
    return f"    Statement({actions}, on={on!r}, when={when or {}}, for_=('TerminateJob',), because='-'),\n{JOBS}"


def _statements(action: Action) -> Iterable[str]:
    return complaints_about_statements(action.permissions)


SERVICES = """
from backup_actions_local.brought import BroughtService
from backup_actions_local.front.authorization.rules import Needs, everything, on_everything, parameters

KMS = BroughtService(
    permissions={
        "ListKey": on_everything("kms:ListKeys"),
        "CreateKey": on_everything("kms:MakeKey"),
        "VerifyMac": on_everything("kms:VerifyMac"),
        "Sign": (Needs("kms:Sign", "alias", everything),),
        "ListAliases": on_everything("kms:ListAliases", parameters(KeyId="kms:Colour")),
    },
)
"""
Check = Callable[[Action], Iterable[str]]
BROKEN: dict[str, tuple[Check, str, str, str, str]] = {
    "a state that does not exist": (
        complaints_about_workflow,
        *(WORKFLOW, "Next: JobKnown?", "Next: JobNown?"),
        "FindJob: goes to 'JobNown?', which is not there",
    ),
    "an expression that is none": (
        complaints_about_workflow,
        *(WORKFLOW, '"{% $rounds >= 20 %}"', '"{% $rounds >= %}"'),
        "AnotherRound?, choice 1: Condition",
    ),
    "a member that an API does not have": (
        complaints_about_workflow,
        *(WORKFLOW, "JobId: ", "jobId: "),
        "TerminateJob: Arguments has no member jobId; did you mean JobId?",
    ),
    "a result that an API does not have": (
        complaints_about_workflow,
        *(WORKFLOW, "$states.result.KeyCount > 0 ? 'stored'", "$states.result.Count > 0 ? 'stored'"),
        "the result of aws-sdk:s3:listObjectsV2 has no Count",
    ),
    "an error that never comes": (
        complaints_about_workflow,
        *(WORKFLOW, "Retry: &soon # 2", "Retry: &soon\n      - ErrorEquals: [S3.Throttled]\n      # 2"),
        "S3.Throttled can never happen: possible are S3.",
    ),
    "a task without a time-out": (
        complaints_about_bounds,
        *(WORKFLOW, "    TimeoutSeconds: 90\n", ""),
        "Check: it has no TimeoutSeconds",
    ),
    "a machine that runs for a month": (
        complaints_about_bounds,
        *(WORKFLOW, "TimeoutSeconds: 86400", "TimeoutSeconds: 2592000"),
        "the machine: TimeoutSeconds is 2592000; write a number of seconds below 691200",
    ),
    "a loop that nobody counts": (
        complaints_about_bounds,
        *(WORKFLOW, 'rounds: "{% $rounds + 1 %}"', 'rounds: "{% $rounds %}"'),
        "AnotherRound? → WaitForRemoval → FindJobs → AnotherRound?: nothing bounds this loop; count the rounds",
    ),
    "a loop whose count is compared with nothing": (
        complaints_about_bounds,
        *(WORKFLOW, "$rounds >= 20", "$status = 'x'"),
        "nothing bounds this loop",
    ),
    "something kept that nobody makes": (
        partial(complaints_about_clean_up, kept={"FindJobs": "it is wanted"}),
        *(WORKFLOW, "TimeoutSeconds: 86400", "TimeoutSeconds: 86401"),
        "FindJobs: it is kept, and makes nothing",
    ),
    "a missing catch": (
        complaints_about_clean_up,
        *(WORKFLOW, CATCH, CATCH.replace("    Catch: *give_up\n", "")),
        "DescribeJob: an error here ends the run, and what SubmitJob (batch:SubmitJob) makes is left behind; "
        "add a Catch of States.ALL that leads to FindJobs",
    ),
    "a way around the clean-up": (
        complaints_about_clean_up,
        *(WORKFLOW, "    Default: NotVerified", "    Default: Failed"),
        "SubmitJob (batch:SubmitJob): SubmitJob → DescribeJob → JobDone? → Check → Verified? → Failed ends the run "
        "without the clean-up; lead it to FindJobs",
    ),
    "nothing that removes": (
        complaints_about_clean_up,
        *(WORKFLOW, "aws-sdk:batch:terminateJob", "aws-sdk:batch:describeJobs"),
        "SubmitJob (batch:SubmitJob): nothing removes what it makes",
    ),
    "a search that nobody stops": (
        complaints_about_clean_up,
        *(
            WORKFLOW,
            "aws-sdk:s3:listObjectsV2\n    TimeoutSeconds: 60\n    Arguments:\n      Bucket: ${Bucket}\n"
            "      Prefix: \"{% $work.prefix & '/manifest.json' %}\"\n      MaxKeys: 1\n    Assign:\n"
            "      status: \"{% $states.result.KeyCount > 0 ? 'stored' : 'absent' %}\"\n    Retry: &soon",
            "aws-sdk:backupsearch:startSearchJob\n    TimeoutSeconds: 60\n    Retry: &soon",
        ),
        "FindManifest (backupsearch:StartSearchJob): nothing removes what it makes",
    ),
    "nothing to find it by": (
        complaints_about_clean_up,
        *(WORKFLOW, "        backup-actions:run: \"{% 'their-action/' & $run %}\"\n", ""),
        "SubmitJob: what it makes has no tag backup-actions:run",
    ),
    "a run that was stopped": (
        complaints_about_clean_up,
        *(WORKFLOW, "$states.input.detail", "$states.input.event"),
        "the machine: after a run that timed out or was stopped it is started again",
    ),
    "a permission that is missing": (
        complaints_about_workflow_grants,
        *(PERMISSIONS, ', "ListJobs")', ")"),
        "the workflow's role may not batch:ListJobs; grant it by a Statement with for_=('ListJobs',)",
    ),
    "a permission too many": (
        complaints_about_workflow_grants,
        *(PERMISSIONS, JOBS, granting(("batch:CancelJob",))),
        "no state that it is for needs batch:CancelJob; take it out",
    ),
    "a permission for no state": (
        complaints_about_workflow_grants,
        *(PERMISSIONS, ', for_=("RemoveObject",)', ""),
        "the workflow's statement s3:DeleteObject: say in for_ which states need it",
    ),
    "a call of code that is not granted": (
        complaints_about_code_grants,
        *(
            "job.py",
            "world.clients.backup.describe_recovery_point(",
            "world.clients.backup.describe_backup_vault(",
        ),
        "job keep: vm_notes.job:keep calls what its role may not: grant backup:DescribeBackupVault",
    ),
    "an action of IAM that does not exist": (
        _statements,
        *(PERMISSIONS, JOBS, granting(("batch:TerminateJobs",))),
        "workflow: batch:TerminateJobs does not exist",
    ),
    "a star that could be narrower": (
        _statements,
        *(PERMISSIONS, JOBS, granting(("batch:TerminateJob",), on="*")),
        "batch:TerminateJob can be narrowed to job (arn:${Partition}:batch:${Region}:${Account}:job/${JobId})",
    ),
    "a type of resource that is forgotten": (
        _statements,
        *(PERMISSIONS, JOBS, granting(("batch:SubmitJob",), on="${Job_keep}").replace(JOBS, "    # ")),
        "batch:SubmitJob is asked for job, job-queue too: name such resources in a statement",
    ),
    "a condition that never holds": (
        _statements,
        *(PERMISSIONS, JOBS, granting(("batch:TerminateJob",), when={"StringEquals": {"ec2:ResourceTag/a": "b"}})),
        "batch:TerminateJob knows no condition key ec2:ResourceTag/",
    ),
    "a heavy import": (
        complaints_about_weight,
        *("settings.py", "from dataclasses", "import botocore\nfrom dataclasses"),
        "importing vm_notes imports botocore; import them in the modules of tasks and jobs",
    ),
    "an import that fails in a function": (
        complaints_about_functions,
        *("tasks.py", "import hashlib", "import hashlib\nimport pictures"),
        "task check: vm_notes.tasks imports pictures, which is not in the code of functions; do it in a job",
    ),
    "a sentence that does not end": (
        complaints_about_settings,
        *("settings.py", "who has asked for it.", "who has asked for it"),
        "setting note: its documentation is no sentence that ends in a full stop",
    ),
}


@pytest.mark.parametrize("way", BROKEN)
def test_a_broken_action_is_told_where_and_what_to_do(written: Written, way: str) -> None:
    check, file, old, new, told = BROKEN[way]
    written.change(file, old.replace("their-action", "vm-notes"), new)

    complaints = list(check(written.action))

    assert any(told in complaint for complaint in complaints), complaints


@pytest.mark.parametrize(
    "check",
    [
        complaints_about_workflow,
        complaints_about_bounds,
        complaints_about_clean_up,
        complaints_about_workflow_grants,
        complaints_about_code_grants,
        _statements,
        complaints_about_weight,
        complaints_about_settings,
        complaints_about_description,
        complaints_about_functions,
        complaints_about_brought,
    ],
)
def test_an_action_as_it_is_written_has_no_complaints(written: Written, check: Check) -> None:
    assert list(check(written.action)) == []


def test_a_role_that_the_workflow_may_not_hand_over_is_told(written: Written) -> None:
    role = 'ServiceRole(service="backup.amazonaws.com", doc="Writes.", on_behalf_of=())'
    written.change("__init__.py", "import Action,", "import Action, ServiceRole,")
    written.change("__init__.py", "    jobs={", f'    service_roles={{"export": {role}}},\n    jobs={{')
    written.change(PERMISSIONS, "    jobs={", '    services={"export": ()},\n    jobs={')
    written.change(WORKFLOW, "Reason: The run", "Reason: ${Role_export} of the run")

    assert list(complaints_about_workflow_grants(written.action)) == [
        "TerminateJob: the workflow's role may not iam:PassRole; grant it by a Statement with for_=('TerminateJob',)"
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "        ),\n    },\n)",
            "        ),\n        'other': (),\n    },\n)",
            "permissions.jobs has other, jobs has not",
        ),
        ('        "keep": (', '        "other": (', "jobs has keep, permissions.jobs has not"),
        (
            "    jobs={",
            "    services={'export': ()},\n    jobs={",
            "permissions.services has export, service_roles has not",
        ),
    ],
)
def test_permissions_of_what_is_not_there_are_named(written: Written, old: str, new: str, told: str) -> None:
    written.change(PERMISSIONS, old, new)

    with pytest.raises(ActionBroken, match=f"vm-notes: {told}"):
        _ = written.action


def test_what_is_wrong_with_a_brought_service_is_told(written: Written) -> None:
    (written.site / "vm_notes" / "services.py").write_text(SERVICES)
    (announced,) = written.site.glob("*.dist-info/entry_points.txt")
    announced.write_text(f"{announced.read_text()}\n[backup_actions.services]\nkms = vm_notes.services:KMS\n")

    assert list(complaints_about_brought(written.action)) == [
        "kms:ListKey: there is no such operation",
        "kms:CreateKey: it is embedded already, and what is brought of it is not used; take it out",
        "kms:CreateKey: kms:MakeKey does not exist",
        "kms:VerifyMac: kms:VerifyMac is asked for key: say which, and on what",
        "kms:Sign: kms:Sign knows no resource type alias: key",
        "kms:ListAliases: kms:ListAliases knows no condition key kms:Colour",
    ]


def test_an_action_that_nobody_announces_is_told_how(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    action = written.action
    (metadata,) = written.site.glob("*.dist-info/entry_points.txt")
    metadata.write_text("")
    monkeypatch.syspath_prepend(written.site)

    (complaint,) = complaints_about_description(action)

    assert complaint.startswith("no installed package announces vm-notes: write [project.entry-points.")


def test_an_action_that_is_announced_as_another_is_told(written: Written) -> None:
    action = written.action
    for module in [module for module in sys.modules if module.partition(".")[0] == "vm_notes"]:
        del sys.modules[module]

    assert "is another one than this test's" in next(iter(complaints_about_description(action)))
