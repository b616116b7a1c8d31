"""The only door to AWS: clients, error translation, the world that steps work in."""

from backup_actions.aws.clients import Clients
from backup_actions.aws.errors import error_code, translated
from backup_actions.aws.world import Host, World

__all__ = ["Clients", "Host", "World", "error_code", "translated"]
