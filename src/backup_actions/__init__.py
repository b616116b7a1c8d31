"""Actions on AWS Backup recovery points: archive, verify, and only then let the backup go."""

__version__ = "0.1.0"
