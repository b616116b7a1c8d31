"""What can only be judged when the settings and the actions that they enable are looked at together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backup_actions.settings.backup_plans_whole import backup_plan_misfits
from backup_actions.settings.endpoints import without_endpoint
from backup_actions.settings.functions_whole import function_misfits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backup_actions.contract import Action
    from backup_actions.settings.deployment import DeploymentSettings
    from backup_actions.settings.mistakes import Place

# RDS wants subnets in two zones, although a database of ours stands in one.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html
_ZONES_OF_DATABASES_AT_LEAST = 2


def misfits(settings: DeploymentSettings, actions: Iterable[Action]) -> Iterator[tuple[Place, str]]:
    """Where and why these settings cannot be deployed with these actions."""
    enabled = settings.enabled(actions)
    for action in enabled:
        yield from _not_offered(settings, action)
        yield from _not_reached(settings, action)
        yield from _without_room(settings, action)
    yield from _without_place_for_databases(settings, enabled)
    yield from _image_not_reached(settings)
    yield from backup_plan_misfits(settings)
    yield from function_misfits(settings, enabled)


def _not_offered(settings: DeploymentSettings, action: Action) -> Iterator[tuple[Place, str]]:
    if reason := action.missing_in.get(settings.region):
        yield ("actions", action.name), f"it cannot be used in {settings.region}: {reason}; write enabled: false"


def _not_reached(settings: DeploymentSettings, action: Action) -> Iterator[tuple[Place, str]]:
    if settings.network.kind == "isolated" and (services := without_endpoint(action)):
        yield (
            ("actions", action.name),
            f"its jobs call {', '.join(services)}, to which no endpoint is known: in network use another kind",
        )


def _without_room(settings: DeploymentSettings, action: Action) -> Iterator[tuple[Place, str]]:
    largest = max((job.vcpus for job in action.jobs.values()), default=0)
    if largest > settings.vcpus_per_zone:
        yield ("vcpus_per_zone",), f"a job of {action.name} needs {largest} vCPUs and would wait for ever"


def _without_place_for_databases(
    settings: DeploymentSettings, enabled: Iterable[Action]
) -> Iterator[tuple[Place, str]]:
    network = settings.network
    if network.kind != "existing" or len(network.subnets_of_databases) >= _ZONES_OF_DATABASES_AT_LEAST:
        return
    for action in enabled:
        if "DatabaseSubnetGroup" in action.workflow.placeholders():
            yield (
                ("network", "database_subnet_ids"),
                f"it must name subnets in two zones: {action.name} restores databases, and RDS takes no fewer",
            )
            return


def _image_not_reached(settings: DeploymentSettings) -> Iterator[tuple[Place, str]]:
    """ECR's endpoints lead to the registries of their own region."""
    own = rf"[0-9]{{12}}\.dkr\.ecr\.{settings.region}\.amazonaws\.com(\.cn)?/.*"
    if settings.network.kind == "isolated" and settings.worker_image and not re.fullmatch(own, settings.worker_image):
        yield ("worker_image",), f"isolated hosts reach no registry but ECR in {settings.region}: copy the image there"
