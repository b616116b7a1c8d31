"""What has to be done once in an account: the CDK's bootstrap and roles of services; and a stack in the way."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from backup_actions.account.results import good, look, wrong
from backup_actions.account.surroundings import unless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backup_actions.account.results import Result
    from backup_actions.account.surroundings import Surroundings

_BOOTSTRAP, _ROLES, _STACK = "CDK bootstrap", "roles of services", "stack"
BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_VERSION = 6
"""What the CDK writes into our templates; a test holds the two against each other."""

# https://docs.aws.amazon.com/batch/latest/userguide/using-service-linked-roles.html, .../spot_fleet_IAM_role.html
_SERVICE_ROLES = {"AWSServiceRoleForBatch": "batch.amazonaws.com", "AWSServiceRoleForEC2Spot": "spot.amazonaws.com"}

# Only deletion leads out of these. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
_STUCK = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})


def bootstrap(around: Surroundings) -> Iterator[Result]:
    """Whether the CDK can deploy in this account and region."""
    ssm, settings = around.clients.ssm, around.settings
    answer = unless(("ParameterNotFound",), lambda: ssm.get_parameter(Name=BOOTSTRAP_PARAMETER))
    remedy = f"cdk bootstrap aws://{settings.account}/{settings.region}"
    version = int(answer["Parameter"]["Value"]) if answer else 0
    if not version:
        yield wrong(_BOOTSTRAP, f"the region is not prepared: {remedy}")
    elif version < BOOTSTRAP_VERSION:
        yield wrong(_BOOTSTRAP, f"version {version} is older than {BOOTSTRAP_VERSION}: {remedy}")
    else:
        yield good(_BOOTSTRAP, f"version {version}")


def service_roles(around: Surroundings) -> Iterator[Result]:
    """Whether the roles are there that Batch and Spot make at their first use."""
    iam = around.clients.iam
    for name, service in _SERVICE_ROLES.items():
        if unless(("NoSuchEntity", "NoSuchEntityException"), partial(iam.get_role, RoleName=name)):
            yield good(_ROLES, name)
        else:
            made = f"aws iam create-service-linked-role --aws-service-name {service}"
            yield look(_ROLES, f"{name} is made at its first use, or, where that is forbidden, by: {made}")


def stack(around: Surroundings) -> Iterator[Result]:
    """Whether there is a stack of this name that cannot be updated."""
    name = around.settings.name
    described = unless(("ValidationError",), lambda: around.clients.cloudformation.describe_stacks(StackName=name))
    status = described["Stacks"][0]["StackStatus"] if described else None
    if status is None:
        yield good(_STACK, f"{name} will be made")
    elif status in _STUCK:
        yield wrong(_STACK, f"{name} is {status}: delete it first")
    elif status.endswith("_IN_PROGRESS"):
        yield look(_STACK, f"{name} is {status}: wait until that is over")
    else:
        yield good(_STACK, f"{name} is there ({status}) and will be updated")


PREPARATION_CHECKS: tuple[tuple[str, Callable[[Surroundings], Iterator[Result]]], ...] = (
    (_BOOTSTRAP, bootstrap),
    (_ROLES, service_roles),
    (_STACK, stack),
)
