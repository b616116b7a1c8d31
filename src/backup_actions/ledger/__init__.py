"""What is known of each recovery point: one DynamoDB table, one item per point and one per point and action."""

from backup_actions.ledger.ledger import Entry, Ledger, Status

__all__ = ["Entry", "Ledger", "Status"]
