"""Schema and example say what loading accepts."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from backup_actions.contract import Action, Permissions, Settings, setting
from backup_actions.contract.settings import doc_of
from backup_actions.errors import SettingsInvalid
from backup_actions.settings import example, from_mapping, json_schema, load


@dataclass(frozen=True, kw_only=True)
class WorkSettings(Settings):
    """Settings of every kind."""

    iops: int = setting(f"How fast the volume is, {'in a sentence that is ' * 6}wrapped.", default=3000, at_least=1)
    rate: int | None = setting("A rate.", default=None, at_least=100, at_most=300)
    codec: str | None = setting("Which.", default=None, one_of=("zstd", "gzip"))
    ratio: float = setting("How much.", default=0.5)
    hosts: tuple[str, ...] = setting("Where: here # or there.", default=("a", "no"))
    note: str = setting("What to say.", default="yes: #1")
    check: bool = setting("Whether.", default=True)


ACTION = Action(
    name="disk-work",
    title="Work on a disk",
    folder=Path(),
    permissions=Permissions(),
    settings=WorkSettings,
    handles=("EBS", "EC2"),
    restorable=True,
)
REQUIRED = {
    "account": "111122223333",
    "region": "us-east-1",
    "zones": ["us-east-1a", "us-east-1b"],
    "vaults": ["backups"],
}


@pytest.mark.parametrize("actions", [[], [ACTION]], ids=["no action", "an action"])
def test_loading_the_example_gives_the_defaults(actions: list[Action], tmp_path: Path) -> None:
    path = tmp_path / "backup-actions.yaml"
    path.write_text(example(actions))

    assert load(path, actions) == from_mapping(REQUIRED, actions)


def test_the_example_holds_every_setting_of_the_schema() -> None:
    written = yaml.safe_load(example([ACTION]))

    for path, _ in _settings(json_schema([ACTION])):
        section = written
        for key in path.split("."):
            if section is None:  # an optional section: its settings stand in the comment
                break
            assert key in section, path
            section = section[key]


def test_the_example_fits_a_screen() -> None:
    assert max(map(len, example([ACTION]).splitlines())) <= 110


def test_the_schema_documents_every_setting() -> None:
    schema = json_schema([ACTION])

    for path, setting_schema in _settings(schema):
        reference = setting_schema.get("$ref", "").removeprefix("#/$defs/")
        description = setting_schema.get("description") or schema["$defs"][reference]["description"]
        assert description[0].isalpha(), path
        assert description.endswith("."), path


def test_an_actions_settings_are_in_the_schema_with_their_sentences() -> None:
    described = {path: schema.get("description") for path, schema in _settings(json_schema([ACTION]))}

    for field in dataclasses.fields(WorkSettings):
        assert described[f"actions.disk-work.{field.name}"] == doc_of(field)


def test_the_schema_is_a_valid_one_that_accepts_the_example() -> None:
    schema = json_schema([ACTION])

    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(yaml.safe_load(example([ACTION])))


@pytest.mark.parametrize(
    "data",
    [
        {"account": 111122223333},
        {"account": "12"},
        {"zones": []},
        {"nonsense": 1},
        {"deletion": {"after_unrestorable": "false"}},
        {"log_retention_days": 4},
        {"archive_bucket": {"noncurrent_days": 0}},
        {"actions": {"disk-work": {"iops": 0}}},
        {"actions": {"disk-work": {"rate": 301}}},
        {"actions": {"disk-work": {"codec": "xz"}}},
        {"actions": {"disk-work": {"hosts": "a"}}},
    ],
)
def test_schema_and_loading_refuse_the_same(data: Mapping[str, Any]) -> None:
    settings = {**REQUIRED, **data}

    assert not Draft202012Validator(json_schema([ACTION])).is_valid(settings)
    with pytest.raises(SettingsInvalid):
        from_mapping(settings, [ACTION])


@pytest.mark.parametrize("data", [{"rate": None}, {"rate": 100}, {"codec": None}, {"codec": "gzip"}, {"ratio": 1}])
def test_schema_and_loading_accept_the_same(data: Mapping[str, Any]) -> None:
    settings = {**REQUIRED, "actions": {"disk-work": data}}

    Draft202012Validator(json_schema([ACTION])).validate(settings)
    from_mapping(settings, [ACTION])


def test_reading_settings_imports_nothing_heavier_than_pydantic() -> None:
    program = """
import sys
from backup_actions.settings import example
example([])
heavy = {"boto3", "botocore", "aws_cdk", "pyarrow", "zstandard", "rich", "click"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.stderr == ""


def _settings(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every setting of the schema with its path, those of optional sections too."""

    def below(section: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, described in section.get("properties", {}).items():
            yield f"{path}{name}", described
            for part in (described, *described.get("anyOf", ())):
                if "$ref" in part:
                    yield from below(schema["$defs"][part["$ref"].removeprefix("#/$defs/")], f"{path}{name}.")

    return below(schema, "")
