"""The code of functions: copied to a folder of its own, so that nothing but what runs is uploaded."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import aws_lambda as lambda_

from backup_actions.plugins.function_imports import NOT_FOR_FUNCTIONS, OUR_PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backup_actions_infrastructure.plugin_packages import PluginPackage


@contextmanager
def function_code(codes: Iterable[str], plugins: Iterable[PluginPackage] = ()) -> Iterator[lambda_.AssetCode]:
    """Our package, those of plug-ins and those that hold these ``module:function`` texts, side by side, as one asset.

    Nothing is built: functions use the standard library and the boto3 of their runtime. The CDK takes its own copy when
    the first function is made of it; all of them have to be made inside the ``with``.
    """
    packages = {OUR_PACKAGE, *(code.partition(".")[0].partition(":")[0] for code in codes)}
    packages.update(module for plugin in plugins for module in plugin.modules)
    with tempfile.TemporaryDirectory(prefix="backup-actions-code-") as folder:
        for package in sorted(packages):
            copy_module(package, Path(folder))
        yield lambda_.Code.from_asset(folder)


def copy_module(package: str, target: Path) -> None:
    """The package, or the module, lies in that folder as in a folder of the path."""
    spec = importlib.util.find_spec(package)
    assert spec is not None  # noqa: S101 - discovery has found the code's module already
    if not spec.submodule_search_locations:
        shutil.copy(str(spec.origin), target)
        return
    own_root = Path(spec.submodule_search_locations[0])

    def unwanted(folder: str, names: list[str]) -> set[str]:
        left_out = set(NOT_FOR_FUNCTIONS) if package == OUR_PACKAGE and Path(folder) == own_root else set()
        return {name for name in names if name in left_out or name == "__pycache__"}

    shutil.copytree(own_root, target / package, ignore=unwanted)
