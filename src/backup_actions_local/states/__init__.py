"""A strict interpreter of the States Language: what the project's workflows use, with AWS's meaning, and no more."""
