"""The first step: can the snapshot be dumped, where can it be restored, and what should people know of it?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from backup_actions.actions.rds_dump.dumpable import (
    FAMILIES,
    PORTS,
    nowhere,
    objection,
    objection_to_key,
    option_group_of,
    support_note,
)
from backup_actions.actions.rds_dump.storage import storage_of
from backup_actions.aws import World, translated
from backup_actions.contract.parameter_groups import parameter_group_for
from backup_actions.errors import AwsCallFailed
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

Event = Mapping[str, Any]

_STANDARD_SUPPORT = "open-source-rds-standard-support"
_UNKNOWN = frozenset({"DBInstanceNotFound", "DBInstanceNotFoundFault", "DBClusterNotFoundFault"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    """What DescribeDBSnapshots and DescribeDBClusterSnapshots say in different words."""

    engine: str
    version: str
    status: str
    created: str
    user: str
    size_gib: int
    storage_type: str
    iops: int | None
    of: str
    """The database that it was taken of."""
    of_id: str
    """Its id that no other database will ever have."""
    option_group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    """An engine's version as RDS knows it now."""

    major: str
    status: str
    upgrades: tuple[str, ...]
    """Versions of the same release that RDS would restore it with where it runs this one no more."""


def prepare(world: World, event: Event) -> Mapping[str, Any]:
    """Say whether, how and where the snapshot can be restored. Raises AwsCallFailed if there is no such snapshot."""
    point, rds = RecoveryPoint.from_json(event["recoveryPoint"]), world.clients.rds
    if point.arn.service != "rds":
        what = "a continuous backup" if point.is_continuous else f"{point.arn}, which only AWS Backup knows"
        return _no(f"RDS restores its own snapshots, not {what}: copy it to another vault and dump the copy")
    if because := objection_to_key(key_region=Arn.parse(event["key"]).region, region=world.clients.region):
        return _no(because)
    is_cluster = point.arn.resource.startswith("cluster-snapshot:")
    snapshot = _cluster_snapshot(rds, point) if is_cluster else _instance_snapshot(rds, point)
    if because := objection(engine=snapshot.engine, status=snapshot.status):
        return _no(because)
    version = _version(rds, snapshot)
    candidates = (snapshot.version, *(version.upgrades if version.status != "available" else ()))
    runs, places = places_of(rds, snapshot.engine, candidates, event)
    if not places:
        classes, zones = tuple(event["settings"]["instance_classes"]), tuple(z["name"] for z in event["zones"])
        return _no(nowhere(engine=snapshot.engine, version=snapshot.version, classes=classes, zones=zones))
    original = _original_groups(rds, snapshot, clusters=is_cluster)
    return {
        "dumpable": True,
        "reason": "",
        "places": places,
        "restore": _restore(point, snapshot, runs, version, event, is_cluster=is_cluster),
        "source": {
            "product": snapshot.engine,
            "family": FAMILIES[snapshot.engine],
            "version": snapshot.version,
            "snapshot_created": snapshot.created,
            "user": snapshot.user,
            "port": PORTS[FAMILIES[snapshot.engine]],
            **original,
            "notes": _notes(world, snapshot, version, original),
        },
    }


def _restore(
    point: RecoveryPoint, snapshot: _Snapshot, runs: str, version: _Version, event: Event, *, is_cluster: bool
) -> Mapping[str, Any]:
    """How the workflow has it restored; members with capitals are RDS's, in a workflow's words."""
    settings, parameters = event["settings"], parameter_group_for(snapshot.engine, runs)
    if snapshot.engine.startswith("aurora"):
        own = {"DbClusterParameterGroupName": parameters.name(event["name"])} if parameters else {}
        return {"kind": "cluster", "engine": snapshot.engine, "version": runs, "members": own}
    own = {"DbParameterGroupName": parameters.name(event["name"])} if parameters else {}
    # A Multi-AZ cluster's snapshot becomes one plain instance. Its disk is not told: clusters have provisioned rates.
    extra = settings["extra_storage_percent"] if settings["verify"] == "restore" else 0
    storage = storage_of(
        size_gib=snapshot.size_gib, storage_type=snapshot.storage_type, iops=snapshot.iops, extra_percent=extra
    )
    members = {"DbClusterSnapshotIdentifier" if is_cluster else "DbSnapshotIdentifier": point.native_id, **storage}
    group = option_group_of(engine=snapshot.engine, major=version.major)
    return {
        "kind": "instance",
        "engine": snapshot.engine,
        "version": runs,
        "members": {**members, **own, "OptionGroupName": group},
    }


def _no(reason: str) -> Mapping[str, Any]:
    return {"dumpable": False, "reason": reason, "places": [], "restore": {}, "source": {}}


def _instance_snapshot(rds: RDSClient, point: RecoveryPoint) -> _Snapshot:
    with translated():
        found = rds.describe_db_snapshots(DBSnapshotIdentifier=point.native_id)["DBSnapshots"][0]
    return _Snapshot(
        engine=found["Engine"],
        version=found["EngineVersion"],
        status=found["Status"],
        created=found["SnapshotCreateTime"].isoformat(),
        user=found["MasterUsername"],
        size_gib=found["AllocatedStorage"],
        storage_type=found.get("StorageType", ""),
        iops=found.get("Iops"),
        of=found["DBInstanceIdentifier"],
        of_id=found.get("DbiResourceId", ""),
        option_group=found.get("OptionGroupName", ""),
    )


def _cluster_snapshot(rds: RDSClient, point: RecoveryPoint) -> _Snapshot:
    with translated():
        found = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=point.native_id)["DBClusterSnapshots"][0]
    return _Snapshot(
        engine=found["Engine"],
        version=found["EngineVersion"],
        status=found["Status"],
        created=found["SnapshotCreateTime"].isoformat(),
        user=found["MasterUsername"],
        size_gib=found.get("AllocatedStorage", 0),
        storage_type=found.get("StorageType", ""),
        iops=None,
        of=found["DBClusterIdentifier"],
        of_id=found.get("DbClusterResourceId", ""),
    )


def _version(rds: RDSClient, snapshot: _Snapshot) -> _Version:
    with translated():
        found = rds.describe_db_engine_versions(
            Engine=snapshot.engine, EngineVersion=snapshot.version, IncludeAll=True
        )["DBEngineVersions"]
    if not found:  # RDS has forgotten it, and the snapshot has not
        numbers = re.findall(r"\d+", snapshot.version)
        parts = 1 if snapshot.engine.endswith(("postgres", "postgresql")) and int(numbers[0]) >= 10 else 2
        return _Version(major=".".join(numbers[:parts]), status="deprecated", upgrades=())
    targets = (each for each in found[0].get("ValidUpgradeTarget", []) if not each.get("IsMajorVersionUpgrade"))
    return _Version(
        major=found[0].get("MajorEngineVersion", ""),
        status=found[0].get("Status", ""),
        upgrades=tuple(each["EngineVersion"] for each in targets),
    )


def places_of(rds: RDSClient, engine: str, candidates: Sequence[str], event: Event) -> tuple[str, list[dict[str, str]]]:
    """The version that will run, and where: zones with an instance class each, the best class in all zones first."""
    classes: Sequence[str] = event["settings"]["instance_classes"]
    for candidate in candidates:
        offered = {name: _zones_with(rds, engine, candidate, name) for name in classes}
        places = [
            {"zone": zone["name"], "queue": zone["queue"], "class": name}
            for name in classes
            for zone in event["zones"]
            if zone["name"] in offered[name]
        ]
        if places:
            return candidate, places
    return "", []


def _zones_with(rds: RDSClient, engine: str, version: str, name: str) -> frozenset[str]:
    """The zones in which RDS offers the class. None for a class that this region does not have."""
    pages = rds.get_paginator("describe_orderable_db_instance_options").paginate(
        Engine=engine, EngineVersion=version, DBInstanceClass=name, Vpc=True
    )
    try:
        with translated():
            options = [option for page in pages for option in page["OrderableDBInstanceOptions"]]
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] != "InvalidParameterValue":
            raise
        return frozenset()
    return frozenset(zone["Name"] for option in options for zone in option["AvailabilityZones"])


def _original_groups(rds: RDSClient, snapshot: _Snapshot, *, clusters: bool) -> dict[str, str]:
    """The groups of parameters and options that the original has now; empty where it is gone."""
    try:
        with translated():
            if clusters:
                cluster = rds.describe_db_clusters(DBClusterIdentifier=snapshot.of)["DBClusters"][0]
                is_it, parameters = cluster.get("DbClusterResourceId", ""), cluster.get("DBClusterParameterGroup", "")
            else:
                instance = rds.describe_db_instances(DBInstanceIdentifier=snapshot.of)["DBInstances"][0]
                groups = instance.get("DBParameterGroups", [])
                is_it = instance.get("DbiResourceId", "")
                parameters = groups[0]["DBParameterGroupName"] if groups else ""
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] not in _UNKNOWN:
            raise
        is_it = parameters = ""
    same = is_it == snapshot.of_id
    return {"parameter_group": parameters if same else "", "option_group": snapshot.option_group}


def _notes(world: World, snapshot: _Snapshot, version: _Version, original: Mapping[str, str]) -> list[str]:
    ends = _support_ends(world.clients.rds, snapshot.engine, version.major)
    product, now = snapshot.engine, world.clock.now()
    about = support_note(product=product, major=version.major, status=version.status, ends=ends, now=now)
    groups = {"parameter group": original["parameter_group"], "option group": original["option_group"]}
    own = {"parameter group": "one in which no events run"} if parameter_group_for(product, snapshot.version) else {}
    others = [
        f"the original has the {kind} {name}, the temporary instance had {own.get(kind, 'the default one')}"
        for kind, name in groups.items()
        if name and not name.startswith("default")
    ]
    unknown = [] if original["parameter_group"] else ["the original is gone: its parameter group is not known"]
    return [*([about] if about else []), *others, *unknown]


def _support_ends(rds: RDSClient, engine: str, major: str) -> datetime | None:
    with translated():
        found = rds.describe_db_major_engine_versions(Engine=engine, MajorEngineVersion=major)["DBMajorEngineVersions"]
    ends = (
        lifecycle["LifecycleSupportEndDate"]
        for each in found
        for lifecycle in each.get("SupportedEngineLifecycles", [])
        if lifecycle["LifecycleSupportName"] == _STANDARD_SUPPORT
    )
    return next(ends, None)
