"""What an account must have before a deployment: looked at with the caller's own rights, and never changed."""

from backup_actions.account.looking import looked_at
from backup_actions.account.results import Outcome, Result

__all__ = ["Outcome", "Result", "looked_at"]
