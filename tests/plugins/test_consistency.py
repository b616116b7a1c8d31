"""An action that contradicts itself is told where."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from backup_actions.contract import Action, Function, Inbox, Key, Permissions, Settings, Statement, Topic, setting
from backup_actions.plugins import installed
from backup_actions.plugins.consistency import complaints_about, complaints_about_settings

if TYPE_CHECKING:
    from tests.plugins.conftest import MakePackage


@pytest.fixture(name="action")
def _action(make_package: MakePackage) -> Action:
    return installed([make_package("disk_work")]).actions[0]


def _with_workflow(action: Action, old: str, new: str) -> list[str]:
    path = action.folder / "workflow.asl.yaml"
    path.write_text(path.read_text().replace(old, new))
    return complaints_about(action)


def _with_statement(action: Action, **changes: Any) -> list[str]:
    statement = dataclasses.replace(action.permissions.workflow[0], **changes)
    return complaints_about(
        dataclasses.replace(action, permissions=dataclasses.replace(action.permissions, workflow=(statement,)))
    )


def _with_code(action: Action, code: str) -> list[str]:
    task = dataclasses.replace(action.tasks["work"], code=code)
    return complaints_about(dataclasses.replace(action, tasks={"work": task}))


def test_a_sound_action_has_no_complaints(action: Action) -> None:
    assert complaints_about(action) == []


def test_an_unknown_placeholder_in_the_workflow_is_told_with_the_nearest(action: Action) -> None:
    assert _with_workflow(action, "${Settings}", "${Setings}") == [
        "workflow.asl.yaml uses the placeholder Setings, which does not exist (did you mean Settings?)"
    ]


def test_a_task_that_the_workflow_never_calls_is_told(action: Action) -> None:
    assert _with_workflow(action, "${Function_work}", "${Name}") == ["workflow.asl.yaml never uses ${Function_work}"]


@pytest.mark.parametrize("text", ["[1, 2]", "StartAt: A", "States: {A: 3}", "States: 3", ""])
def test_a_workflow_that_is_no_machine_is_told(action: Action, text: str) -> None:
    (action.folder / "workflow.asl.yaml").write_text(text)

    (complaint,) = complaints_about(action)

    assert "is not a state machine" in complaint


def test_a_workflow_that_is_no_yaml_is_told(action: Action) -> None:
    (action.folder / "workflow.asl.yaml").write_text("a: [")

    (complaint,) = complaints_about(action)

    assert complaint.startswith("cannot read ")
    assert "\n" not in complaint


def test_a_missing_workflow_is_told(action: Action) -> None:
    (action.folder / "workflow.asl.yaml").unlink()

    (complaint,) = complaints_about(action)

    assert "No such file" in complaint


@pytest.mark.parametrize(
    "changes",
    [
        {"on": "arn:${Partitoin}:lambda"},
        {"when": {"StringEquals": {"aws:ResourceTag/${Partitoin}": "yes"}}},
        {"when": {"StringEquals": {"aws:ResourceTag/x": ("yes", "${Partitoin}")}}},
    ],
)
def test_an_unknown_placeholder_in_the_permissions_is_told(action: Action, changes: Mapping[str, Any]) -> None:
    assert _with_statement(action, **changes) == [
        "permissions of workflow use the placeholder Partitoin, which does not exist (did you mean Partition?)"
    ]


def test_vault_arns_stand_for_whole_resources_only(action: Action) -> None:
    assert _with_statement(action, on="${VaultArns}") == []
    assert _with_statement(action, on="${VaultArns}/x") != []


def test_permissions_for_a_state_that_does_not_exist_are_told(action: Action) -> None:
    assert _with_statement(action, for_=("Wrok",)) == [
        "permissions of workflow are for the state Wrok, which does not exist (did you mean Work?)"
    ]


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("disk_work.tasks", "'disk_work.tasks' is not of the form module:function"),
        ("disk_work.tsks:work", "there is no module disk_work.tsks"),
        ("nowhere.tasks:work", "there is no module nowhere.tasks"),
        ("disk_work.tasks:wrok", "module disk_work.tasks has no wrok"),
    ],
)
def test_code_that_does_not_exist_is_told(action: Action, code: str, complaint: str) -> None:
    found = _with_code(action, code)

    assert len(found) == 1
    assert complaint in found[0] or "No module named 'nowhere'" in found[0]


def test_code_that_cannot_be_parsed_is_told(action: Action) -> None:
    (action.folder / "tasks.py").write_text("def work(")

    (complaint,) = complaints_about(action)

    assert complaint.startswith("task work: module disk_work.tasks cannot be read: SyntaxError")


@pytest.mark.parametrize(
    "source", ["work = print", "work: object = print", "from os import getcwd as work", "async def work(): pass"]
)
def test_code_may_be_bound_in_any_way_at_the_top_level(action: Action, source: str) -> None:
    (action.folder / "tasks.py").write_text(source)

    assert complaints_about(action) == []


def test_an_action_that_handles_nothing_is_told(action: Action) -> None:
    assert complaints_about(dataclasses.replace(action, handles=())) == ["it handles no resource type"]


def test_a_setting_with_a_reserved_name_is_told() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Reserved(Settings):
        enabled: bool = setting("Whether.", default=True)

    assert complaints_about_settings(Reserved) == ["setting enabled: the name is reserved for every action's section"]


def test_a_setting_of_a_structured_type_is_told() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Structured(Settings):
        inner: bytes | None = setting("Things.", default=None)
        either: int | str = setting("One or the other.", default=1)

    assert [complaint.partition(":")[0] for complaint in complaints_about_settings(Structured)] == [
        "setting inner",
        "setting either",
    ]


def test_a_field_that_is_not_declared_as_setting_is_told() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Undeclared(Settings):
        speed: int = 3

    assert complaints_about_settings(Undeclared) == ["setting speed: declare it with setting(doc, default=…)"]


def test_a_default_outside_its_own_limits_is_told() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Contradiction(Settings):
        speed: int = setting("How fast.", default=3, at_least=5)

    (complaint,) = complaints_about_settings(Contradiction)

    assert "it must be at least 5" in complaint


def _listening(**about: Any) -> Inbox:
    """An inbox with a function that may do what the statement says."""
    statements = (Statement(("sqs:SendMessage",), on=about.pop("on", "${DeadLetterQueueArn}")),)
    function = Function(
        name="listen", title="Listens", code="json:loads", permissions=Permissions(tasks={"function": statements})
    )
    return Inbox(doc="Hears.", function=function, **about)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"keys": {"own": Key(doc="Locks.", readers="reader")}}, "key own names the setting reader"),
        ({"topics": {"news": Topic(doc="Tells.", subscribers="hearer")}}, "topic news names the setting hearer"),
        ({"inboxes": {"mail": _listening(senders="friend")}}, "inbox mail names the setting friend"),
        ({"inboxes": {"mail": _listening(topics="papers")}}, "inbox mail names the setting papers"),
        ({"inboxes": {"mail": _listening(wakes=("Sleep",))}}, "inbox mail wakes the state Sleep"),
        (
            {"inboxes": {"mail": _listening(on="${Setting_place}")}},
            "permissions of the function listen use the placeholder Setting_place",
        ),
    ],
)
def test_what_is_exchanged_names_settings_and_states_that_exist(
    action: Action, changes: Mapping[str, Any], complaint: str
) -> None:
    found = complaints_about(dataclasses.replace(action, **changes))

    assert [each.partition(", which")[0] for each in found] == [complaint]


def test_settings_of_another_kind_are_told(action: Action) -> None:
    (complaint,) = complaints_about(dataclasses.replace(action, settings=Path))  # type: ignore[arg-type]

    assert "not a subclass of Settings" in complaint


def test_permissions_need_no_workflow_statements(action: Action) -> None:
    bare = dataclasses.replace(action, permissions=Permissions(tasks={"work": (Statement(("s3:GetObject",), on="x"),)}))

    assert complaints_about(bare) == []
