"""What is spoilt after its backup, what its export still says, and how that is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from backup_actions.errors import ToolMissing
from backup_actions_local.databases import DatabaseImage
from backup_actions_local.demo import bookshop
from backup_actions_local.demo.outcome import Check, Outcome, Work
from backup_actions_local.demo.promises import of_dump, of_export, of_export_alone
from backup_actions_local.demo.queries import Answer
from backup_actions_local.demo.run import DemoResult
from backup_actions_local.demo.summary import summarize
from backup_actions_local.demo.tabular import SpoiltTable, spoilt_resources

if TYPE_CHECKING:
    from tests.flow.flow import NewFlow

ANSWER = Answer(
    command="backup-actions query s3://bucket/rds-export",
    sql="SELECT title, price FROM books",
    mishap="UPDATE books SET price = 0",
    columns=("title", "price"),
    rows=(("Moby-Dick", "12.50"),),
    rows_before=(("Moby-Dick", "12.50"),),
    rows_now=(("Moby-Dick", "0.00"),),
)
EXPORT = Work(
    action="rds-export",
    place="s3://bucket/rds-export/1",
    verified="4 rows in 1 Parquet files of 1 tables",
    source_bytes=2048,
    stored_bytes=1024,
    members=(),
    tables=({"name": "shop.public.books", "rows": 4, "files": 1, "stored_bytes": 1024},),
    databases=(),
)
DUMP = Work(
    action="rds-dump",
    place="s3://bucket/rds-dump/1",
    verified="1 databases loaded and compared: 2 tables, 2004 rows",
    source_bytes=4096,
    stored_bytes=1024,
    members=(),
    tables=(),
    databases=({"name": "shop", "tables": 2, "rows": 2004, "objects": 5},),
)
OUTCOME = Outcome(
    name="shop",
    story="a database",
    resource_type="RDS",
    recovery_point="arn:aws:rds:us-east-1:111122223333:snapshot:awsbackup:job-1",
    run="rds-1",
    status="SUCCEEDED",
    fate="kept",
    why="nothing that was made from it can restore the resource (deletion.after_unrestorable is false)",
    works=(EXPORT,),
    evidence={},
    answer=ANSWER,
)
DUMPED = replace(
    OUTCOME,
    fate="deleted",
    why="rds-export and rds-dump succeeded",
    works=(EXPORT, DUMP),
    evidence={"deletion": {"proof": "ResourceNotFoundException"}},
)


def broken(outcome: Outcome) -> list[str]:
    """The promises that do not hold."""
    return [check.sentence for check in (*of_export(outcome), *of_export_alone(outcome)) if not check.holds]


def test_everything_promised_of_a_good_export_holds() -> None:
    assert broken(OUTCOME) == []


@pytest.mark.parametrize(
    ("change", "promise"),
    [
        ({"works": ()}, "looked through"),
        ({"works": (replace(EXPORT, verified=""),)}, "looked through"),
        ({"answer": None}, "a query of the export"),
        ({"answer": replace(ANSWER, rows=ANSWER.rows_now)}, "a query of the export"),
        ({"answer": replace(ANSWER, rows_now=ANSWER.rows)}, "a query of the export"),
        ({"fate": "deleted"}, "the backup is kept"),
        ({"why": "the settings say keep"}, "the backup is kept"),
    ],
)
def test_a_promise_that_is_broken_is_named(change: dict[str, Any], promise: str) -> None:
    (sentence,) = broken(replace(OUTCOME, **change))

    assert promise in sentence


def test_everything_promised_of_a_good_dump_holds() -> None:
    assert all(check.holds for check in (*of_export(DUMPED), *of_dump(DUMPED)))


@pytest.mark.parametrize(
    ("change", "promise"),
    [
        ({"works": (EXPORT,)}, "loaded into a scratch database"),
        ({"works": (replace(DUMP, verified="read back in whole, 4 sections inspected"),)}, "loaded into a scratch"),
        ({"fate": "kept"}, "the backup is deleted"),
        ({"evidence": {}}, "the backup is deleted"),
    ],
)
def test_a_promise_of_a_dump_that_is_broken_is_named(change: dict[str, Any], promise: str) -> None:
    (sentence,) = [check.sentence for check in of_dump(replace(DUMPED, **change)) if not check.holds]

    assert promise in sentence


def summary_of(outcome: Outcome) -> list[str]:
    """The lines that are written of it."""
    lines: list[str] = []
    checks = [Check(sentence="all is well", holds=True)]
    summarize(
        DemoResult(outcomes={"shop": outcome}, checks=checks, report=Path("r"), calls=1, refused=0, notifications=()),
        lines.append,
    )
    return lines


def test_the_summary_shows_the_query_and_its_answer_beside_what_is_there_now() -> None:
    lines = summary_of(OUTCOME)

    assert "            shop.public.books  4 rows  1 file  1.0 KiB" in lines
    query = lines.index("  query     backup-actions query s3://bucket/rds-export \\")
    assert lines[query + 1 : query + 8] == [
        '              "SELECT title, price FROM books"',
        "            at the backup:",
        "              title      price",
        "              Moby-Dick  12.50",
        "            now:",
        "              title      price",
        "              Moby-Dick  0.00",
    ]


def test_the_summary_names_all_that_was_made_of_a_backup() -> None:
    lines = summary_of(DUMPED)

    assert "  export    s3://bucket/rds-export/1" in lines
    assert "  dump      s3://bucket/rds-dump/1" in lines
    assert "            shop  2 tables  2004 rows  5 objects" in lines
    assert "  verified  1 databases loaded and compared: 2 tables, 2004 rows" in lines


def test_the_summary_says_where_no_row_is_left() -> None:
    lines = summary_of(replace(OUTCOME, answer=replace(ANSWER, rows_now=())))

    assert "            now: no rows" in lines


def test_a_database_whose_server_is_not_installed_is_said_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(engine: object, *_: object) -> None:
        raise ToolMissing(program=type(engine).__name__, purpose="run a database", package="a package")

    monkeypatch.setattr(DatabaseImage, "made", made)
    said: list[str] = []

    assert list(spoilt_resources(tmp_path, ("rds-export",), said.append)) == []
    assert [line.partition(":")[0] for line in said] == ["shop is left out", "warehouse is left out"]


def test_the_table_s_rows_are_asked_before_and_after_the_mishap(new_table_flow: NewFlow) -> None:
    flow, table = new_table_flow(), SpoiltTable()
    with flow.cloud.clock.actor():
        table.make(flow.cloud)
        table.spoil(flow.cloud)

    assert [row[0] for row in table.before] == ["o-1005", "o-1010", "o-1015", "o-1020"]
    assert table.after == ()
    assert len(flow.cloud.tables.content(table.name).items) == len(bookshop.ORDERS) - 4
