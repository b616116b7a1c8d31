"""``backup-actions new-action``: the package of an action of one's own, whose tests pass as it is written."""

from __future__ import annotations

import importlib.util
import keyword
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path

import click

from backup_actions.cli.command import command
from backup_actions.cli.output import Output
from backup_actions.errors import NewActionRefused
from backup_actions.plugins import GROUP

TEMPLATE = Path(__file__).parent / "template"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SAMPLE_FILE = Path("src/their_action/sample.py")
_PLACE = "us-east-1:111122223333"

RESOURCES: Mapping[str, str] = {
    "Aurora": f"arn:aws:rds:{_PLACE}:cluster:sample",
    "CloudFormation": f"arn:aws:cloudformation:{_PLACE}:stack/sample/1b2c3d4e-5f60-4718-929a-abbccddeeff1",
    "DocumentDB": f"arn:aws:rds:{_PLACE}:cluster:sample",
    "DynamoDB": f"arn:aws:dynamodb:{_PLACE}:table/sample",
    "EBS": f"arn:aws:ec2:{_PLACE}:volume/vol-0123456789abcdef0",
    "EC2": f"arn:aws:ec2:{_PLACE}:instance/i-0123456789abcdef0",
    "EFS": f"arn:aws:elasticfilesystem:{_PLACE}:file-system/fs-0123456789abcdef0",
    "EKS": f"arn:aws:eks:{_PLACE}:cluster/sample",
    "FSx": f"arn:aws:fsx:{_PLACE}:file-system/fs-0123456789abcdef0",
    "Neptune": f"arn:aws:rds:{_PLACE}:cluster:sample",
    "RDS": f"arn:aws:rds:{_PLACE}:db:sample",
    "Redshift": f"arn:aws:redshift:{_PLACE}:cluster:sample",
    "Redshift Serverless": f"arn:aws:redshift-serverless:{_PLACE}:namespace/1b2c3d4e-5f60-4718-929a-abbccddeeff2",
    "S3": "arn:aws:s3:::sample",
    "SAP HANA on Amazon EC2": f"arn:aws:ssm-sap:{_PLACE}:HANA/sample",
    "Storage Gateway": f"arn:aws:storagegateway:{_PLACE}:gateway/sgw-12345678/volume/vol-12345678",
    "Timestream": f"arn:aws:timestream:{_PLACE}:database/sample/table/sample",
    "VirtualMachine": f"arn:aws:backup-gateway:{_PLACE}:vm/vm-12345678",
}
"""AWS Backup's resource types, each with the ARN of a resource.

https://docs.aws.amazon.com/aws-backup/latest/devguide/API_GetSupportedResourceTypes.html
"""


@command(
    "new-action",
    examples=(
        "backup-actions new-action efs-notes --handles EFS",
        "backup-actions new-action archive-vms --handles VirtualMachine --directory ~/work",
    ),
    fails_with=(NewActionRefused,),
)
@click.argument("name")
@click.option(
    "--handles",
    required=True,
    metavar="TYPE",
    type=click.Choice(list(RESOURCES), case_sensitive=False),
    help=f"AWS Backup's type of the resources whose backups it is for: {', '.join(RESOURCES)}.",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="the current one",
    help="Write the package's folder, called NAME, into this one.",
)
def new_action(output: Output, name: str, handles: str, directory: Path) -> None:
    """Write the package of an action called NAME.

    It has a description, settings, a workflow with a task and a job, permissions, tests and a README, and works as it
    is written: its tests pass, the demo runs it. Make of it what you need.
    """
    folder = write_package(name, handles, directory)
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    if output.as_json:
        output.answer({"action": name, "handles": handles, "folder": str(folder), "files": files})
        return
    output.data(f"{folder} holds the action {name} for {handles}:")
    for file in files:
        output.data(f"  {file}")
    output.talk(
        f"Next: cd {folder} && pip install --editable '.[testing]' && pytest && backup-actions demo --action {name}"
    )


def write_package(name: str, handles: str, directory: Path) -> Path:
    """The package's folder, written. Raises NewActionRefused, before anything is written."""
    package = name.replace("-", "_")
    folder = directory.expanduser() / name
    if objection := _objection(name, package, folder):
        raise NewActionRefused(name=name, reason=objection)
    for source in _files(handles):
        target = folder / str(source.relative_to(TEMPLATE)).replace("their_action", package)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_written(source, name, handles), encoding="utf-8")
    return folder


def _objection(name: str, package: str, folder: Path) -> str | None:
    if not _NAME.fullmatch(name):
        return "a name is lower-case words and numbers joined by single hyphens"
    if keyword.iskeyword(package):
        return f"its package would be called {package}, which is a word of Python"
    if any(entry.name == name for entry in entry_points(group=GROUP)):
        return "an installed action has this name"
    if importlib.util.find_spec(package) is not None:
        return f"its package would be called {package}, and there is a module of this name"
    if folder.exists():
        return f"{folder} exists"
    return None


def _files(handles: str) -> Iterator[Path]:
    """Those of the template; of what the embedded AWS backs up itself no sample has to be written.

    What linters and Python keep beside the files is none of it.
    """
    left_out = TEMPLATE / _SAMPLE_FILE if _is_usual(handles) else None
    for path in sorted(TEMPLATE.rglob("*")):
        tools = any(part.startswith((".", "__pycache__")) for part in path.relative_to(TEMPLATE).parts)
        if path.is_file() and path != left_out and not tools:
            yield path


def _is_usual(handles: str) -> bool:
    from backup_actions_local.samples import USUAL  # and with it the whole embedded AWS

    return handles in USUAL


def _written(source: Path, name: str, handles: str) -> str:
    """The file's text for this action."""
    text = source.read_text(encoding="utf-8")
    if source.name == "pyproject.toml" and _is_usual(handles):
        announced = re.search(r"# By this `backup-actions demo.*?\n\n", text, re.DOTALL)
        text = text.replace(announced[0], "") if announced else text
    replaced = {
        RESOURCES["EFS"]: RESOURCES[handles],
        "EFS": handles,
        "TheirAction": "".join(word.capitalize() for word in name.split("-")),
        "their_action": name.replace("-", "_"),
        "their-action": name,
    }
    for old, new in replaced.items():
        text = text.replace(old, new)
    return text
