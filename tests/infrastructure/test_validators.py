"""What others' validators say of the templates. Each accepted finding stands with its reason where it is accepted."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cloudformation_validate import CompositeEngine, ReportStatus, Severity
from tests.infrastructure.conftest import SETTINGS, Rendered
from tests.infrastructure.template import Template

from backup_actions.contract.placeholders import fill_text
from backup_actions.plugins import Installed
from backup_actions.settings import from_mapping
from backup_actions.settings.network import Network

BIN = Path(sys.executable).parent


def said_by(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(name="deployed", scope="module")
def _deployed(
    rendered: Rendered,
    separated: Rendered,
    isolated: Rendered,
    govcloud: Rendered,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The template with the substitutions in its workflows done, as CloudFormation does them before they are read.

    It is that of the source and, because linting takes its time for each resource, what only the other account has and
    only other kinds of network have.
    """
    resources: dict[str, Any] = {}
    for other in (isolated, govcloud):
        resources |= json.loads(json.dumps(network_of(other.template)))
    for template in (separated.template, rendered.template):
        resources |= json.loads(json.dumps(template.document["Resources"]))
        for resource in resources.values():
            if "DefinitionSubstitutions" in resource["Properties"]:
                properties = resource["Properties"]
                values = template.plain(properties.pop("DefinitionSubstitutions"))
                properties["DefinitionString"] = fill_text(properties["DefinitionString"], values.__getitem__)
    path = tmp_path_factory.mktemp("deployed") / "template.json"
    path.write_text(json.dumps({**rendered.template.document, "Resources": resources}), encoding="utf-8")
    return path


def network_of(template: Template) -> dict[str, Any]:
    """What of the template is network, in zones of the source's region."""
    network = {
        name: resource
        for name, resource in template.document["Resources"].items()
        if resource["Type"].startswith("AWS::EC2::")
    }
    found = json.loads(json.dumps(network).replace("us-gov-west-1b", "us-east-1a"))
    assert isinstance(found, dict)
    return found


def workflows(deployed: Path) -> Iterator[str]:
    for resource in json.loads(deployed.read_text(encoding="utf-8"))["Resources"].values():
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            yield resource["Properties"]["DefinitionString"]


_CFN_LINT_IS_WRONG_ABOUT = r"E3601 '\{%.*%\}' is not of type 'number' at 'States/\w+/TimeoutSeconds'"
"""With JSONata the timeout of a Task may be an expression.

https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_stepfunctions.Timeout.html (jsonata)
"""


def test_cfn_lint_finds_nothing(deployed: Path, repository: Path) -> None:
    done = said_by(BIN / "cfn-lint", deployed, cwd=repository)

    findings = [finding for finding in done.stdout.split("\n\n") if finding.strip()]
    wrong = [finding for finding in findings if re.match(_CFN_LINT_IS_WRONG_ABOUT, finding)]
    assert (findings, done.stderr) == (wrong, "")
    assert wrong, "no longer needed"


_ARNS_OF_OTHERS = {"W9002": "TopicArn", "W9013": "account ID"}
"""Rule → what it is about: topic and queue of another account come from the settings, there is nothing to refer to."""


def found_by_validate(template: Template, repository: Path) -> dict[str, str]:
    """What is worse than style, and not accepted: rule → message."""
    accepted = yaml.safe_load((repository / ".cfnlintrc.yaml").read_text(encoding="utf-8"))["ignore_checks"]
    report = CompositeEngine().validate_template(template.path)
    assert report.status == ReportStatus.OK
    worse_than_style = [each for each in report.diagnostics if each.severity not in {Severity.INFO, Severity.DEBUG}]
    return {each.rule_id: each.message for each in worse_than_style if each.rule_id not in accepted}


def test_cloudformation_validate_finds_nothing_but_what_cfn_lint_may_say_too(
    either: Rendered, repository: Path
) -> None:
    found = found_by_validate(either.template, repository)

    assert found.keys() == (_ARNS_OF_OTHERS.keys() if either.settings.imports else set())
    assert all(_ARNS_OF_OTHERS[rule] in message for rule, message in found.items())


def test_cloudformation_validate_finds_nothing_in_other_networks(
    isolated: Rendered, own: Rendered, repository: Path
) -> None:
    assert [found_by_validate(each.template, repository) for each in (isolated, own)] == [{}, {}]


_STATELINT_IS_WRONG_ABOUT = {
    r"BackoffRate is \d+ but should be a Float": "JSON knows one kind of number; it has to be 1 or more",
    r'Seconds is "\{%.*%\}" but should be an Integer': "with JSONata the seconds of a Wait may be an expression",
    r'Arguments is "\{%.*\\n.*%\}" but should be a JSONata': "an expression may have more than one line",
}
"""What it says → why that does not count. https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html"""


def test_statelint_finds_nothing_in_the_workflows_as_they_are_deployed(deployed: Path, tmp_path: Path) -> None:
    complaints = []
    for number, definition in enumerate(workflows(deployed)):
        path = tmp_path / f"{number}.json"
        path.write_text(definition, encoding="utf-8")
        _count, *lines = said_by(BIN / "statelint", path, cwd=tmp_path).stdout.splitlines() or [""]
        complaints += lines

    assert [each for each in complaints if not any(re.search(wrong, each) for wrong in _STATELINT_IS_WRONG_ABOUT)] == []
    for wrong in _STATELINT_IS_WRONG_ABOUT:
        assert any(re.search(wrong, each) for each in complaints), f"no longer needed: {wrong}"


def test_exactly_the_accepted_findings_of_the_aws_solutions_rules_are_found(
    separated: Rendered, found: Installed, tmp_path: Path
) -> None:
    from backup_actions_infrastructure.app import empty_application
    from backup_actions_infrastructure.findings import ACCEPTED
    from backup_actions_infrastructure.separated_stack import SeparatedStack
    from backup_actions_infrastructure.source_stack import SourceStack

    # Where an inbox uses the dead-letter queue one of the findings is not found. The network of neither is the one that
    # the command line renders below.
    without_inboxes = from_mapping({**SETTINGS, "network": {"kind": "isolated"}, "actions": {}}, found.actions)
    behind_nat = separated.settings.model_copy(update={"network": Network(kind="nat")})
    app = empty_application(tmp_path)
    SourceStack(app, "source", settings=without_inboxes, actions=found.actions)
    SeparatedStack(app, "separated", settings=behind_nat, actions=found.actions)
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()

    report = json.loads((tmp_path / "validation-report.json").read_text(encoding="utf-8"))
    violations = [each for plugin in report["pluginReports"] for each in plugin.get("violations", [])]
    expected = {(stack, each.rule, each.path) for stack in ("source", "separated") for each in ACCEPTED}
    assert {
        (stack, each["ruleName"], path)
        for each in violations
        for stack, path, *_ in (construct["constructPath"].split("/") for construct in each["violatingConstructs"])
    } == expected - {("separated", "AwsSolutions-SQS3", "DeadLetters")}


def test_the_command_line_renders_the_same_and_all_validations_pass(
    template: Template, repository: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "backup-actions.yaml"
    settings.write_text(yaml.safe_dump(dict(SETTINGS)), encoding="utf-8")
    context = json.dumps({"settings": str(settings)})

    done = said_by(
        sys.executable,
        "app.py",
        cwd=repository,
        CDK_CONTEXT_JSON=context,
        CDK_OUTDIR=str(tmp_path / "out"),
        CDK_VALIDATION="true",
    )

    assert done.returncode == 0, done.stderr
    rendered = Template.read(tmp_path / "out" / template.path.name)
    assert without_hashes(rendered) == without_hashes(template)


def without_hashes(template: Template) -> str:
    """The hashes of code and image change whenever somebody saves a file of theirs."""
    return re.sub(r"[0-9a-f]{64}", "<hash>", json.dumps(template.document))


def test_mistakes_in_the_settings_are_told_and_nothing_is_rendered(repository: Path, tmp_path: Path) -> None:
    settings = tmp_path / "backup-actions.yaml"
    settings.write_text(yaml.safe_dump({**SETTINGS, "zones": ["eu-west-1a"]}), encoding="utf-8")

    done = said_by(
        sys.executable,
        "app.py",
        cwd=repository,
        CDK_CONTEXT_JSON=json.dumps({"settings": str(settings)}),
        CDK_OUTDIR=str(tmp_path / "out"),
    )

    assert done.returncode == 1
    assert "eu-west-1a is no availability zone of us-east-1" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "out").glob("*.template.json"))
