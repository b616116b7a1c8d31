"""Writes the pages that say what the code says: run by ``make docs``; a test fails when one of them is stale."""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import click

from backup_actions import costs, errors
from backup_actions.cli.application import COMMANDS, application
from backup_actions.cli.elsewhere import Elsewhere
from backup_actions.cli.errors import EXIT_CODES
from backup_actions.cli.pages import action_page, settings_table
from backup_actions.plugins import GROUP, Installed, installed
from backup_actions.settings import from_mapping, json_schema
from backup_actions.settings.endpoints import endpoint_count, gateway_count

DOCS = Path(__file__).parent
_GENERATED = "<!-- Written by docs/generate.py; change the code it is made from and run `make docs`. -->"
_HELP_WIDTH = 100
_FAMILY = re.compile(r"^# -+ (BA\d\d)xx: (.+)$", re.MULTILINE)


def announced(group: str) -> list[EntryPoint]:
    """What this project itself announces, whatever else is installed."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [EntryPoint(name, value, group) for name, value in project["entry-points"][group].items()]


def own_actions() -> Installed:
    """This project's own actions."""
    return installed(announced(GROUP))


_ERRORS_INTRODUCTION = f"""\
{_GENERATED}
# Errors

An error reads `code: sentence` and, below it, `HINT: remedy`. Codes are never reused.
The exit status belongs to the error, whatever the command:
"""


def errors_page() -> str:
    """Every error with its sentence, its remedy and its exit status."""
    lines = [_ERRORS_INTRODUCTION, "| status | meaning |", "| --- | --- |"]
    lines += [f"| {status} | {meaning} |" for status, meaning in EXIT_CODES.items()]
    for prefix, title in _FAMILY.findall(inspect.getsource(errors)):
        lines += ["", f"## {prefix}xx: {title}"]
        lines += [line for kind in error_classes() if kind.code.startswith(prefix) for line in _error(kind)]
    return "\n".join(lines) + "\n"


def error_classes() -> list[type[errors.BackupActionsError]]:
    """Every error but the root, by code."""
    root = errors.BackupActionsError
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, root)]
    return sorted((kind for kind in kinds if kind is not root), key=lambda kind: kind.code)


def _error(kind: type[errors.BackupActionsError]) -> list[str]:
    retry = "trying again can help" if kind.retryable else "trying again does not help"
    return [
        "",
        f"### {kind.code} {kind.__name__}",
        "",
        " ".join((kind.__doc__ or "").split()),
        "",
        f"- says: `{json.dumps(kind.sentence)[1:-1]}`",
        f"- remedy: {kind.remedy}",
        f"- exit status {kind.exit_code}; {retry}",
    ]


_SETTINGS_INTRODUCTION = f"""\
{_GENERATED}
# Settings

One file, `backup-actions.yaml`. `backup-actions check --example` prints one with every setting and its default,
`backup-actions check --schema` its JSON Schema for editors, and `backup-actions check` reports every mistake of a file
at once.
"""


def settings_page() -> str:
    """Every setting with type, limits, default and meaning."""
    return "\n".join([_SETTINGS_INTRODUCTION, *settings_table(json_schema(own_actions().actions))]) + "\n"


def cli_page() -> str:
    """The help of every command."""
    whole = click.Context(
        application,
        info_name="backup-actions",
        terminal_width=_HELP_WIDTH,
        max_content_width=_HELP_WIDTH,
        **application.context_settings,
    )
    lines = [_GENERATED, "# Command line", "", *_help(whole)]
    for name in COMMANDS:
        command = _command(name)
        context = click.Context(command, parent=whole, info_name=name)
        lines += ["", f"## {name}", "", *_help(context)]
        for inner, below in command.commands.items() if isinstance(command, click.Group) else ():
            lines += ["", f"### {name} {inner}", "", *_help(click.Context(below, parent=context, info_name=inner))]
    return "\n".join(lines) + "\n"


def _command(name: str) -> click.Command:
    """The command itself, also where the command line has only a stand-in for it."""
    command: object = application.get_command(click.Context(application), name)
    for entry in announced(command.group) if isinstance(command, Elsewhere) else ():
        if entry.name == name:
            with contextlib.suppress(ModuleNotFoundError):  # that package is not installed
                command = entry.load()
    assert isinstance(command, click.Command)  # noqa: S101 - COMMANDS are the commands
    return command


def _help(context: click.Context) -> list[str]:
    return ["```", *context.get_help().rstrip().splitlines(), "```"]


_TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- /table -->)", re.DOTALL)


def costs_page() -> str:
    """The page about costs as it stands, its tables computed anew."""

    tables = cost_tables()

    def renewed(place: re.Match[str]) -> str:
        return place[1] + "".join(f"{line}\n" for line in tables[place[2]]) + place[3]

    return _TABLE.sub(renewed, (DOCS / "costs.md").read_text(encoding="utf-8"))


def cost_tables() -> Mapping[str, list[str]]:
    """Table → its lines."""
    return {
        "actions": _table(("action", "least", "most"), _action_costs()),
        "sample": _table(("per 100 GB", "the sample says", "by these prices", "ours"), _sample_costs()),
        "network": _table(("network", "a month"), _network_costs()),
        "years": _table(
            ("kept for", *(f"{years} years" if years > 1 else "a year" for years in _YEARS)), _storage_costs()
        ),
        "pays": _table(("deleting the backup frees", *("all of it", "20 %", "5 %")), _days_until_it_pays()),
        "prices": _table(("price", "USD", "per", "source"), _price_rows()),
    }


_PRICES = costs.prices_of()
_SIZE_GIB = Decimal(100)
_YEARS = (1, 3, 7, 10)


def run_cost(action: str, **subject: Any) -> tuple[Decimal, Decimal]:
    """What a run on 100 GiB costs, at least and at most."""
    found = costs.estimate(action, costs.Subject(gib=_SIZE_GIB, **subject), costs.Keeping(), _PRICES, days=365)
    return found.least.usd, found.most.usd


def in_a_range(least: Decimal, most: Decimal) -> str:
    """Two amounts, or one where they look the same."""
    texts = dict.fromkeys((costs.in_dollars(least), costs.in_dollars(most)))
    return " to ".join(texts)


def _action_costs() -> Iterator[tuple[str, ...]]:
    kinds: Mapping[str, tuple[str, dict[str, Any]]] = {
        "`ebs-archive`": ("ebs-archive", {}),
        "`ebs-archive`, 2,000,000 files": ("ebs-archive", {"files": 2_000_000}),
        "`ebs-archive`, `read_from: snapshot`, 100 GiB ever written": ("ebs-archive", {"from_snapshot": True}),
        "`ebs-archive` to Glacier Instant Retrieval": ("ebs-archive", {"storage_class": "GLACIER_IR"}),
        "`rds-dump`": ("rds-dump", {}),
        "`rds-export`": ("rds-export", {}),
        "`dynamodb-export`": ("dynamodb-export", {}),
        "`offsite-copy` of a database, without its import": ("offsite-copy", {"resource_type": "RDS"}),
    }
    for name, (action, subject) in kinds.items():
        least, most = run_cost(action, **subject)
        yield (name, costs.in_dollars(least), costs.in_dollars(most))


def sample_figures() -> Mapping[str, tuple[str, Decimal]]:
    """What the sample's README says, and what these prices make of it.

    Assumed, because it does not say: an archive takes six hours of an on-demand c5.large and of a gp3 volume; each of
    the three is written with 10,000 requests; endpoints are paid for 720 hours in three zones, the gateway for 730.
    """
    usd, requests = _PRICES.usd, 10 * _PRICES.usd("s3_1000_puts")
    volume = _SIZE_GIB * _PRICES.hourly_usd("ebs_gp3_gib_month")
    return {
        "EBS": ("$0.65", 6 * (2 * usd("ec2_on_demand_vcpu_hour") + volume) + requests),
        "RDS": ("$1.05", _SIZE_GIB * usd("rds_exported_gib") + requests),
        "DynamoDB": ("$10.05", _SIZE_GIB * usd("dynamodb_exported_gib") + requests),
        "seven interface endpoints, a month": ("$151", 7 * 3 * 720 * usd("interface_endpoint_hour")),
        "a NAT gateway, a month": ("$33", 730 * usd("nat_gateway_hour")),
    }


def _sample_costs() -> Iterator[tuple[str, ...]]:
    ours = {
        "EBS": in_a_range(*run_cost("ebs-archive")),
        "RDS": f"{in_a_range(*run_cost('rds-export'))}; as a dump that restores {in_a_range(*run_cost('rds-dump'))}",
        "DynamoDB": f"{in_a_range(*run_cost('dynamodb-export'))}, verified item by item",
        "seven interface endpoints, a month": "$0 in public subnets; isolated, see below",
        "a NAT gateway, a month": "the same, if it is wanted",
    }
    for name, (says, usd) in sample_figures().items():
        yield (name, says, costs.in_dollars(usd), ours[name])


def _network_costs() -> Iterator[tuple[str, ...]]:
    yield ("`public`", costs.in_dollars(Decimal(0)))
    for kind, setting in (("isolated", "endpoint_zones"), ("nat", "nat_zones")):
        for zones, where in (("one", "one zone"), ("all", "each of three zones")):
            usd = _network_usd({"kind": kind, setting: zones})
            yield (f"`{kind}`, {where}", costs.in_dollars(usd))


def _network_usd(network: Mapping[str, str]) -> Decimal:
    zones = ["us-east-1a", "us-east-1b", "us-east-1c"]
    stack = {"account": "111122223333", "region": "us-east-1", "zones": zones, "vaults": ["backups"]}
    actions = own_actions().actions
    settings = from_mapping({**stack, "network": network}, actions)
    return costs.network_monthly_usd(endpoints=endpoint_count(settings, actions), gateways=gateway_count(settings))


def _storage_costs() -> Iterator[tuple[str, ...]]:
    plans = {
        "Standard": costs.Keeping(),
        "Glacier Instant Retrieval": costs.Keeping(storage_class="GLACIER_IR"),
        "`lifecycle: {glacier: 30}`": costs.Keeping(glacier_days=30),
        "`lifecycle: {glacier: 30, deep_archive: 120}`": costs.Keeping(glacier_days=30, deep_archive_days=120),
        "`lifecycle: {deep_archive: 30}`": costs.Keeping(deep_archive_days=30),
    }
    found = {}
    for name, keeping in plans.items():
        subject = costs.Subject(gib=_SIZE_GIB)
        found[name] = [costs.estimate("ebs-archive", subject, keeping, _PRICES, days=365 * years) for years in _YEARS]
        yield (name, *(costs.in_dollars(costs.total_usd(each.kept)) for each in found[name]))
    same = found["Standard"]
    yield ("the EBS snapshot of 100 GiB", *(costs.in_dollars(costs.total_usd(each.left)) for each in same))
    cold = (costs.in_dollars(costs.total_usd(each.cold or ())) for each in same)
    yield (f"the snapshot, cold from day {costs.COLD_AFTER_DAYS} on", *cold)


def _days_until_it_pays() -> Iterator[tuple[str, ...]]:
    for action in ("ebs-archive", "rds-dump", "rds-export", "dynamodb-export"):
        subject = costs.Subject(gib=_SIZE_GIB)
        found = (
            costs.estimate(action, subject, costs.Keeping(), _PRICES, days=1, freed_gib=freed).pays_after_days
            for freed in (_SIZE_GIB, _SIZE_GIB / 5, _SIZE_GIB / 20)
        )
        yield (f"`{action}`", *("never" if days is None else str(days) for days in found))


def _price_rows() -> Iterator[tuple[str, ...]]:
    yield (f"as of {_PRICES.as_of}", "", "", "")
    for row in _PRICES.rows.values():
        note = f"; {row.note}" if row.note else ""
        yield (f"`{row.name}`", f"{row.usd:f}", f"{row.unit}{note}", row.source)


def _table(heading: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> list[str]:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def own_action_page(name: str) -> str:
    """The page about one of our actions: what is written there stays, the rest is made as anybody's is."""
    return action_page(own_actions().action(name), (DOCS / "actions" / f"{name}.md").read_text(encoding="utf-8"))


_ACTIONS = tuple(sorted(entry.name for entry in announced(GROUP)))
PAGES: Mapping[str, Callable[[], str]] = {
    "errors.md": errors_page,
    "settings.md": settings_page,
    "cli.md": cli_page,
    "costs.md": costs_page,
    **{f"actions/{name}.md": partial(own_action_page, name) for name in _ACTIONS},
}

if __name__ == "__main__":
    for page, text in PAGES.items():
        (DOCS / page).write_text(text(), encoding="utf-8")
