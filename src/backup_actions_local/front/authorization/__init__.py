"""What IAM would check for a call: a table, operation by operation, from AWS's service authorization reference.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
"""

from backup_actions_local.front.authorization.rules import Facts, KeyOf, Needs, OwnerOf, TagsOf
from backup_actions_local.front.authorization.table import TABLE, checks_of, iam_actions, later_checks_of

__all__ = ["TABLE", "Facts", "KeyOf", "Needs", "OwnerOf", "TagsOf", "checks_of", "iam_actions", "later_checks_of"]
