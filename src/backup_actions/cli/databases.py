"""What a person writes for a database server: ``postgresql://user@host:port/database?sslrootcert=FILE``."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import click

from backup_actions.errors import DatabaseUrlInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backup_actions.dump.connection import Connection, Family

_FAMILIES: Mapping[str, Family] = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}
_PORTS: Mapping[Family, int] = {"postgresql": 5432, "mysql": 3306}
_PASSWORD_VARIABLES: Mapping[Family, str] = {"postgresql": "PGPASSWORD", "mysql": "MYSQL_PWD"}
_CA_OPTIONS = {"sslrootcert", "ssl-ca"}


def connection_to(url: str) -> Connection:
    """Who the URL names, with the password of the URL, of the environment, or typed on the terminal.

    Raises DatabaseUrlInvalid, which never shows a password, also where it makes the URL a wrong one.
    """
    from backup_actions.dump.connection import Connection

    family = _FAMILIES.get(url.partition("://")[0].lower())
    if family is None:
        raise _invalid(url, "only postgresql:// and mysql:// are known")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as wrong:
        del wrong  # it may quote a part of the password
        raise _invalid(url, "host and port cannot be told apart; write % and two digits for /, :, @ and #") from None
    if not parts.hostname or not parts.username:
        raise _invalid(url, "the host is missing" if not parts.hostname else "the user is missing")
    user = unquote(parts.username)
    return Connection(
        family=family,
        host=parts.hostname,
        port=port or _PORTS[family],
        user=user,
        database=unquote(parts.path.removeprefix("/")),
        ca_file=_ca_file(url, parts),
        password=_password(family, parts, f"{user} at {parts.hostname}"),
    )


def shown(url: str) -> str:
    """The URL as far as no password can be in it, even if it is none."""
    scheme, found, rest = url.partition("?")[0].partition("://")
    user, has_user, place = rest.rpartition("@")
    if not found:
        return scheme.partition(":")[0]
    if has_user:
        return f"{scheme}://{user.partition(':')[0]}@{place.partition(':')[0]}"
    return f"{scheme}://{rest.partition(':')[0]}"


def _ca_file(url: str, parts: SplitResult) -> Path | None:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(options.keys() - _CA_OPTIONS)
    if unknown:
        raise _invalid(url, f"the option {unknown[0]} is not known")
    for path in options.values():
        if not Path(path).is_file():
            raise _invalid(url, f"there is no file {path!r}")
        return Path(path)
    return None


def _password(family: Family, parts: SplitResult, whose: str) -> str:
    if parts.password is not None:
        return unquote(parts.password)
    from_environment = os.environ.get(_PASSWORD_VARIABLES[family])
    if from_environment is not None:
        return from_environment
    if sys.stdin.isatty():
        return str(click.prompt(f"Password of {whose}", hide_input=True, default="", show_default=False, err=True))
    return ""


def _invalid(url: str, reason: str) -> DatabaseUrlInvalid:
    return DatabaseUrlInvalid(url=re.sub(r"[^ -~]", "?", shown(url)), reason=reason)
