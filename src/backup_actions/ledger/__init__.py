"""What is known of each recovery point, leases of scarce quotas, waits for events: one DynamoDB table."""

from backup_actions.ledger.description import WAKE
from backup_actions.ledger.leases import Lease, Leases
from backup_actions.ledger.ledger import Entry, Ledger, Standing, Status
from backup_actions.ledger.waits import Waiter, Waits

__all__ = ["WAKE", "Entry", "Lease", "Leases", "Ledger", "Standing", "Status", "Waiter", "Waits"]
