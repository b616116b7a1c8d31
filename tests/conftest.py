"""What several rooms of tests share: the option for whole sweeps, and one real S3 server for those who run backups."""

from __future__ import annotations

import gc
import os
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.flow.flow import Flow, NewFlow

    from backup_actions_local.databases import DatabaseImage
    from backup_actions_local.seaweed import ObjectServer


pytest_plugins = ["backup_actions_testing.options"]  # --sweep

# The same examples every time, and none that fails because the machine is slow.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.load_profile("steady")


def pytest_configure() -> None:
    """Garbage is collected seldom, and Ctrl-C is heard."""
    # The models of AWS's services are many objects that stay: to look through them after every 70,000 new ones, as
    # Python does, is a sixth of the time of a run.
    gc.set_threshold(10_000, 10, 10)
    # Ctrl-C is tested too; whoever starts the tests in the background has it ignored, and children inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(name="flow_objects", scope="session")
def _flow_objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    from backup_actions_local.seaweed import object_server

    with object_server(tmp_path_factory.mktemp("objects")) as server:
        yield server


@pytest.fixture(name="tiny_disk", scope="session")
def _tiny_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk with one file system: a few small files, and one that does not fit into a single part of an upload."""
    from tests.flow.disks import tiny_disk

    return tiny_disk(tmp_path_factory.mktemp("disk"))


@pytest.fixture(name="new_flow")
def _new_flow(tmp_path: Path, tiny_disk: Path, flow_objects: ObjectServer) -> Iterator[NewFlow]:
    """Makes a world with one deployment, as often as it is called; all of them end with the test."""
    from tests.flow.flow import Flow

    with ExitStack() as stack:

        def new(**choices: Any) -> Flow:
            stack.close()  # there is one at a time in a process
            return stack.enter_context(Flow.begun(tmp_path, tiny_disk, flow_objects, **choices))

        yield new


@pytest.fixture(name="new_table_flow")
def _new_table_flow(tmp_path: Path, flow_objects: ObjectServer) -> Iterator[NewFlow]:
    """The same with the DynamoDB export as its one action."""
    from tests.flow.tables import table_flow

    with ExitStack() as stack:

        def new(**choices: Any) -> Flow:
            stack.close()
            return stack.enter_context(table_flow(tmp_path, flow_objects, **choices))

        yield new


@pytest.fixture(name="new_database_flow")
def _new_database_flow(tmp_path: Path, flow_objects: ObjectServer) -> Iterator[NewFlow]:
    """The same with the RDS export as its one action."""
    from tests.flow.databases import database_flow

    with ExitStack() as stack:

        def new(**choices: Any) -> Flow:
            stack.close()
            return stack.enter_context(database_flow(tmp_path, flow_objects, **choices))

        yield new


@pytest.fixture(name="new_dump_flow")
def _new_dump_flow(tmp_path: Path, flow_objects: ObjectServer) -> Iterator[NewFlow]:
    """The same with the RDS dump as its one action, and a folder as its server."""
    from tests.flow.dumps import folder_flow

    with ExitStack() as stack:

        def new(**choices: Any) -> Flow:
            stack.close()
            return stack.enter_context(folder_flow(tmp_path, flow_objects, **choices))

        yield new


@pytest.fixture(name="postgresql_shop", scope="session")
def _postgresql_shop(tmp_path_factory: pytest.TempPathFactory) -> DatabaseImage:
    """A PostgreSQL database that was stopped, with a small shop in it."""
    from backup_actions_local.databases import DatabaseImage, PostgreSql, shop

    return DatabaseImage.made(PostgreSql(), tmp_path_factory.mktemp("postgresql") / "shop.tar", shop.fill)


@pytest.fixture(name="mariadb_shop", scope="session")
def _mariadb_shop(tmp_path_factory: pytest.TempPathFactory) -> DatabaseImage:
    """The same in MariaDB, where it is installed."""
    from backup_actions_local.databases import DatabaseImage, MariaDb, mariadb, shop

    if not mariadb.is_installed():
        pytest.skip("needs Debian's mariadb-server")
    return DatabaseImage.made(MariaDb(), tmp_path_factory.mktemp("mariadb") / "shop.tar", shop.fill)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where nobody is root, say so instead of failing."""
    if os.geteuid() == 0:
        return
    skip = pytest.mark.skip(reason="needs root to make loop devices and to mount")
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(skip)
