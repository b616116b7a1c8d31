"""``new-action``: found in the test suite for actions, which nothing here imports."""

from __future__ import annotations

from backup_actions.cli.elsewhere import Elsewhere
from backup_actions.errors import SuiteMissing

new_action = Elsewhere(
    "new-action",
    group="backup_actions.testing",
    missing=SuiteMissing,
    doc="Write the package of an action of your own.",
)
