"""The door of the embedded AWS: every call is parsed, known by its signature, audited, tried and only then answered."""

from backup_actions_local.front.audit import Audit, Entry, Verdict
from backup_actions_local.front.faults import Faults
from backup_actions_local.front.roles import Credentials, Roles
from backup_actions_local.front.server import Front

__all__ = ["Audit", "Credentials", "Entry", "Faults", "Front", "Roles", "Verdict"]
