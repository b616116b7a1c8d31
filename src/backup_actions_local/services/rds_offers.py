"""What RDS offers: engines, their versions, and the classes of instances that they can be had with."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Answer = dict[str, Any]

_VERSIONS = {
    "aurora-mysql": "8.0.mysql_aurora.3.08.0",
    "aurora-postgresql": "17.4",
    "mariadb": "10.11.10",
    "mysql": "8.4.5",
    "oracle-ee": "19.0.0.0.ru-2025-04.rur-2025-04.r1",
    "postgres": "17.5",
    "sqlserver-se": "16.00.4185.3.v1",
}
"""A version that RDS has offered; which one matters only to what refuses some of them."""
_SMALL = ("db.t4g.micro", "db.t4g.small", "db.t3.micro", "db.t3.small")
_LARGE = ("db.t4g.medium", "db.t3.medium", "db.r7g.large", "db.r6i.large")
_SUPPORTED_FOR = timedelta(days=5 * 365)
_STORAGE_TYPES = ("gp3", "gp2", "io1")


def default_version(engine: str) -> str:
    """The version of an engine that nobody has chosen."""
    return _VERSIONS.get(engine, "1.0")


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an engine. What is restored in a deprecated one runs in its successor."""

    engine: str
    version: str
    successor: str = ""

    @property
    def is_deprecated(self) -> bool:
        """Whether no new instance can be had in it."""
        return bool(self.successor)

    @property
    def major(self) -> str:
        """The release that it is a version of."""
        return ".".join(self.version.split(".")[: 1 if "postgres" in self.engine else 2])

    def answer(self) -> Answer:
        """The version as DescribeDBEngineVersions has it."""
        targets = [{"Engine": self.engine, "EngineVersion": self.successor}] if self.successor else []
        return {
            "Engine": self.engine,
            "EngineVersion": self.version,
            "MajorEngineVersion": self.major,
            "DBParameterGroupFamily": f"{self.engine}{self.major}",
            "Status": "deprecated" if self.is_deprecated else "available",
            "ValidUpgradeTarget": targets,
        }


@dataclass(eq=False)
class Offers:
    """Any version that a database is made in is offered, unless it was deprecated."""

    zones: tuple[str, ...]
    _versions: dict[tuple[str, str], Version] = field(
        default_factory=lambda: {(engine, version): Version(engine, version) for engine, version in _VERSIONS.items()}
    )
    _refused: set[tuple[str, str]] = field(default_factory=set)
    _support_ends: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def deprecate(self, engine: str, version: str, successor: str) -> None:
        """No new instance can be had in this version; what is restored from it is upgraded to the successor."""
        self._versions[engine, successor] = Version(engine, successor)
        self._versions[engine, version] = Version(engine, version, successor)

    def end_support(self, engine: str, major: str, ends: datetime) -> None:
        """The standard support of a release ends then."""
        self._support_ends[engine, major] = ends

    def major_versions(self, engine: str) -> list[Answer]:
        """The releases of an engine as DescribeDBMajorEngineVersions has them."""
        return [
            {
                "Engine": engine,
                "MajorEngineVersion": major,
                "SupportedEngineLifecycles": [
                    {
                        "LifecycleSupportName": "open-source-rds-standard-support",
                        "LifecycleSupportStartDate": self._support_ends[engine, major] - _SUPPORTED_FOR,
                        "LifecycleSupportEndDate": self._support_ends[engine, major],
                    }
                ]
                if (engine, major) in self._support_ends
                else [],
            }
            for major in sorted({version.major for version in self.versions(engine)})
        ]

    def know(self, engine: str, version: str) -> None:
        """The version is offered, unless it was deprecated."""
        self._versions.setdefault((engine, version), Version(engine, version))

    def withdraw(self, instance_class: str, zone: str = "*") -> None:
        """The class cannot be ordered any more, in that zone or in none."""
        self._refused.add((instance_class, zone))

    def versions(self, engine: str = "") -> list[Version]:
        """All versions, of one engine if it is named."""
        return [version for version in self._versions.values() if engine in {"", version.engine}]

    def restored_version(self, engine: str, version: str) -> str:
        """In which version a snapshot of this one is restored."""
        known = self._versions.get((engine, version))
        return known.successor if known and known.is_deprecated else version

    def newest(self, engine: str) -> str:
        """The version of a cluster whose version nobody has named."""
        offered = [each.version for each in self.versions(engine) if not each.is_deprecated]
        return max(offered, key=_numbers, default=default_version(engine))

    def zones_of(self, engine: str, instance_class: str) -> tuple[str, ...]:
        """The zones in which an engine can be had with this class."""
        if instance_class not in classes_of(engine) or (instance_class, "*") in self._refused:
            return ()
        return tuple(zone for zone in self.zones if (instance_class, zone) not in self._refused)

    def options(self, engine: str, version: str, instance_class: str) -> list[Answer]:
        """What can be ordered, as DescribeOrderableDBInstanceOptions has it: one answer a class and storage type."""
        versions = [each.version for each in self.versions(engine) if not each.is_deprecated]
        return [
            {
                "Engine": engine,
                "EngineVersion": offered,
                "DBInstanceClass": each,
                "LicenseModel": "general-public-license" if "postgres" not in engine else "postgresql-license",
                "AvailabilityZones": [{"Name": zone} for zone in zones],
                "StorageType": storage_type,
                "SupportsStorageEncryption": True,
                "SupportsClusters": engine.startswith("aurora"),
                "Vpc": True,
                "MinStorageSize": 100 if storage_type == "io1" else 20,
                "MaxStorageSize": 65536,
            }
            for offered in versions
            if version in {"", offered}
            for each in classes_of(engine)
            if instance_class in {"", each} and (zones := self.zones_of(engine, each))
            for storage_type in (("aurora",) if engine.startswith("aurora") else _STORAGE_TYPES)
        ]


def classes_of(engine: str) -> tuple[str, ...]:
    """The classes that an engine runs on, here: none of them under a licence of somebody else's runs on Graviton."""
    if engine.startswith("aurora"):
        return _LARGE
    classes = (*_SMALL, *_LARGE)
    is_open = engine in {"mariadb", "mysql", "postgres"}
    return classes if is_open else tuple(name for name in classes if "g." not in name)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]
