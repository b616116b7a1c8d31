"""Names that several steps of the DynamoDB export have to agree on."""

from __future__ import annotations

ORIGINAL = "AWSDynamoDB"
"""The folder that DynamoDB itself makes below the prefix that it is given."""
PARQUET = "parquet"
CONVERSION = "conversion.json"
"""What the converting job leaves for the verifying one."""

# DynamoDB allows 255 characters; a run's name has at most 80.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableFromBackup.html
_LONGEST_NAME = 255


def temporary_table(deployment: str, run: str) -> str:
    """The table that a run restores: by its name, and by nothing remembered, it is found and removed again."""
    return f"{deployment}-export-{run}"[:_LONGEST_NAME]


def run_prefix(prefix: str, run: str) -> str:
    """Where all files of a run lie, below the prefix of the backup: no other run writes or removes anything there."""
    return f"{prefix}/{run}"


def verification_key(evidence_prefix: str) -> str:
    """The key of the verification: under a prefix that the exporting roles cannot write."""
    return f"{evidence_prefix}/dynamodb-export-verification.json"
