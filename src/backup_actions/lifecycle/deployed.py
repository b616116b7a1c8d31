"""What one deployment consists of, the same for the CDK application and the embedded AWS."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from backup_actions.catalogue import CATALOGUE
from backup_actions.contract import Action, Awaited, Function, Machine, Settings
from backup_actions.estate import Estate, digest_function, measure_function, sweep_function
from backup_actions.ledger import WAKE
from backup_actions.lifecycle.main import INTAKE, main_machine
from backup_actions.lifecycle.settings import LifecycleSettings
from backup_actions.offsite import ImportSettings, import_machine
from backup_actions.proving import ProvingSettings, proving_machine

if TYPE_CHECKING:
    from backup_actions.settings import DeploymentSettings
    from backup_actions.settings.imports import Imports


@dataclass(frozen=True, slots=True)
class Deployed:
    """A machine, and the structures that the placeholders of its workflow stand for.

    The structures may hold text placeholders in turn; names are the same wherever it is deployed:
    ``${Name}-<machine>`` for machines, ``${Name}-<zone>`` for job queues.
    """

    machine: Machine
    structures: Mapping[str, Any]
    cleans_up: bool
    """Whether an execution that was cut short is followed by one of the same machine, whose input is the event."""

    @property
    def texts(self) -> Mapping[str, str]:
        """The text placeholders of the machine's own settings: ``SettingsJson``, and ``Setting_…`` in permissions.

        They, too, may hold placeholders in turn.
        """
        own = self.structures["Settings"]
        return {"SettingsJson": json.dumps(own, sort_keys=True), **self.machine.settings(**own).placeholders()}


def deployed_machines(settings: DeploymentSettings, actions: Iterable[Action]) -> tuple[Deployed, ...]:
    """The main machine, or that of imports where the settings have such, and one for each enabled action.

    And that which proves archives again, where the settings want it.
    """
    actions = tuple(actions)
    enabled = settings.enabled(actions)
    zones = [{"name": zone, "queue": queue_arn(zone)} for zone in settings.zones]
    offered = [
        {
            "name": action.name,
            "machineArn": machine_arn(action),
            "handles": list(action.handles),
            "restorable": action.restorable,
            "tags": dict(settings.selection_of(action)),
        }
        for action in enabled
    ]

    def deployed(machine: Machine, own: Settings, *, cleans_up: bool) -> Deployed:
        return Deployed(machine, {"Settings": own.to_json(), "Zones": zones, "Actions": offered}, cleans_up)

    main, own = _main(settings)
    return (
        deployed(main, own, cleans_up=settings.imports is not None),
        *(deployed(action, settings.settings_of(action), cleans_up=True) for action in enabled),
        *(deployed(machine, own, cleans_up=True) for machine, own in _proving(settings, actions)),
    )


def catalogued_machines(settings: DeploymentSettings, actions: Iterable[Action]) -> tuple[Action, ...]:
    """The enabled actions whose exports become tables of Glue; none where the settings do not want that."""
    return tuple(action for action in settings.enabled(actions) if action.queryable and settings.athena.enabled)


def deployed_functions(settings: DeploymentSettings, actions: Iterable[Action]) -> tuple[Function, ...]:
    """What events and schedules call, beside the functions of the machines' own."""
    actions = tuple(actions)
    return (
        *(() if settings.imports else (INTAKE,)),
        *((CATALOGUE,) if catalogued_machines(settings, actions) else ()),
        *((WAKE,) if awaited_events(settings, actions) else ()),
        *_watching(settings, deployed_estate(settings, actions)),
    )


def _proving(settings: DeploymentSettings, actions: Iterable[Action]) -> Iterator[tuple[Machine, Settings]]:
    """What proves archives again, where that is wanted."""
    proving = settings.proving
    if proving.is_wanted:
        test = proving.restore_test
        own = ProvingSettings(
            verify_every_days=proving.verify_every_days,
            gib_per_day=proving.gib_per_day,
            restore_every_days=test.every_days if test else None,
            restore_choose=test.choose if test else "random",
        )
        testers = {each.name: machine_arn(each) for each in settings.enabled(actions) if each.restore_test}
        wanted = test is not None and test.databases
        yield proving_machine(deployed_estate(settings, actions), testers if wanted else {}), own


def _watching(settings: DeploymentSettings, estate: Estate) -> Iterator[Function]:
    """What looks after all of it on a schedule."""
    yield sweep_function(estate)
    yield measure_function(estate)
    if settings.notifications.success == "digest":
        yield digest_function(estate, hours=settings.watching.digest_hours)


def deployed_estate(settings: DeploymentSettings, actions: Iterable[Action]) -> Estate:
    """The deployment for those who look after all of it; placeholders stand for what only the stack knows."""
    main, _ = _main(settings)
    enabled = settings.enabled(actions)
    machines: tuple[Machine, ...] = (*((main,) if settings.imports else ()), *enabled)
    attempts = [job.attempt_timeout_seconds for machine in machines for job in machine.jobs.values()]
    return Estate(
        name="${Name}",
        account="${Account}",
        region="${Region}",
        bucket="${Bucket}",
        ledger="${LedgerTable}",
        topic_arn="${TopicArn}",
        main_machine_arn="${MainMachineArn}",
        machines={machine.name: machine_arn(machine) for machine in machines},
        vaults=settings.vaults,
        attempt_hours=ceil(max(attempts, default=3600) / 3600),
        sweep_hours=settings.watching.sweep_hours,
        adopt_older=settings.watching.adopt_older,
        unacknowledged_hours=settings.watching.unacknowledged_hours,
        expires_after_days=settings.archive_bucket.lifecycle.expiration,
        handles=() if settings.imports else tuple(sorted({kind for action in enabled for kind in action.handles})),
    )


def awaited_events(settings: DeploymentSettings, actions: Iterable[Action]) -> Mapping[str, Awaited]:
    """The events that end waits of the machines, each by the name of its rule: ``rds-export-WaitForExport``."""
    main, _ = _main(settings)
    machines: tuple[Machine, ...] = (main, *settings.enabled(actions))
    return {f"{machine.name}-{awaited.state}": awaited for machine in machines for awaited in machine.awaits}


def lifecycle_settings(settings: DeploymentSettings) -> LifecycleSettings:
    """The settings file's section ``deletion`` as the main machine knows it."""
    deletion = settings.deletion
    return LifecycleSettings(
        policy=deletion.policy,
        shorten_to_days=deletion.shorten_to_days,
        after_unrestorable=deletion.after_unrestorable,
        backup_tag_key=deletion.backup_tag.key if deletion.backup_tag else None,
        backup_tag_value=deletion.backup_tag.value if deletion.backup_tag else None,
        expires_after_days=settings.archive_bucket.lifecycle.expiration,
        tell_each_success=settings.notifications.success == "each",
    )


def import_settings(imports: Imports, *, tell_each_success: bool) -> ImportSettings:
    """The settings file's section ``imports`` as the import machine knows it."""
    return ImportSettings(
        accounts=tuple(source.account for source in imports.sources),
        topics=tuple(source.announcements_topic_arn for source in imports.sources),
        acknowledgement_queues=tuple(source.acknowledgements_queue_url for source in imports.sources),
        days=imports.retention.days,
        daily=imports.retention.daily,
        weekly=imports.retention.weekly,
        monthly=imports.retention.monthly,
        yearly=imports.retention.yearly,
        attempts=imports.attempts,
        per_source_and_day=imports.per_source_and_day,
        acknowledge_after_actions=imports.acknowledge_after_actions,
        tell_each_success=tell_each_success,
    )


def machine_arn(machine: Machine) -> str:
    """The ARN of a machine, placeholders in it."""
    return f"arn:${{Partition}}:states:${{Region}}:${{Account}}:stateMachine:${{Name}}-{machine.name}"


def queue_arn(zone: str) -> str:
    """The ARN of a zone's job queue, placeholders in it."""
    return f"arn:${{Partition}}:batch:${{Region}}:${{Account}}:job-queue/${{Name}}-{zone}"


def _main(settings: DeploymentSettings) -> tuple[Machine, Settings]:
    if settings.imports is not None:
        imports = import_settings(settings.imports, tell_each_success=settings.notifications.success == "each")
        return import_machine(imports), imports
    lifecycle = lifecycle_settings(settings)
    return main_machine(lifecycle), lifecycle
