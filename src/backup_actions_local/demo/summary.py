"""The end of the demo in words: what was stored, where, how it was verified, what became of the backup and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from backup_actions.cli.cells import aligned
from backup_actions.model.quantities import bytes_in_words

if TYPE_CHECKING:
    from backup_actions_local.demo.outcome import Outcome, Work
    from backup_actions_local.demo.queries import Answer
    from backup_actions_local.demo.run import DemoResult
    from backup_actions_local.demo.tabular import Rows

Write = Callable[[str], None]


def summarize(result: DemoResult, write: Write) -> None:
    """Write the summary, line by line."""
    for outcome in result.outcomes.values():
        write("")
        _summarize(outcome, write)
    write("")
    for check in result.checks:
        write(f"{'yes' if check.holds else 'NO '}  {check.sentence}")
        if check.detail and not check.holds:
            write(f"     {check.detail}")
    write("")
    write("Everything was true." if result.ok else "Not everything was true.")
    write(f"Report: {result.report}")


def _summarize(outcome: Outcome, write: Write) -> None:
    write(f"{outcome.name}: {outcome.story}")
    for work in outcome.works:
        _summarize_work(work, write)
    if outcome.answer:
        _summarize_answer(outcome.answer, write)
    write(f"  backup    {outcome.fate}: {outcome.why}")


def _summarize_work(work: Work, write: Write) -> None:
    write(f"  {work.kind:<9} {work.place}")
    for line in aligned([*map(_member, work.members), *map(_table, work.tables), *map(_database, work.databases)]):
        write(f"            {line}")
    if work.imported:
        write(f"  imported  {work.imported}")
    elif not work.tables:
        sizes = f"{bytes_in_words(work.source_bytes)} read, {bytes_in_words(work.stored_bytes)} stored"
        write(f"  size      {sizes}, ratio {work.ratio:.1f}")
    write(f"  verified  {work.verified or 'no'}")


def _summarize_answer(answer: Answer, write: Write) -> None:
    write(f"  mishap    {answer.mishap}")
    write(f"  query     {answer.command} \\")
    write(f'              "{answer.sql}"')
    for when, rows in (("at the backup", answer.rows), ("now", answer.rows_now)):
        write(f"            {when}{':' if rows else ': no rows'}")
        for line in _lines(answer.columns, rows):
            write(f"              {line}")


def _lines(columns: tuple[str, ...], rows: Rows) -> list[str]:
    return list(aligned([columns, *rows])) if rows else []


def _member(member: Mapping[str, Any]) -> tuple[str, ...]:
    entries = f"{member['entries']} entries, " if member["entries"] else ""
    sizes = f"{bytes_in_words(member['source_bytes'])} -> {bytes_in_words(member['stored_bytes'])}"
    raw = f"raw: {member['raw_because']}" if member["raw_because"] else ""
    return member["name"], member["kind"], entries + sizes, raw


def _table(table: Mapping[str, Any]) -> tuple[str, ...]:
    files = "1 file" if table["files"] == 1 else f"{table['files']} files"
    return table["name"], f"{table['rows']} rows", files, bytes_in_words(table["stored_bytes"])


def _database(database: Mapping[str, Any]) -> tuple[str, ...]:
    return database["name"], *(f"{database[what]} {what}" for what in ("tables", "rows", "objects"))
