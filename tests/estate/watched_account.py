"""An account as far as sweeps see it: a vault, executions, a bucket and tagged resources, held in dictionaries."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

from botocore.exceptions import ClientError
from tests.estate.ledgers import ESTATE, HOUR, NOON, VOLUME

from backup_actions.aws import Clients, World
from backup_actions.aws.executions import execution_arn
from backup_actions.estate import Estate
from backup_actions.estate.findings import Finding
from backup_actions.estate.looking import Check, Looking

MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:backup-actions-ebs-archive"
WATCHED = replace(ESTATE, machines={"ebs-archive": MACHINE})
LONG_AGO = NOON - 30 * HOUR


def refusal(code: str) -> ClientError:
    """What boto3 raises for a code."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Operation")


@dataclass
class Account:
    """``listed`` are the vault's points; keys of ``objects`` and ``uploads`` are told with when they were written."""

    listed: list[dict[str, Any]] = field(default_factory=list)
    executions: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, datetime] = field(default_factory=dict)
    documents: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    uploads: list[dict[str, Any]] = field(default_factory=list)
    tagged: list[tuple[str, str]] = field(default_factory=list)
    tagged_by: str = ""
    """The deployment whose name all of that carries."""
    """ARN and the value of the run's tag."""
    deployed_at: datetime = NOON - 100 * HOUR
    refuses: dict[str, str] = field(default_factory=dict)
    """Operation → the code of its refusal."""
    refused_keys: dict[str, str] = field(default_factory=dict)
    """Of documents, the same."""
    calls: Counter[str] = field(default_factory=Counter)
    begun: list[tuple[str, str, Any]] = field(default_factory=list)
    """Machine, name and input of each execution that was begun."""
    aborted: list[str] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    page: int = 1000
    good_tokens: bool = True

    def world(self, ledger: World) -> World:
        """With the ledger, and the clock, of another world."""
        services = ("backup", "stepfunctions", "s3", "resourcegroupstaggingapi", "sns")
        clients = {service: _Client(self) for service in services}
        return replace(ledger, clients=cast("Clients", SimpleNamespace(dynamodb=ledger.clients.dynamodb, **clients)))

    def looking(self, ledger: World, *, repairs: bool = True, estate: Estate = WATCHED) -> Looking:
        """A look at it."""
        return Looking(self.world(ledger), estate, repairs)

    def found(self, check: Check, ledger: World, *, repairs: bool = True, estate: Estate = WATCHED) -> list[Finding]:
        """All that a check finds."""
        pages = check(self.looking(ledger, repairs=repairs, estate=estate), "")
        return [finding for page in pages for finding in page.findings]

    def back_up(self, number: int, *, completed_at: datetime = LONG_AGO, status: str = "COMPLETED") -> str:
        """One more point in the vault, as AWS lists it; its ARN."""
        arn = f"arn:aws:ec2:us-east-1::snapshot/snap-{number}"
        self.listed.append(
            {
                "RecoveryPointArn": arn,
                "BackupVaultName": "backups",
                "ResourceArn": VOLUME,
                "ResourceType": "EBS",
                "Status": status,
                "CreationDate": completed_at,
                "CompletionDate": completed_at,
            }
        )
        return arn

    def run(
        self, name: str, status: str, *, machine: str = "", ended_at: datetime = LONG_AGO, given: str = "{}"
    ) -> None:
        """An execution of the main machine, or of the one that is named."""
        arn = execution_arn(machine or WATCHED.main_machine_arn, name)
        ended = {} if status == "RUNNING" else {"stopDate": ended_at}
        began = {"startDate": ended_at - HOUR}
        self.executions[arn] = {"executionArn": arn, "name": name, "status": status, "input": given, **began, **ended}

    # ------------------------------------------------------------------------------------------------ what AWS answers

    def list_recovery_points_by_backup_vault(self, **asked: Any) -> dict[str, Any]:
        """A page of the vault."""
        assert asked["BackupVaultName"] in WATCHED.vaults
        assert asked["MaxResults"] == 1000
        if "NextToken" in asked and not self.good_tokens:
            raise refusal("InvalidParameterValueException")
        start = int(asked.get("NextToken", 0))
        end = start + self.page
        more = {"NextToken": str(end)} if end < len(self.listed) else {}
        return {"RecoveryPoints": self.listed[start:end], **more}

    def describe_recovery_point(self, *, RecoveryPointArn: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        """One that is there."""
        for each in self.listed:
            if each["RecoveryPointArn"] == RecoveryPointArn:
                return each
        raise refusal("ResourceNotFoundException")

    def describe_state_machine(self, **_: Any) -> dict[str, Any]:
        """The main one."""
        return {"creationDate": self.deployed_at}

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        """One that is known."""
        if executionArn not in self.executions:
            raise refusal("ExecutionDoesNotExist")
        return self.executions[executionArn]

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: A002, N803
        """Once under a name."""
        if execution_arn(stateMachineArn, name) in self.executions:
            raise refusal("ExecutionAlreadyExists")
        self.run(name, "RUNNING", machine=stateMachineArn, given=input)
        self.begun.append((stateMachineArn, name, json.loads(input)))

    def abort_multipart_upload(self, *, UploadId: str, **_: Any) -> None:  # noqa: N803
        """That one is gone."""
        self.aborted.append(UploadId)

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        """A document."""
        if Key in self.refused_keys:
            raise refusal(self.refused_keys[Key])
        return {"Body": io.BytesIO(json.dumps(self.documents[Key]).encode())}

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803
        """A document stands."""
        self.documents[Key] = json.loads(Body)

    def publish(self, **said: Any) -> None:
        """People are told."""
        self.told.append(said)

    def pages(self, operation: str, asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """What a paginator yields."""
        match operation:
            case "list_executions":
                machine = execution_arn(asked["stateMachineArn"], "")
                of_it = [each for arn, each in self.executions.items() if arn.startswith(machine)]
                if not of_it and asked["stateMachineArn"] == WATCHED.proving_machine_arn:
                    raise refusal("StateMachineDoesNotExist")
                listed = [each for each in of_it if each["status"] == asked["statusFilter"]]
                yield from _paged("executions", sorted(listed, key=_began_at, reverse=True), self.page)
            case "list_objects_v2":
                keys = sorted(
                    key for key in self.objects if key.startswith(asked["Prefix"]) and key > asked.get("StartAfter", "")
                )
                yield from _paged(
                    "Contents", [{"Key": key, "LastModified": self.objects[key]} for key in keys], self.page
                )
            case "list_multipart_uploads":
                yield from _paged("Uploads", self.uploads, self.page)
            case "get_resources":
                tagged = [
                    {
                        "ResourceARN": arn,
                        "Tags": [
                            {"Key": "x", "Value": "y"},
                            {"Key": "backup-actions:run", "Value": run},
                            *(
                                [{"Key": "backup-actions:deployment", "Value": self.tagged_by}]
                                if self.tagged_by
                                else []
                            ),
                        ],
                    }
                    for arn, run in self.tagged
                ]
                yield from _paged("ResourceTagMappingList", tagged, self.page)


class _Client:
    """Counts calls, and refuses those that are to be."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def get_paginator(self, operation: str) -> SimpleNamespace:
        """Of the account's pages."""
        return SimpleNamespace(paginate=lambda **asked: self._counted(operation, asked))

    def __getattr__(self, operation: str) -> Any:
        def call(**asked: Any) -> Any:
            self._count(operation)
            return getattr(self._account, operation)(**asked)

        return call

    def _counted(self, operation: str, asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for page in self._account.pages(operation, asked):
            self._count(operation)
            yield page

    def _count(self, operation: str) -> None:
        self._account.calls[operation] += 1
        if operation in self._account.refuses:
            raise refusal(self._account.refuses[operation])


def _began_at(execution: Mapping[str, Any]) -> datetime:
    began: datetime = execution["startDate"]
    return began


def _paged(member: str, items: Iterable[Any], size: int) -> Iterator[dict[str, Any]]:
    all_of_them = list(items)
    for start in range(0, max(len(all_of_them), 1), size):
        yield {member: all_of_them[start : start + size]}
