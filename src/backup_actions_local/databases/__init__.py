"""Real database servers on loopback, and images of what they hold: what a DB instance and its snapshots are here."""

from backup_actions_local.databases.engine import DatabaseServer, Engine
from backup_actions_local.databases.image import DatabaseImage
from backup_actions_local.databases.mariadb import MariaDb
from backup_actions_local.databases.postgresql import PostgreSql

__all__ = ["DatabaseImage", "DatabaseServer", "Engine", "MariaDb", "PostgreSql"]
