"""The report as one HTML file: no script, nothing from elsewhere, to be read on paper and by a screen reader too."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from backup_actions.model.quantities import bytes_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backup_actions.proving.report import ProvenArchive, Report, ReportedImport, ReportedPoint, ReportedResource

_STYLE = Path(__file__).with_name("report.css")

_PROVEN_BY = {"run": "when it was made", "verification": "read back whole", "restore": "restored from"}


def page(report: Report) -> str:
    """The whole page: the same for the same report."""
    deployment = report.deployment
    title = f"Backups of {deployment['name']}, {deployment['account']} {deployment['region']}"
    sections = (
        _summary(report),
        _problems(report),
        _resources(report),
        _imports(report),
        _list("Retention", report.retention),
        _list("Not looked at", report.remarks),
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{escape(title)}</h1>\n"
        f'<p class="soft">As ledger, evidence and bucket <code>{escape(str(deployment["bucket"]))}</code> said at '
        f"{_time(report.made_at)}; AWS Backup Actions {escape(report.tool_version)}.</p>\n</header>\n"
        f"<main>\n{''.join(sections)}</main>\n</body>\n</html>\n"
    )


def _summary(report: Report) -> str:
    counts = report.counts
    rows = (
        ("Resources", counts["resources"]),
        ("of which without any archive", counts["resources_without_archive"]),
        ("Backups", counts["backups"]),
        ("of which not archived", counts["backups_not_archived"]),
        ("Archives", counts["archives"]),
        ("of which damaged or missing", counts["archives_damaged"]),
        ("of which restored in a test", counts["archives_restored_in_a_test"]),
        *((("Imports", counts["imports"]), ("of which held", counts["imports_held"])) if report.imports else ()),
        ("Stored", bytes_in_words(sum(a.stored_bytes for point in report.points for a in point.archives))),
        ("Oldest proof of an archive", _time(str(counts["oldest_proof"])) if counts["oldest_proof"] else "none"),
    )
    bad = bool(report.damaged or report.unprotected or report.failed_imports)
    verdict = "Something here needs a person." if bad else "Every known backup is archived, and no archive is damaged."
    cells = "".join(f'<tr><th scope="row">{name}</th><td>{value}</td></tr>\n' for name, value in rows)
    return (
        f'<section aria-labelledby="summary">\n<h2 id="summary">Summary</h2>\n'
        f'<p class="verdict {"bad" if bad else "good"}">{verdict}</p>\n'
        f'<table class="facts">\n{cells}</table>\n</section>\n'
    )


def _problems(report: Report) -> str:
    damaged = [
        (_code(point.resource), _code(point.point), escape(archive.action), _time(archive.proven_at), _damage(archive))
        for point, archive in report.damaged
    ]
    unprotected = [
        (_code(point.resource), _code(point.point), _time(point.made_at), _word(point.status), escape(point.why))
        for point in report.unprotected
    ]
    columns = ("Backup of", "Recovery point", "Action", "Last good proof", "What is wrong")
    others = ("Backup of", "Recovery point", "Made", "Stands", "Why")
    return (
        '<section aria-labelledby="problems">\n<h2 id="problems">What needs a person</h2>\n'
        + _table("Archives that are not what they were", columns, damaged)
        + _table("Backups that are not archived", others, unprotected)
        + "</section>\n"
    )


def _damage(archive: ProvenArchive) -> str:
    words = {"missing": "its manifest is gone", "another": "its manifest is not the one that was proven"}
    return escape("; ".join(filter(None, (words.get(archive.manifest_now, ""), archive.problem))))


def _resources(report: Report) -> str:
    blocks = "".join(map(_resource, report.resources)) or "<p>The ledger knows of no backup.</p>\n"
    return f'<section aria-labelledby="resources">\n<h2 id="resources">What is protected</h2>\n{blocks}</section>\n'


def _resource(resource: ReportedResource) -> str:
    archived = resource.last_archived
    facts = (
        f"{escape(resource.points[0].resource_type)}; {len(resource.points)} known backups; the newest of "
        f"{_time(resource.last_backup)}; the newest archived one of {_time(archived.made_at) if archived else '—'}; "
        f"last proven {_time(resource.last_proof)}."
    )
    columns = ("Backup", "Stands", "Archives, and when each was last proven", "Evidence (SHA-256)")
    rows = [_point(point) for point in resource.points]
    return (
        f"<article>\n<h3>{_code(resource.resource)}</h3>\n<p>{facts}</p>\n"
        "<details>\n<summary>Backups, archives, evidence</summary>\n"
        f"{_table('', columns, rows)}</details>\n</article>\n"
    )


def _point(point: ReportedPoint) -> tuple[str, ...]:
    tags = ", ".join(f"{key}={value}" for key, value in point.tags)
    first = [_time(point.made_at), _code(point.point), escape(f"in vault {point.vault}"), escape(tags)]
    holds = [f"legal hold: {escape(title)}" for title in point.holds]
    archives = "".join(f"<li>{_archive(archive)}</li>" for archive in point.archives)
    evidence = f"{_code(point.evidence)}<br>{_code(point.evidence_sha256)}" if point.evidence else "none"
    return (
        "<br>".join(filter(None, (*first, *holds))),
        f"{_word(point.status)}<br>{escape(point.why)}",
        f"<ul>{archives}</ul>" if archives else "none",
        evidence,
    )


def _archive(archive: ProvenArchive) -> str:
    restored = f"restore tested {_time(archive.restored_at)}" if archive.restored_at else "no restore tested"
    lines = (
        f"{escape(archive.action)}: {_word(archive.standing)}, {bytes_in_words(archive.stored_bytes)}",
        _code(archive.place),
        f"proven {_time(archive.proven_at)} ({_PROVEN_BY.get(archive.proven_by, 'never')}), {restored}",
        f"looked at {_time(archive.looked_at)}, not read: S3 told the sizes and checksums that were proven"
        if archive.looked_at and archive.standing == "cold"
        else "",
        f"manifest {escape(archive.manifest_now)}: {_code(archive.manifest_sha256)}" if archive.manifest_now else "",
        f"locked until {escape(archive.locked_until)}" if archive.locked_until else "",
        f"proof {_code(archive.proof)}: {_code(archive.proof_sha256)}" if archive.proof else "",
        escape(archive.problem),
    )
    return "<br>".join(filter(None, lines))


def _imports(report: Report) -> str:
    if not report.imports:
        return ""
    columns = ("Backup of", "Stands", "Imported, kept at least until", "Evidence (SHA-256)")
    table = _table("Snapshots of other accounts that were announced", columns, map(_import, report.imports))
    return f'<section aria-labelledby="imports">\n<h2 id="imports">Imports</h2>\n{table}</section>\n'


def _import(each: ReportedImport) -> tuple[str, ...]:
    until = f"kept until it is released: {escape(each.hold)}" if each.hold else f"until {_time(each.promised_until)}"
    acted = "" if each.actions == "none" else escape(f"actions: {each.actions}")
    kept = (_code(each.imported), f"{_time(each.imported_at)}, {each.size_gib} GiB", until) if each.imported else ("—",)
    return (
        "<br>".join((_code(each.resource), _time(each.made_at), _code(each.announced))),
        "<br>".join(filter(None, (_word(each.stage), acted, escape(each.problem)))),
        "<br>".join(kept),
        f"{_code(each.evidence)}<br>{_code(each.evidence_sha256)}" if each.evidence else "none",
    )


def _table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML."""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    titled = f"<caption>{escape(caption)}</caption>\n" if caption else ""
    if not body:
        return f"<p>{escape(caption)}: none.</p>\n"
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(caption or "Backups")}">\n'
        f"<table>\n{titled}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n</div>\n"
    )


def _list(title: str, sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    name = title.lower().replace(" ", "-")
    items = "".join(f"<li>{escape(sentence)}</li>\n" for sentence in sentences)
    return f'<section aria-labelledby="{name}">\n<h2 id="{name}">{title}</h2>\n<ul>\n{items}</ul>\n</section>\n'


def _word(standing: str) -> str:
    """How something stands, with a class for its color; the word says it too."""
    kind = {"artifact": "good", "kept": "good", "shortened": "good", "deleted": "good", "acknowledged": "good"}.get(
        standing, "bad"
    )
    shown = {"artifact": "proven", "kept": "archived", "deleted": "archived, backup deleted"}.get(standing, standing)
    shown = {"shortened": "archived, backup shortened", "acknowledged": "imported"}.get(standing, shown)
    return f'<span class="{kind}">{escape(shown)}</span>'


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>" if text else ""


def _time(moment: str) -> str:
    """To the minute, in UTC, as the ledger has it."""
    return f'<time datetime="{escape(moment)}">{escape(moment[:16].replace("T", " "))} UTC</time>' if moment else "—"
