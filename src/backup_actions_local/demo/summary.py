"""The end of the demo in words: what was archived, where, how it was verified, what was deleted or kept and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from backup_actions.cli.quantities import bytes_in_words

if TYPE_CHECKING:
    from backup_actions_local.demo.outcome import DiskOutcome
    from backup_actions_local.demo.run import DemoResult


def summarize(result: DemoResult, write: Callable[[str], None]) -> None:
    """Write the summary, line by line."""
    for outcome in result.outcomes.values():
        write("")
        _summarize_disk(outcome, write)
    write("")
    for check in result.checks:
        write(f"{'yes' if check.holds else 'NO '}  {check.sentence}")
        if check.detail and not check.holds:
            write(f"     {check.detail}")
    write("")
    write("Everything was true." if result.ok else "Not everything was true.")
    write(f"Report: {result.report}")


def _summarize_disk(outcome: DiskOutcome, write: Callable[[str], None]) -> None:
    write(f"{outcome.name}: {outcome.story}")
    if outcome.archive:
        write(f"  archive   {outcome.archive}")
        for member in outcome.members:
            raw = f"  raw: {member['raw_because']}" if member["raw_because"] else ""
            entries = f"{member['entries']} entries, " if member["entries"] else ""
            sizes = f"{bytes_in_words(member['source_bytes'])} -> {bytes_in_words(member['stored_bytes'])}"
            write(f"            {member['name']:<10} {member['kind']:<7} {entries}{sizes}{raw}")
        sizes = f"{bytes_in_words(outcome.source_bytes)} read, {bytes_in_words(outcome.stored_bytes)} stored"
        write(f"  size      {sizes}, ratio {outcome.ratio:.1f}")
        write(f"  verified  {outcome.verified or 'no'}")
    write(f"  backup    {outcome.fate}: {outcome.why}")
