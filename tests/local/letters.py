"""Two small actions of two accounts: one writes letters and hears answers, the other reads and answers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backup_actions.contract import (
    Action,
    Function,
    Inbox,
    Permissions,
    Settings,
    Statement,
    Topic,
    setting,
)

if TYPE_CHECKING:
    from backup_actions.aws import World

WORKFLOW = "TimeoutSeconds: 60\nStartAt: Done\nQueryLanguage: JSONata\nStates: {Done: {Type: Succeed}}\n"

heard: list[tuple[str, Mapping[str, Any]]] = []
"""What the functions were called with, and what each has in its environment."""


@dataclass(frozen=True, kw_only=True)
class WriterSettings(Settings):
    """Who reads."""

    reader: str = setting("The other account.", default="")


@dataclass(frozen=True, kw_only=True)
class ReaderSettings(Settings):
    """What is read."""

    topics: tuple[str, ...] = setting("Topics of other accounts.", default=())


def hear(world: World, event: Mapping[str, Any]) -> None:
    """Note what came; a message that says so is not taken."""
    heard.append((world.environment["ABOUT"], event))
    if "poison" in str(event.get("Records")):
        raise ValueError("not this one")


def answer(world: World, event: Mapping[str, Any]) -> None:
    """Answer by the queue that the environment names, as the function's own role."""
    hear(world, event)
    world.clients.sqs.send_message(QueueUrl=world.environment["ANSWERS"], MessageBody="thanks")


def writer(folder: Path) -> Action:
    """Its topic is open to the other account, and so is its inbox; every day it is reminded."""
    listening = Permissions(tasks={"function": ()})
    about = {"ABOUT": "${Topic_letters} ${SettingsJson}"}
    return Action(
        name="writer",
        title="Writes letters",
        handles=("EBS",),
        restorable=False,
        folder=_with_workflow(folder),
        settings=WriterSettings,
        permissions=Permissions(),
        topics={"letters": Topic(doc="Letters.", subscribers="reader")},
        inboxes={
            "answers": Inbox(
                doc="Answers.",
                function=_function("writer-answers", "hear", listening, about),
                senders="reader",
                attempts=2,
            )
        },
        scheduled=(_function("writer-reminder", "hear", listening, {"ABOUT": "daily"}, schedule="rate(1 day)"),),
    )


def reader(folder: Path, answers_url: str, answers_arn: str) -> Action:
    """Its inbox hears the topics of others."""
    may_answer = Permissions(tasks={"function": (Statement(("sqs:SendMessage",), on=answers_arn),)})
    about = {"ABOUT": "${QueueArn_letters} ${Queue_letters}", "ANSWERS": answers_url}
    return Action(
        name="reader",
        title="Reads letters",
        handles=("EBS",),
        restorable=False,
        folder=_with_workflow(folder),
        settings=ReaderSettings,
        permissions=Permissions(),
        inboxes={
            "letters": Inbox(
                doc="Letters.",
                function=_function("reader-letters", "answer", may_answer, about),
                topics="topics",
            )
        },
    )


def _function(
    name: str, code: str, permissions: Permissions, environment: Mapping[str, str], schedule: str = ""
) -> Function:
    return Function(
        name=name,
        title=name,
        code=f"tests.local.letters:{code}",
        permissions=permissions,
        environment=environment,
        schedule=schedule,
        timeout_seconds=10,
    )


def _with_workflow(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "workflow.asl.yaml").write_text(WORKFLOW)
    return folder
