"""Tables as Parquet: from DynamoDB's JSON, checked while it is read; and SQL over every export there is.

Importing what is in this room loads pyarrow: whoever only describes something imports it inside a function.
"""
