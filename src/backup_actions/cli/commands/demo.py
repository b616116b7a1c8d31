"""``demo``: found in the package of the embedded AWS, which nothing here imports."""

from __future__ import annotations

from backup_actions.cli.elsewhere import Elsewhere
from backup_actions.errors import EmbeddedAwsMissing

demo = Elsewhere(
    "demo",
    group="backup_actions.embedded_aws",
    missing=EmbeddedAwsMissing,
    doc="Show the life of a backup without an AWS account.",
)
