"""Resources that runs have made and not removed, found by the tag that everything of a run carries."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from backup_actions.aws import translated
from backup_actions.aws.executions import Execution, begin, find_execution
from backup_actions.estate.description import Estate
from backup_actions.estate.findings import Finding, Kind
from backup_actions.estate.looking import Looking, Page
from backup_actions.ledger import Standing
from backup_actions.model.json_types import JsonObject

RUN_TAG = "backup-actions:run"
"""Its value: the action's name, a slash, and the execution's."""

DEPLOYMENT_TAG = "backup-actions:deployment"
"""Its value: the name of the deployment whose run has made it, where what was made has no other name that says so."""

_CHANGED = "Step Functions Execution Status Change"

# Jobs carry the tag too, and so do the tasks that they are on their hosts; both stay listed after their end.
_NO_RESOURCES = frozenset({"batch", "ecs"})

# Two deployments in one account tag alike, and an action may keep what it has made: nobody but a person can know.
_FORGOTTEN = (
    "Step Functions knows no such run, or not any more: remove it by hand, unless another deployment in this account "
    "has made it or it is kept because it is wanted"
)
_SWITCHED_OFF = "its action is not deployed any more: remove it by hand, unless it is kept because it is wanted"

# What RDS and DynamoDB restore has no tag of a deployment's, but a name that no other deployment gives: with the run's,
# or with the beginning of a SHA-256 over it. Parameters lie in a folder.
_OWN_NAMES = r"{name}-(dump|offsite)-[0-9a-f]{{24}}(-cluster)?|{name}-export-{run}|/{name}/{action}/{run}"


def left_behind(looking: Looking, cursor: str) -> Iterator[Page]:
    """What a run of long ago has left is removed by its own machine, begun as after a run that was cut short, once.

    What such a run leaves on purpose is not told; what it cannot remove is. Announced copies have a
    function of their own. Of an action that is not deployed any more only what certainly is of this deployment is told.
    """
    del cursor
    announced = {_nameless(entry.point) for entry in looking.ledger.standing(Standing.ANNOUNCED)}
    by_run: defaultdict[str, list[str]] = defaultdict(list)
    with translated():
        pages = looking.world.clients.resourcegroupstaggingapi.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": RUN_TAG}]
        )
        for page in pages:
            for found in page["ResourceTagMappingList"]:
                tags = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
                run, arn = tags[RUN_TAG], found["ResourceARN"]
                if not _is_to_be_judged(looking.estate, tags, arn):
                    continue
                if arn.split(":")[2] not in _NO_RESOURCES and _nameless(arn) not in announced:
                    by_run[run].append(arn)
    yield Page(tuple(finding for tag, arns in sorted(by_run.items()) for finding in _judged(looking, tag, arns)))


def _nameless(arn: str) -> tuple[str, ...]:
    """Without the account: snapshots of EBS are told with it and without."""
    parts = arn.split(":", 5)
    return (*parts[:4], *parts[5:])


def _is_to_be_judged(estate: Estate, tags: Mapping[str, str], arn: str) -> bool:
    """Whether this deployment has made it, as far as tags and names tell: in doubt if it has such an action."""
    if DEPLOYMENT_TAG in tags:
        return tags[DEPLOYMENT_TAG] == estate.name
    action, _, run = tags[RUN_TAG].partition("/")
    if action in estate.machines:
        return True
    own = _OWN_NAMES.format(name=re.escape(estate.name), action=re.escape(action), run=re.escape(run))
    name = re.sub("^(table/|parameter(?=/)|[a-z-]+:)", "", arn.split(":", 5)[5])
    return re.fullmatch(own, name, re.IGNORECASE) is not None  # RDS makes names lower case


def clean_up_name(run: str) -> str:
    """The name of the execution that cleans up after a run: one for each run."""
    return f"clean-up-{hashlib.sha256(run.encode()).hexdigest()[:40]}"


def _judged(looking: Looking, tag: str, arns: Sequence[str]) -> Iterator[Finding]:
    action, _, run = tag.partition("/")
    machine = looking.estate.machines.get(action)
    if machine is None:
        yield from _told(arns, run, "", _SWITCHED_OFF)
        return
    stepfunctions = looking.world.clients.stepfunctions
    ended = find_execution(stepfunctions, machine, run)
    if ended is None:
        yield from _told(arns, run, "", _FORGOTTEN)
        return
    if ended.is_running or not ended.ended_at or not looking.is_settled(ended.ended_at):
        return
    since = ended.ended_at.isoformat()
    cleaning = find_execution(stepfunctions, machine, clean_up_name(run))
    if cleaning is None:
        begun = looking.repairs and looking.starts.take()
        if begun:
            begin(stepfunctions, machine, clean_up_name(run), _event(ended))
        remedy = "its machine was begun to remove it" if begun else f"{looking.later} has its machine remove it"
        yield from _told(arns, run, since, remedy, repaired=begun)
    elif not cleaning.is_running and cleaning.status != "SUCCEEDED":
        yield from _told(arns, run, since, f"remove it by hand: its machine could not, see {cleaning.arn}")


def _told(arns: Sequence[str], run: str, since: str, remedy: str, *, repaired: bool = False) -> Iterator[Finding]:
    for arn in arns:
        yield Finding(
            kind=Kind.LEFT_BEHIND,
            subject=arn,
            what=f"the run {run} has made it, and is over" if since else f"its tag says that the run {run} has made it",
            since=since,
            remedy=remedy,
            repaired=repaired,
        )


def _event(ended: Execution) -> JsonObject:
    """What EventBridge says of the end of an execution, as far as a machine that cleans up reads it."""
    return {
        "source": "aws.states",
        "detail-type": _CHANGED,
        "detail": {
            "executionArn": ended.arn,
            "stateMachineArn": ended.machine_arn,
            "name": ended.name,
            "status": ended.status,
            "input": ended.given,
        },
    }
