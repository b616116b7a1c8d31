"""What is known of each recovery point, and leases of scarce quotas: one DynamoDB table."""

from backup_actions.ledger.leases import Lease, Leases
from backup_actions.ledger.ledger import Entry, Ledger, Status

__all__ = ["Entry", "Lease", "Leases", "Ledger", "Status"]
