"""What an action says about itself can be found, read quickly, and is the same wherever it is read."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from backup_actions.contract import Action
from backup_actions.contract.settings import doc_of
from backup_actions.errors import BackupActionsError
from backup_actions.plugins import GROUP, installed_action
from backup_actions.plugins.consistency import complaints_about
from backup_actions.settings import example, json_schema, load

HEAVY = ("aws_cdk", "boto3", "botocore", "click", "duckdb", "psycopg", "pyarrow", "pydantic", "pymysql", "zstandard")
"""What reading a description never needs: it is read for every help text, by every job, at every synthesis."""


def complaints_about_description(action: Action) -> Iterator[str]:
    """In what the action contradicts itself, and whether it is the one that its package announces."""
    yield from complaints_about(action)
    if not entry_points(group=GROUP, name=action.name):
        yield (
            f'no installed package announces {action.name}: write [project.entry-points."{GROUP}"] with a line '
            f'{action.name} = "package:ACTION" into pyproject.toml, and install the package'
        )
        return
    try:
        found = installed_action(action.name)
    except BackupActionsError as refusal:
        yield f"{refusal}"
        return
    if found is not action:
        yield f"the action that is announced as {action.name} is another one than this test's"


def complaints_about_weight(action: Action) -> Iterator[str]:
    """What a fresh interpreter imports when it reads the description, and should not."""
    for entry in entry_points(group=GROUP, name=action.name):
        program = f"import sys, {entry.module}\nprint(*sorted(set(sys.modules) & {set(HEAVY)!r}))"
        path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, "-c", program], env=path, capture_output=True, text=True, check=False)
        if done.returncode:
            yield f"importing {entry.module} fails: {done.stderr.strip().splitlines()[-1]}"
        elif imported := done.stdout.split():
            yield (
                f"importing {entry.module} imports {', '.join(imported)}; import them in the modules of tasks and "
                "jobs, which the description names as text, or inside of the functions that use them"
            )


def complaints_about_settings(action: Action) -> Iterator[str]:
    """In what schema, example file, defaults and the form that the workflow gets differ."""
    own = action.settings()
    try:
        again = action.settings(**own.to_json())
    except (BackupActionsError, TypeError) as refusal:
        yield f"what the workflow receives, to_json(), does not make settings again: {refusal}"
        return
    if dict(again.to_json()) != dict(own.to_json()):
        yield "what the workflow receives, to_json(), makes other settings than those that it was made of"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "backup-actions.yaml"
        path.write_text(example([action]), encoding="utf-8")
        try:
            loaded = load(path, [action])
        except BackupActionsError as refusal:
            yield f"the example file is refused: {refusal}"
            return
    if loaded.settings_of(action) != own:
        yield "the example file does not stand for the defaults"
    yield from _complaints_about_schema(action)


def _complaints_about_schema(action: Action) -> Iterator[str]:
    schema = json_schema([action])
    section = _section(schema, _section(schema, schema)["actions"])[action.name]
    described: Mapping[str, Any] = _section(schema, section)
    for field in dataclasses.fields(action.settings):
        doc = doc_of(field)
        if field.name not in described:
            yield f"setting {field.name}: the schema of the settings file does not have it"
        elif described[field.name].get("description") != doc:
            yield f"setting {field.name}: the schema says {described[field.name].get('description')!r} of it"
        if not doc.endswith((".", "…")):
            yield f"setting {field.name}: its documentation is no sentence that ends in a full stop: {doc!r}"


def _section(schema: Mapping[str, Any], setting: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings below one, wherever the schema has them."""
    if "properties" in setting:
        properties: Mapping[str, Any] = setting["properties"]
        return properties
    name = next(
        part["$ref"] for part in (setting, *setting.get("anyOf", ()), *setting.get("allOf", ())) if "$ref" in part
    )
    return _section(schema, schema["$defs"][name.removeprefix("#/$defs/")])
