"""SSM's Parameter Store, as far as secrets that live for a while go.

moto is not asked: it hands the plain text of an encrypted parameter to whoever may not decrypt it.
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Call, Handler, Refused
from backup_actions_local.services.paging import only, page

if TYPE_CHECKING:
    from datetime import datetime

    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.place import Place

SECURE = "SecureString"
_NAME = re.compile(r"/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){0,14}")
_LONGEST_STANDARD_BYTES = 4096
_DEFAULT_KEY = "alias/aws/ssm"


@dataclass(eq=False, slots=True, kw_only=True)
class Parameter:
    """A parameter. Its text of an encrypted value means nothing to who sees it."""

    name: str
    arn: str
    kind: str
    value: str = field(repr=False)
    key_id: str
    tier: str
    changed: datetime
    version: int = 1
    tags: dict[str, str] = field(default_factory=dict)

    def answer(self, *, decrypted: bool) -> dict[str, Any]:
        """The parameter as GetParameter has it."""
        hidden = base64.b64encode(f"{self.arn} {self.version} {self.key_id}".encode()).decode()
        return {
            "Name": self.name,
            "ARN": self.arn,
            "Type": self.kind,
            "Value": hidden if self.kind == SECURE and not decrypted else self.value,
            "Version": self.version,
            "LastModifiedDate": self.changed,
            "DataType": "text",
        }

    def summary(self) -> dict[str, Any]:
        """The parameter as DescribeParameters has it, without its value."""
        shown = self.answer(decrypted=False)
        del shown["Value"]
        return shown | {"Tier": self.tier} | ({"KeyId": self.key_id} if self.key_id else {})


class Parameters:
    """The operations."""

    name = "ssm"

    def __init__(self, *, clock: SimulatedClock, place: Place) -> None:
        self._clock, self._place = clock, place
        self._lock = threading.Lock()
        self.parameters: dict[str, Parameter] = {}

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        return {
            "PutParameter": self._put,
            "GetParameter": self._get,
            "DeleteParameter": self._delete,
            "DescribeParameters": self._describe,
            "ListTagsForResource": self._list_tags,
        }

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of a parameter; none of what does not exist."""
        return next((parameter.tags for parameter in list(self.parameters.values()) if parameter.arn == arn), {})

    def key_of(self, arn: str) -> str | None:
        """The key that encrypts a parameter, as it was named; None of SSM's own, which everybody may use through it."""
        key = next((parameter.key_id for parameter in list(self.parameters.values()) if parameter.arn == arn), "")
        return key if key not in {"", _DEFAULT_KEY} else None

    def _put(self, call: Call) -> Mapping[str, Any]:
        only(call, "Name", "Description", "Value", "Type", "KeyId", "Overwrite", "Tags", "Tier", "DataType")
        params = call.params
        name, value = params["Name"], params["Value"]
        _check(params)
        with self._lock:
            before = self.parameters.get(name)
            if before and not params.get("Overwrite"):
                message = "The parameter already exists. To overwrite this value, set the overwrite option to true."
                raise Refused("ParameterAlreadyExists", message)
            kind = params.get("Type") or (before.kind if before else "")
            if not kind:
                raise Refused("ValidationException", "A parameter type is required when you create a parameter.")
            self.parameters[name] = Parameter(
                name=name,
                arn=self._place.arn("ssm", f"parameter/{name.removeprefix('/')}"),
                kind=kind,
                value=value,
                key_id=params.get("KeyId") or (_DEFAULT_KEY if kind == SECURE else ""),
                tier=params.get("Tier") or "Standard",
                changed=self._clock.now(),
                version=before.version + 1 if before else 1,
                tags={tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()} or (before.tags if before else {}),
            )
            return {"Version": self.parameters[name].version, "Tier": self.parameters[name].tier}

    def _get(self, call: Call) -> Mapping[str, Any]:
        only(call, "Name", "WithDecryption")
        parameter = self._parameter(call.params["Name"])
        return {"Parameter": parameter.answer(decrypted=bool(call.params.get("WithDecryption")))}

    def _delete(self, call: Call) -> Mapping[str, Any]:
        only(call, "Name")
        with self._lock:
            del self.parameters[self._parameter(call.params["Name"]).name]
        return {}

    def _describe(self, call: Call) -> Mapping[str, Any]:
        only(call, "NextToken", "MaxResults")
        found = [parameter.summary() for parameter in list(self.parameters.values())]
        part, token = page(
            found, call.params.get("NextToken"), call.params.get("MaxResults"), refusal="InvalidNextToken"
        )
        return {"Parameters": list(part)} | ({"NextToken": token} if token else {})

    def _list_tags(self, call: Call) -> Mapping[str, Any]:
        only(call, "ResourceType", "ResourceId")
        if call.params["ResourceType"] != "Parameter" or call.params["ResourceId"] not in self.parameters:
            raise Refused("InvalidResourceId", f"{call.params['ResourceId']} is not there.")
        tags = self.parameters[call.params["ResourceId"]].tags
        return {"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _parameter(self, name_or_arn: str) -> Parameter:
        for parameter in list(self.parameters.values()):
            if name_or_arn in {parameter.name, parameter.arn}:
                return parameter
        raise Refused("ParameterNotFound", f"Parameter {name_or_arn} not found.")


def _check(params: Mapping[str, Any]) -> None:
    if not _NAME.fullmatch(params["Name"]) or params["Name"].lstrip("/").lower().startswith(("aws", "ssm")):
        raise Refused("ValidationException", f"Parameter name {params['Name']!r} is not valid.")
    if params.get("Overwrite") and params.get("Tags"):
        message = "Invalid request: tags and overwrite can't be used together."
        raise Refused("ValidationException", message)
    if len(params["Value"].encode()) > _LONGEST_STANDARD_BYTES and params.get("Tier") != "Advanced":
        raise Refused("ValidationException", "Standard tier parameters support a maximum value of 4096 characters.")
