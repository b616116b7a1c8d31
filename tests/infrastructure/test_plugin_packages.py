"""Somebody's action is deployed with the rest: machine, roles, function, job, and its package wherever they run."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.infrastructure.conftest import SETTINGS
from tests.infrastructure.template import Template
from tests.testing.conftest import install

from backup_actions.errors import ActionUndeployable
from backup_actions.estate.description import VARIABLE
from backup_actions.plugins import GROUP, Installed, installed_action
from backup_actions.settings import from_mapping
from backup_actions_infrastructure.app import add_stack, empty_application
from backup_actions_infrastructure.plugin_packages import plugin_packages, refuse_missing_imports
from backup_actions_testing.new_action import write_package

if TYPE_CHECKING:
    from backup_actions.contract import Action

OWN_IMAGE = "${Account}.dkr.ecr.${Region}.amazonaws.com/their/worker:7"
NAME = "infra-notes"


@pytest.fixture(name="action", scope="module")
def _action(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Action]:
    """The action of a package that is installed beside ours."""
    folder = write_package(NAME, "EFS", tmp_path_factory.mktemp("theirs"))
    project = folder / "pyproject.toml"
    project.write_text(
        project.read_text().replace('["aws-backup-actions"]', '["AWS_Backup_Actions", "their-format>=2"]')
    )
    site = folder.parent / "site"
    install(folder, site)
    sys.path.insert(0, str(site))
    yield installed_action(NAME)
    sys.path.remove(str(site))


@pytest.fixture(name="assembly", scope="module")
def _assembly(action: Action, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cloud assembly of a deployment that has only this action; its job has an image of its own."""
    job = action.jobs["keep"]
    own = dataclasses.replace(action, jobs={"keep": dataclasses.replace(job, image=OWN_IMAGE)})
    os.environ["CDK_VALIDATION"] = "false"
    folder = tmp_path_factory.mktemp("assembly")
    settings = from_mapping({**SETTINGS, "actions": {NAME: {"note": "ours"}}}, [own])
    app = empty_application(folder)
    add_stack(app, settings, Installed((own,)))
    app.synth()
    return folder


@pytest.fixture(name="template", scope="module")
def _template(assembly: Path) -> Template:
    return Template.read(assembly / "backup-actions.template.json", SETTINGS["account"])


def _of(template: Template, kind: str) -> list[dict[str, Any]]:
    resources = template.document["Resources"].values()
    return [each["Properties"] for each in resources if each["Type"] == kind]


def test_it_has_its_machine_its_function_and_its_job(template: Template) -> None:
    machines = {str(each.get("StateMachineName")) for each in _of(template, "AWS::StepFunctions::StateMachine")}
    functions = {str(each.get("FunctionName")) for each in _of(template, "AWS::Lambda::Function")}
    jobs = {str(each["JobDefinitionName"]) for each in _of(template, "AWS::Batch::JobDefinition")}

    assert f"backup-actions-{NAME}" in machines
    assert any(NAME in name for name in functions)
    assert {name for name in jobs if NAME in name} == {f"backup-actions-{NAME}-keep"}


def test_each_of_its_steps_has_a_role_of_its_own(template: Template) -> None:
    names = {user for user in template.roles() if f"backup-actions-{NAME}" in user}

    assert names == {
        f"machine backup-actions-{NAME}",
        f"function backup-actions-{NAME}-check",
        f"job backup-actions-{NAME}-keep",
        f"start of job backup-actions-{NAME}-keep",
    }


def test_its_machine_has_the_settings_of_the_file(template: Template) -> None:
    definition = template.definitions()[f"backup-actions-{NAME}"]

    assert definition["States"]["Begin"]["Assign"]["settings"]["note"] == "ours"


def test_it_has_its_alarms_and_its_row_of_the_dashboard(template: Template) -> None:
    alarms = {each["AlarmName"] for each in template.of_type("AWS::CloudWatch::Alarm").values()}
    (dashboard,) = template.of_type("AWS::CloudWatch::Dashboard").values()
    titles = [each["properties"].get("title", "") for each in json.loads(dashboard["DashboardBody"])["widgets"]]

    assert {f"backup-actions-{NAME}-failing", f"backup-actions-{NAME}-cut-short"} <= alarms
    assert [title for title in titles if title.startswith(f"{NAME}: ")]


def test_what_measures_and_sweeps_the_deployment_knows_it(template: Template) -> None:
    texts = {
        function["FunctionName"]: function["Environment"]["Variables"].get(VARIABLE, "")
        for function in template.of_type("AWS::Lambda::Function").values()
        if "Environment" in function
    }

    for name in ("measure", "sweep"):
        assert f"backup-actions-{NAME}" in texts[f"backup-actions-{name}"]


def test_its_job_has_the_image_that_it_names_and_may_pull_it(template: Template) -> None:
    (definition,) = (each for each in _of(template, "AWS::Batch::JobDefinition") if NAME in each["JobDefinitionName"])

    assert "/their/worker:7" in json.dumps(definition["ContainerProperties"]["Image"])
    assert "repository/their/worker" in json.dumps(template.document["Resources"])


def test_its_package_is_in_the_code_of_functions(assembly: Path) -> None:
    codes = [path for path in assembly.glob("asset.*") if (path / "backup_actions" / "runtime").is_dir()]

    assert codes
    assert all((path / "infra_notes" / "tasks.py").is_file() for path in codes)


def test_its_package_is_in_the_image_and_found_there(assembly: Path) -> None:
    (image,) = [path for path in assembly.glob("asset.*") if (path / "containers").is_dir()]
    plugins = image / "containers" / "worker" / "plugins"
    program = (
        "from backup_actions.plugins import installed_action as find; print(find('infra-notes').jobs['keep'].code)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(plugins)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "infra_notes.job:keep\n", done.stderr
    assert {"src", "pyproject.toml"} <= {path.name for path in image.iterdir()}


def test_what_its_package_requires_is_in_the_image_and_nothing_of_its_extras(assembly: Path) -> None:
    (requirements,) = assembly.glob("asset.*/containers/worker/plugins/requirements.txt")

    assert requirements.read_text() == "their-format>=2\n"


def test_a_function_that_would_not_find_what_it_imports_is_refused(action: Action) -> None:
    packages = plugin_packages([action])
    (action.folder / "pictures.py").write_text("import their_format.pictures\n")
    drawing = dataclasses.replace(action.tasks["check"], code="infra_notes.pictures:draw")

    refuse_missing_imports([action], packages)
    with pytest.raises(ActionUndeployable) as refused:
        refuse_missing_imports([dataclasses.replace(action, tasks={"check": drawing})], packages)
    assert str(refused.value) == (
        "BA0110: action 'infra-notes' cannot be deployed: task check: infra_notes.pictures imports "
        "their_format.pictures, which is not in the code of functions"
    )
    assert "Job(image=…)" in refused.value.hint


def test_our_own_actions_are_nobodys_plug_in() -> None:
    own = [installed_action(entry.name) for entry in entry_points(group=GROUP) if entry.name == "ebs-archive"]

    assert plugin_packages(own) == ()


def test_a_package_is_taken_with_all_its_modules(action: Action) -> None:
    (package,) = plugin_packages([action, action])

    assert package.distribution.name == NAME
    assert package.modules == ("infra_notes",)
