"""Glue: the tables of a database."""

from __future__ import annotations

from collections.abc import Mapping

from backup_actions_local.front.authorization.rules import Facts, Needs, Params


def _catalog(_params: Params, facts: Facts) -> tuple[str, ...]:
    return (facts.arn("glue", "catalog"),)


def _database(params: Params, facts: Facts) -> tuple[str, ...]:
    return (facts.arn("glue", f"database/{params['DatabaseName']}"),)


def _table(params: Params, facts: Facts) -> tuple[str, ...]:
    name = params.get("Name") or params["TableInput"]["Name"]
    return (facts.arn("glue", f"table/{params['DatabaseName']}/{name}"),)


def _on_table(action: str) -> tuple[Needs, ...]:
    """A table needs its ancestors: https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html"""
    return (
        Needs(action, "catalog", _catalog),
        Needs(action, "database", _database),
        Needs(action, "table", _table),
    )


GLUE: Mapping[str, tuple[Needs, ...]] = {
    "GetTable": _on_table("glue:GetTable"),
    "CreateTable": _on_table("glue:CreateTable"),
    "UpdateTable": _on_table("glue:UpdateTable"),
}
