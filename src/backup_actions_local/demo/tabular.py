"""Databases and a table that somebody spoils after their backup: what their exports and dumps are good for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from backup_actions.cli.cells import cell
from backup_actions.errors import ToolMissing
from backup_actions_local.databases import DatabaseImage, MariaDb, PostgreSql
from backup_actions_local.demo.bookshop import ORDERS, POSTGRESQL, WAREHOUSE, Content, is_open

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from backup_actions_local.cloud import Cloud
    from backup_actions_local.databases import DatabaseServer, Engine

EXPORT, DUMP, OFFSITE = "rds-export", "rds-dump", "offsite-copy"
CHOSEN = {DUMP: {"dump": "yes"}, OFFSITE: {"encryption_key": "offsite"}}
"""The tags by which databases are chosen for these actions."""

Rows = tuple[tuple[str, ...], ...]
"""Rows as they are shown."""


class Spoilt(Protocol):
    """A resource with rows in it. ``before`` and ``after`` are what it answers itself to ``sql`` at these times."""

    name: str
    story: str
    mishap: str
    """What was done to it after its backup."""
    sql: str
    """What is asked: valid in its own words, and in a query of an export."""
    actions: tuple[str, ...]
    """Those that run on it."""
    resource_type: str
    before: Rows
    after: Rows

    def make(self, cloud: Cloud) -> str:
        """The resource is there, filled; its ARN."""
        ...

    def spoil(self, cloud: Cloud) -> None:
        """The mishap has happened."""
        ...


class SpoiltDatabase:
    """A DB instance; a real server holds its rows. Making one raises ToolMissing where there is no such server."""

    resource_type = "RDS"

    def __init__(self, engine: Engine, content: Content, folder: Path, actions: tuple[str, ...]) -> None:
        self.actions = actions
        self.name, self.story = content.database, content.story
        self.mishap, self.sql = content.mishap, content.sql
        self.before: Rows = ()
        self.after: Rows = ()
        self._engine, self._content, self._folder = engine, content, folder
        self._image = DatabaseImage.made(engine, folder / f"{self.name}.tar", self._fill)
        self._arn = ""

    def make(self, cloud: Cloud) -> str:
        """A DB instance with the image in it."""
        tags = {key: value for action in self.actions for key, value in CHOSEN.get(action, {}).items()}
        self._arn = cloud.databases.make(self.name, self._image, tags=tags).arn
        return self._arn

    def spoil(self, cloud: Cloud) -> None:
        """The instance holds another image, made of the first; the backup keeps that one."""
        spoilt = self._image.changed(self._folder / f"{self.name}-now.tar", self._spoil)
        cloud.databases.database(self._arn).image = spoilt

    @contextmanager
    def new_server(self) -> Iterator[DatabaseServer]:
        """An empty server of the same product, as long as the block lasts."""
        with DatabaseImage.made(self._engine, self._folder / "new.tar", _nothing).restored() as server:
            yield server

    def asked(self, server: DatabaseServer) -> Rows:
        """What another server answers."""
        return self._do(self._engine, server, self.sql)

    def _fill(self, engine: Engine, server: DatabaseServer) -> None:
        with engine.connect(server) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {self.name}")
        for statement in self._content.statements:
            self._do(engine, server, statement)
        self.before = self._do(engine, server, self.sql)

    def _spoil(self, engine: Engine, server: DatabaseServer) -> None:
        self._do(engine, server, self.mishap)
        self.after = self._do(engine, server, self.sql)

    def _do(self, engine: Engine, server: DatabaseServer, statement: str) -> Rows:
        with engine.connect(server, self.name) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return _shown(cursor.fetchall()) if cursor.description else ()


class SpoiltTable:
    """A DynamoDB table without point-in-time recovery: its backup has to be restored to be exported."""

    actions: tuple[str, ...] = ("dynamodb-export",)
    resource_type = "DynamoDB"
    name = "Orders"
    story = "a DynamoDB table without point-in-time recovery: the backup is restored, exported, and the copy removed"
    mishap = "a clean-up script deletes every open order"
    sql = "SELECT id, customer, total FROM Orders WHERE status = 'open' ORDER BY id"

    def __init__(self) -> None:
        self.before: Rows = ()
        self.after: Rows = ()

    def make(self, cloud: Cloud) -> str:
        """The table with its items."""
        dynamodb = cloud.administrator.client("dynamodb")
        dynamodb.create_table(
            TableName=self.name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for item in ORDERS:
            dynamodb.put_item(TableName=self.name, Item=item)
        self.before = self._ask(dynamodb)
        return cloud.tables.arn_of(self.name)

    def spoil(self, cloud: Cloud) -> None:
        """The open orders are gone."""
        dynamodb = cloud.administrator.client("dynamodb")
        for item in filter(is_open, ORDERS):
            dynamodb.delete_item(TableName=self.name, Key={"id": item["id"]})
        self.after = self._ask(dynamodb)

    def _ask(self, dynamodb: DynamoDBClient) -> Rows:
        items: list[dict[str, Any]] = dynamodb.scan(TableName=self.name)["Items"]
        chosen = sorted(filter(is_open, items), key=lambda item: str(item["id"]))
        return tuple((item["id"]["S"], item["customer"]["S"], item["total"]["N"]) for item in chosen)


def spoilt_resources(folder: Path, actions: Sequence[str], talk: Callable[[str], None]) -> Iterator[Spoilt]:
    """Those that the actions are for; a database whose server is not installed is said and left out."""
    engines: tuple[tuple[Engine, Content, tuple[str, ...]], ...] = (
        (PostgreSql(), POSTGRESQL, (EXPORT, DUMP, OFFSITE)),
        (MariaDb(), WAREHOUSE, (EXPORT,)),
    )
    for engine, content, wanted in engines:
        if chosen := tuple(action for action in wanted if action in actions):
            try:
                yield SpoiltDatabase(engine, content, folder, chosen)
            except ToolMissing as missing:
                talk(f"{content.database} is left out: {missing}")
    if set(SpoiltTable.actions) & set(actions):
        yield SpoiltTable()


def _nothing(_engine: Engine, _server: DatabaseServer) -> None:
    """A server is left as it was made."""


def _shown(rows: Any) -> Rows:
    return tuple(tuple(map(cell, row)) for row in rows)
