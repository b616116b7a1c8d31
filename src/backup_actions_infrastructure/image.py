"""The image of the Batch jobs: the one that the settings name, else built from containers/worker at deployment."""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import Aws
from aws_cdk import aws_ecr_assets as ecr_assets

from backup_actions_infrastructure.code import copy_module

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from constructs import Construct

    from backup_actions.settings import DeploymentSettings
    from backup_actions_infrastructure.plugin_packages import PluginPackage

REPOSITORY_ROOT = Path(__file__).parents[2]

# The whole context, in the order that .dockerignore reads it: nothing, then what the Dockerfile copies.
_CONTEXT = (
    "**",
    "!containers/worker/Dockerfile",
    "!containers/worker/plugins",
    "!pyproject.toml",
    "!README.md",
    "!LICENSE",
    "!requirements/worker.txt",
    "!requirements/worker-build.txt",
    "!src/backup_actions",
    "!native/item_reader",
    "!native/row_reader",
    "!native/tree_reader",
    "**/__pycache__",
)

_PLUGINS = "containers/worker/plugins"

_FILLED_IN = r"\$\{Token\[[^]]+\]\}"  # what the CDK writes for what CloudFormation fills in: this account, this region
_IN_ECR = re.compile(
    rf"(?P<account>\d{{12}}|{_FILLED_IN})\.dkr\.ecr\.(?P<region>[a-z0-9-]+|{_FILLED_IN})\.amazonaws\.com(?:\.cn)?"
    r"/(?P<name>[^:@]+)(?:[:@].*)?"
)


@dataclass(frozen=True, slots=True)
class WorkerImage:
    """An image, and the repository that hosts must be allowed to read, where it is one of ECR."""

    uri: str
    repository_arn: str | None


def worker_image(scope: Construct, settings: DeploymentSettings, plugins: Sequence[PluginPackage] = ()) -> WorkerImage:
    """The image has these packages beside ours. Building needs Docker, but only when the stack is deployed."""
    if named := settings.worker_image:
        return named_image(named)
    with _context(plugins) as folder:
        asset = ecr_assets.DockerImageAsset(
            scope,
            "WorkerImage",
            directory=str(folder),
            file="containers/worker/Dockerfile",
            exclude=list(_CONTEXT),
            # x86_64, because the image is built where the stack is deployed from, and most of those machines are that:
            # building for Graviton there needs an emulator, which costs more than Graviton saves on jobs of cents.
            platform=ecr_assets.Platform.LINUX_AMD64,
        )
    return WorkerImage(asset.image_uri, asset.repository.repository_arn)


def named_image(uri: str) -> WorkerImage:
    """An image that stands in a registry."""
    return WorkerImage(uri, _repository_of(uri))


@contextmanager
def _context(plugins: Sequence[PluginPackage]) -> Iterator[Path]:
    """What the image is built from: the repository, or a copy of what is used of it, with the plug-ins."""
    if not plugins:
        yield REPOSITORY_ROOT
        return
    with tempfile.TemporaryDirectory(prefix="backup-actions-image-") as name:
        folder = Path(name)
        for used in (pattern.removeprefix("!") for pattern in _CONTEXT if pattern.startswith("!")):
            source, target = REPOSITORY_ROOT / used, folder / used
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
        required = sorted({requirement for plugin in plugins for requirement in plugin.requirements})
        (folder / _PLUGINS / "requirements.txt").write_text("".join(f"{each}\n" for each in required), encoding="utf-8")
        for plugin in plugins:
            plugin.announce_in(folder / _PLUGINS)
            for module in plugin.modules:
                copy_module(module, folder / _PLUGINS)
        yield folder


def _repository_of(uri: str) -> str | None:
    """None for images of other registries: pulling those needs no right of AWS."""
    if not (found := _IN_ECR.fullmatch(uri)):
        return None
    return f"arn:{Aws.PARTITION}:ecr:{found['region']}:{found['account']}:repository/{found['name']}"
