"""Amazon Resource Names, parsed once at the door."""

from __future__ import annotations

from dataclasses import dataclass

from backup_actions.errors import MalformedArn


@dataclass(frozen=True, slots=True)
class Arn:
    """``arn:partition:service:region:account:resource``; the resource may itself contain colons.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Arn:
        """Raise MalformedArn unless the text has all six parts."""
        if not isinstance(text, str):
            raise MalformedArn(text=text, reason="it is not a text")
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn":
            raise MalformedArn(text=text, reason="six parts separated by colons, the first of them 'arn', are needed")
        _, partition, service, region, account, resource = parts
        if not partition or not service or not resource:
            raise MalformedArn(text=text, reason="partition, service and resource must not be empty")
        return cls(partition, service, region, account, resource)

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"
