"""Tables as Parquet: from DynamoDB's JSON, checked while it is read; and SQL over every export there is.

Importing what is in this room loads pyarrow: whoever only describes something imports it inside a function.
"""

from backup_actions.parquet.comparison import compare
from backup_actions.parquet.conversion import convert
from backup_actions.parquet.options import ConversionOptions, ConvertedTable, ExportFile

__all__ = ["ConversionOptions", "ConvertedTable", "ExportFile", "compare", "convert"]
