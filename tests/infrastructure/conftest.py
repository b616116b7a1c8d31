"""One rendering of each kind of account for all tests: it takes seconds."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.infrastructure.template import ACCOUNT, REGION, SEPARATED_ACCOUNT, Template

from backup_actions.lifecycle import Deployed, deployed_machines
from backup_actions.plugins import Installed, installed
from backup_actions.settings import DeploymentSettings, from_mapping, load
from backup_actions_infrastructure.app import add_stack, empty_application

SETTINGS: Mapping[str, Any] = {
    "account": ACCOUNT,
    "region": REGION,
    "zones": ["us-east-1a", "us-east-1b"],
    "vaults": ["backups", "more-backups"],
    "tags": {"cost-center": "storage"},
    "deletion": {"policy": "delete", "backup_tag": {"key": "archive", "value": "yes"}},
    "backup_plans": {
        "vault": {"name": "backups"},
        "plans": [
            {
                "name": "daily",
                "schedule": "cron(0 3 ? * * *)",
                "keep_days": 35,
                "select": {"all_of": {"backup": "daily"}},
                "recovery_point_tags": {"archive": "yes"},
            }
        ],
    },
    "notifications": {"email": ["operators@example.com"]},
    "archive_bucket": {"lifecycle": {"glacier": 30, "deep_archive": 120, "expiration": 4000}},
    "athena": {"enabled": True},
    "proving": {"verify_every_days": 90, "restore_test": {"every_days": 30, "databases": True}},
    "actions": {"offsite-copy": {"enabled": True, "separated_account": SEPARATED_ACCOUNT}},
}
"""Everything that has a part in permissions is switched on."""


@dataclass(frozen=True)
class Rendered:
    """A template and what it was rendered from."""

    settings: DeploymentSettings
    machines: tuple[Deployed, ...]
    template: Template

    @property
    def plans(self) -> Template:
        """The template of its backup plans, which are a stack of their own."""
        name = f"{self.settings.name}-plans.template.json"
        return Template.read(self.template.path.with_name(name), self.settings.account)


Render = Callable[..., Rendered]


@pytest.fixture(name="found", scope="session")
def _found() -> Installed:
    found = installed()
    assert not found.broken
    return found


@pytest.fixture(name="render_settings", scope="session")
def _render_settings(found: Installed, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Rendered]:
    # The CDK's own validation takes twice the time of everything else; one test runs it, in a process of its own.
    os.environ["CDK_VALIDATION"] = "false"

    def render(settings: DeploymentSettings) -> Rendered:
        folder = tmp_path_factory.mktemp("assembly")
        app = empty_application(folder)
        add_stack(app, settings, found)
        app.synth()
        template = Template.read(folder / f"{settings.name}.template.json", settings.account)
        return Rendered(settings, deployed_machines(settings, found.actions), template)

    return render


@pytest.fixture(name="render", scope="session")
def _render(found: Installed, render_settings: Callable[..., Rendered]) -> Render:
    """Renders the settings with some sections replaced."""

    def render(**sections: Any) -> Rendered:
        return render_settings(from_mapping({**SETTINGS, **sections}, found.actions))

    return render


@pytest.fixture(name="rendered", scope="session")
def _rendered(render: Render) -> Rendered:
    return render()


@pytest.fixture(name="separated", scope="session")
def _separated(found: Installed, repository: Path, render_settings: Callable[..., Rendered]) -> Rendered:
    """The separated account of the example."""
    return render_settings(load(repository / "examples" / "offsite-separated.yaml", found.actions))


KEY = "arn:aws:kms:us-east-1:111122223333:key/12345678-1234-1234-1234-123456789012"
IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/backup/worker:1.2"


@pytest.fixture(name="own", scope="session")
def _own(render: Render) -> Rendered:
    """A customer's own bucket, key, image and network; a policy that keeps backups; a stack of another name."""
    return render(
        name="archives",
        zones=["us-east-1c"],
        deletion={"policy": "keep"},
        archive_bucket={"name": "our-archives", "key_arn": KEY},
        network={
            "kind": "existing",
            "vpc_id": "vpc-0123456789abcdef0",
            "subnet_ids": {"us-east-1c": "subnet-01234567"},
            "database_subnet_ids": {"us-east-1a": "subnet-11111111", "us-east-1c": "subnet-22222222"},
        },
        worker_image=IMAGE,
    )


@pytest.fixture(name="govcloud", scope="session")
def _govcloud(render: Render) -> Rendered:
    """Another partition, and hosts behind a NAT gateway."""
    without_exports = {"rds-export": {"enabled": False}}  # RDS has none there
    return render(region="us-gov-west-1", zones=["us-gov-west-1b"], network={"kind": "nat"}, actions=without_exports)


@pytest.fixture(name="isolated", scope="session")
def _isolated(render: Render) -> Rendered:
    """Hosts that reach AWS by endpoints, which stand in the first of two zones."""
    return render(network={"kind": "isolated"})


@pytest.fixture(name="either", scope="session", params=["rendered", "separated"], ids=["source", "separated"])
def _either(request: pytest.FixtureRequest) -> Rendered:
    """The one account and the other."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Rendered)
    return found


@pytest.fixture(name="template", scope="session")
def _template(rendered: Rendered) -> Template:
    return rendered.template


@pytest.fixture(name="repository", scope="session")
def _repository() -> Path:
    return Path(__file__).parents[2]


@pytest.fixture(name="rewrite_snapshots", scope="session")
def _rewrite_snapshots() -> bool:
    return os.environ.get("PERMISSIONS_SNAPSHOT") == "rewrite"
