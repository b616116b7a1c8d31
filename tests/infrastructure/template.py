"""A rendered template as plain text: a reference to a resource is ``<LogicalId>`` or ``<LogicalId.Attribute>``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backup_actions.contract.placeholders import ROLE_PREFIX

ACCOUNT, SEPARATED_ACCOUNT, REGION = "111122223333", "444455556666", "us-east-1"


@dataclass(frozen=True)
class Template:
    """One CloudFormation template, and the account that it is for."""

    path: Path
    document: Mapping[str, Any]
    account: str

    @classmethod
    def read(cls, path: Path, account: str = ACCOUNT) -> Template:
        """The template that lies there."""
        return cls(path, json.loads(path.read_text(encoding="utf-8")), account)

    def of_type(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """Logical id → properties, in plain text, of every resource of a type."""
        return {
            name: self.plain(resource.get("Properties", {}))
            for name, resource in self.document["Resources"].items()
            if resource["Type"] == kind
        }

    def only(self, kind: str) -> Mapping[str, Any]:
        """The properties of the one resource of a type that is no machine's own."""
        return self.of_type(kind)[self.id_of(kind)]

    def id_of(self, kind: str) -> str:
        """Its logical id. Those of machines begin as the names of machines do, with a small letter."""
        (name,) = (name for name in self.of_type(kind) if name[0].isupper())
        return name

    def resource(self, name: str) -> Mapping[str, Any]:
        """A whole resource, with its deletion policy."""
        found = self.document["Resources"][name]
        assert isinstance(found, Mapping)
        return found

    def plain(self, value: Any) -> Any:
        """The value without intrinsic functions."""
        match value:
            case {"Ref": name}:
                return self._pseudo.get(name, f"<{name}>")
            case {"Fn::GetAtt": [name, attribute]}:
                return f"<{name}.{attribute}>"
            case {"Fn::Join": [separator, parts]}:
                return separator.join(str(self.plain(part)) for part in parts)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([^}]+)\}", lambda match: self._pseudo.get(match[1], f"<{match[1]}>"), text)
            case dict():
                return {key: self.plain(inner) for key, inner in value.items()}
            case list():
                return [self.plain(inner) for inner in value]
            case _:
                return value

    @property
    def _pseudo(self) -> dict[str, str]:
        return {
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::AccountId": self.account,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def definitions(self) -> dict[str, dict[str, Any]]:
        """State machine name → the workflow as it is written in the template, text placeholders in it."""
        return {
            machine["StateMachineName"]: json.loads(machine["DefinitionString"])
            for machine in self.of_type("AWS::StepFunctions::StateMachine").values()
        }

    def roles(self) -> dict[str, Mapping[str, list[dict[str, Any]]]]:
        """What has a role, in words → policy name → statements, each in one form."""
        policies: dict[str, Mapping[str, list[dict[str, Any]]]] = {
            f"<{name}.Arn>": {
                policy["PolicyName"]: [normal(statement) for statement in policy["PolicyDocument"]["Statement"]]
                for policy in role["Policies"]
            }
            if "Policies" in role
            else {}
            for name, role in self.of_type("AWS::IAM::Role").items()
        }
        found = {user: policies.pop(arn) for user, arn in self._users_of_roles()}
        assert not policies, f"roles that nothing has: {sorted(policies)}"
        return found

    def _users_of_roles(self) -> Iterator[tuple[str, str]]:
        for function in self.of_type("AWS::Lambda::Function").values():
            yield f"function {function['FunctionName']}", function["Role"]
        for machine in self.of_type("AWS::StepFunctions::StateMachine").values():
            yield f"machine {machine['StateMachineName']}", machine["RoleArn"]
            for name, value in machine["DefinitionSubstitutions"].items():
                if name.startswith(ROLE_PREFIX):
                    yield f"service {machine['StateMachineName']} {name}", value
        for job in self.of_type("AWS::Batch::JobDefinition").values():
            container = job["ContainerProperties"]
            yield f"job {job['JobDefinitionName']}", container["JobRoleArn"]
            yield f"start of job {job['JobDefinitionName']}", container["ExecutionRoleArn"]
        for profile in self.of_type("AWS::IAM::InstanceProfile").values():
            (role,) = profile["Roles"]
            yield "hosts of jobs", f"{role[:-1]}.Arn>"
        for rule in self.of_type("AWS::Events::Rule").values():
            for target in rule["Targets"]:
                if "RoleArn" in target:
                    yield f"rule: {rule['Description']}", target["RoleArn"]


def normal(statement: Mapping[str, Any]) -> dict[str, Any]:
    """A policy statement in one form, whatever the order and whether one value stands alone or in a list."""
    conditions = statement.get("Condition", {})
    return {
        "Effect": statement["Effect"],
        "Action": _sorted(statement["Action"]),
        "Resource": _sorted(statement["Resource"]),
        **(
            {
                "Condition": {
                    test: {key: _sorted(value) for key, value in keys.items()} for test, keys in conditions.items()
                }
            }
            if conditions
            else {}
        ),
    }


def _sorted(value: str | list[str]) -> list[str]:
    return sorted({value} if isinstance(value, str) else set(value))
