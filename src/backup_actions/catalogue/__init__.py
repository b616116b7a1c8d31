"""Exports as tables of Glue, by which Athena finds them: the tables, and the function that keeps them.

Standard library and boto3 alone: functions have nothing else.
"""

from backup_actions.catalogue.description import CATALOGUE
from backup_actions.catalogue.tables import GlueTable, PlacedExport, glue_tables

__all__ = ["CATALOGUE", "GlueTable", "PlacedExport", "glue_tables"]
