"""The image of the Batch jobs: the one that the settings name, else built from containers/worker at deployment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import Aws
from aws_cdk import aws_ecr_assets as ecr_assets

if TYPE_CHECKING:
    from constructs import Construct

    from backup_actions.settings import DeploymentSettings

REPOSITORY_ROOT = Path(__file__).parents[2]

# The whole context, in the order that .dockerignore reads it: nothing, then what the Dockerfile copies.
_CONTEXT = (
    "**",
    "!containers/worker/Dockerfile",
    "!pyproject.toml",
    "!README.md",
    "!LICENSE",
    "!requirements/worker.txt",
    "!requirements/worker-build.txt",
    "!src/backup_actions",
    "!native/item_reader",
    "!native/tree_reader",
    "**/__pycache__",
)

_IN_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<name>[^:@]+)(?:[:@].*)?"
)


@dataclass(frozen=True, slots=True)
class WorkerImage:
    """An image, and the repository that hosts must be allowed to read, where it is one of ECR."""

    uri: str
    repository_arn: str | None


def worker_image(scope: Construct, settings: DeploymentSettings) -> WorkerImage:
    """Building needs Docker, but only when the stack is deployed."""
    if named := settings.worker_image:
        return WorkerImage(named, _repository_of(named))
    asset = ecr_assets.DockerImageAsset(
        scope,
        "WorkerImage",
        directory=str(REPOSITORY_ROOT),
        file="containers/worker/Dockerfile",
        exclude=list(_CONTEXT),
        # x86_64, because the image is built where the stack is deployed from, and most of those machines are that:
        # building for Graviton there needs an emulator, which costs more than Graviton saves on jobs of cents.
        platform=ecr_assets.Platform.LINUX_AMD64,
    )
    return WorkerImage(asset.image_uri, asset.repository.repository_arn)


def _repository_of(uri: str) -> str | None:
    """None for images of other registries: pulling those needs no right of AWS."""
    if not (found := _IN_ECR.fullmatch(uri)):
        return None
    return f"arn:{Aws.PARTITION}:ecr:{found['region']}:{found['account']}:repository/{found['name']}"
