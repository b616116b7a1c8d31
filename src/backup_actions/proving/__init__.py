"""What stands is proven again, and told to whoever has to know: archives verified and restored later, the report."""

from backup_actions.proving.machine import proving_machine
from backup_actions.proving.settings import ProvingSettings

__all__ = ["ProvingSettings", "proving_machine"]
