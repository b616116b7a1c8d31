"""Where the embedded AWS is: account, region, zones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One account in one region of one partition."""

    account: str = "111122223333"
    region: str = "us-east-1"
    zones: tuple[str, ...] = ("us-east-1a", "us-east-1b")
    partition: str = "aws"

    def arn(self, service: str, resource: str, *, account: str | None = None) -> str:
        """The ARN of a resource here; snapshots have an empty account."""
        owner = self.account if account is None else account
        return f"arn:{self.partition}:{service}:{self.region}:{owner}:{resource}"

    def role_arn(self, role: str) -> str:
        """The ARN of a role; roles belong to no region."""
        return f"arn:{self.partition}:iam::{self.account}:role/{role}"
