"""What an action finds around it: the packages that its functions import, the services that its package brings."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points

from backup_actions.contract import Action
from backup_actions.errors import BroughtServiceBroken
from backup_actions.plugins import GROUP
from backup_actions.plugins.function_imports import complaints_about_imports
from backup_actions_infrastructure.plugin_packages import plugin_packages
from backup_actions_local.brought import GROUP as BROUGHT
from backup_actions_local.brought import BroughtService, brought_service
from backup_actions_local.front.authorization import TABLE
from backup_actions_local.states.api_names import service_model
from backup_actions_testing.reference import complaints_about_needs


def complaints_about_functions(action: Action) -> Iterator[str]:
    """What its functions import and would not find where they run."""
    modules = {module for package in plugin_packages([action]) for module in package.modules}
    for complaint in complaints_about_imports(action, modules):
        yield f"{complaint}; do it in a job, or keep it in a module that no task imports"


def complaints_about_brought(action: Action) -> Iterator[str]:
    """What is wrong with the services that the action's package brings to the embedded AWS."""
    packages = {entry.dist.name for entry in entry_points(group=GROUP, name=action.name) if entry.dist}
    for entry in entry_points(group=BROUGHT):
        if entry.dist and entry.dist.name in packages:
            try:
                service = brought_service(entry.name)
            except BroughtServiceBroken as broken:
                yield f"{broken}"
                continue
            if service:
                yield from _complaints_about_service(entry.name, service)


def _complaints_about_service(name: str, service: BroughtService) -> Iterator[str]:
    known = service_model(name).operation_names
    for operation, entry in service.permissions.items():
        if operation not in known:
            yield f"{name}:{operation}: there is no such operation"
        if operation in TABLE.get(name, {}):
            yield f"{name}:{operation}: it is embedded already, and what is brought of it is not used; take it out"
        for needs in entry:
            yield from (f"{name}:{operation}: {complaint}" for complaint in complaints_about_needs(needs))
