"""What is known of all recovery points of a deployment, and what is missing."""

from backup_actions.estate.description import Estate
from backup_actions.estate.sweep_description import sweep_function
from backup_actions.estate.telling import digest_function, measure_function

__all__ = ["Estate", "digest_function", "measure_function", "sweep_function"]
