"""How an estate, a resource or a recovery point is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backup_actions.cli.cells import cell
from backup_actions.model.console import execution_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backup_actions.cli.output import Output
    from backup_actions.estate.overview import Count, Overview, PointInDetail, ResourcePoints, Stands


def show(output: Output, stands: Stands) -> None:
    """Write it to stdout."""
    from backup_actions.estate.overview import Overview, ResourcePoints

    match stands:
        case Overview():
            _show_overview(output, stands)
        case ResourcePoints():
            _show_resource(output, stands)
        case _:
            _show_point(output, stands)


def _show_overview(output: Output, overview: Overview) -> None:
    output.table([("RECOVERY POINTS", "", "OLDEST", ""), *_rows(overview.points)])
    output.data("")
    output.table([("ACTIONS", "", "SINCE", ""), *_rows(overview.actions)])
    if overview.failures:
        output.data("")
        output.data("FAILED, the oldest first")
    for failure in overview.failures:
        output.data(f"{failure.entry.point} of {failure.entry.resource}, run {failure.entry.run}")
        for reason in failure.reasons:
            output.data(f"  {cell(reason)}")


def _rows(counts: tuple[Count, ...]) -> Iterator[tuple[str, ...]]:
    for each in counts:
        oldest = each.oldest
        yield (each.standing, str(each.count), oldest.since if oldest else "-", oldest.point if oldest else "")


def _show_resource(output: Output, found: ResourcePoints) -> None:
    rows = [(each.since, each.status, each.point, each.run) for each in found.points]
    output.table([("BACKUP OF", "STANDS", "RECOVERY POINT", "RUN"), *rows])


def _show_point(output: Output, found: PointInDetail) -> None:
    entry = found.entry
    facts = [
        ("recovery point", entry.point),
        ("resource", f"{entry.recovery_point.resource_type} {entry.resource}"),
        ("vault", entry.recovery_point.vault_name),
        ("backup of", entry.since or "-"),
        ("stands", f"{entry.status} since {entry.changed_at}"),
        ("why", cell(found.why) or "-"),
        ("run", f"{entry.run} {execution_url(found.execution_arn)}"),
        ("evidence", found.evidence_place or "-"),
    ]
    facts += [
        (
            f"{each.action} again" if each.is_again else each.action,
            f"{each.status} since {each.changed_at} {cell(each.details.get('reason') or '')}".rstrip(),
        )
        for each in found.actions
    ]
    facts += [("archive", f"{each['key']} {each['size_bytes']} bytes") for each in found.artifacts]
    output.table(facts)
