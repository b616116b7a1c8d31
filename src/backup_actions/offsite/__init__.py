"""The separated account: what others share with it is imported, verified, acknowledged and kept."""

from backup_actions.offsite.main import import_machine
from backup_actions.offsite.settings import ImportSettings

__all__ = ["ImportSettings", "import_machine"]
