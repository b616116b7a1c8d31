"""Users and roles of MySQL and MariaDB as SQL: without their passwords, and locked where they are made anew."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from backup_actions.dump.mysql.session import Session, version_number
from backup_actions.dump.mysql.text import quoted, unquoted, words

_OF_THE_SERVER = frozenset({
    "mariadb.sys", "mysql.sys", "mysql.session", "mysql.infoschema", "PUBLIC",
    "rdsadmin", "rdsrepladmin", "rdstopmgr", "rdsproxyadmin", "rds_superuser_role",
    "AWS_BEDROCK_ACCESS", "AWS_COMPREHEND_ACCESS", "AWS_LAMBDA_ACCESS", "AWS_LOAD_S3_ACCESS",
    "AWS_SAGEMAKER_ACCESS", "AWS_SELECT_S3_ACCESS",
})  # fmt: skip
"""https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Integrating.Authorizing.IAM.html"""

_LIMITS = frozenset({
    "MAX_QUERIES_PER_HOUR", "MAX_UPDATES_PER_HOUR", "MAX_CONNECTIONS_PER_HOUR", "MAX_USER_CONNECTIONS",
    "MAX_STATEMENT_TIME",
})  # fmt: skip
_SET_DEFINER = re.compile(r"\b(?:ALL PRIVILEGES|SUPER|SET USER|SET_USER_ID|SET_ANY_DEFINER)\b")
MARK = "-- Account "


@dataclass(frozen=True, slots=True)
class Account:
    """A user, or a role of MariaDB, which has no host. A role of MySQL is a user that is locked."""

    user: str
    host: str
    kind: Literal["USER", "ROLE"]

    @property
    def label(self) -> str:
        """As people write it."""
        return f"{self.user}@{self.host}" if self.kind == "USER" else self.user

    @property
    def name(self) -> str:
        """As statements do."""
        return f"{quoted(self.user)}@{quoted(self.host)}" if self.kind == "USER" else quoted(self.user)

    @property
    def mark(self) -> str:
        """The comment before what a script does for this account."""
        return mark(self.label)


def accounts(session: Session) -> tuple[Account, ...]:
    """Those of the customer's that the server tells about, in the order of their labels."""
    return tuple(account for account in _listed(session) if _is_known(session, account))


def unknown_accounts(session: Session) -> tuple[Account, ...]:
    """Those that the server lists, and of which it tells nothing."""
    return tuple(account for account in _listed(session) if not _is_known(session, account))


def _is_known(session: Session, account: Account) -> bool:
    """A server that resolves no names knows nothing of accounts whose host is one, though it lists them."""
    return session.can(f"SHOW GRANTS FOR {account.name}")


def _listed(session: Session) -> list[Account]:
    sql = "SELECT user, host, 'N' FROM mysql.user"
    if session.is_mariadb:
        sql = "SELECT user, host, is_role FROM mysql.user"
    found = (
        Account(_text(user), _text(host), "ROLE" if _text(role) == "Y" else "USER")
        for user, host, role in session.rows(sql)
        if _text(user) not in _OF_THE_SERVER
    )
    return sorted(found, key=lambda account: account.label)


def account_script(session: Session) -> str:
    """Makes every account, locked and without a password, and gives it what is not bound to a table or routine."""
    found = accounts(session)
    made = "".join(account.mark + _creation(session, account) + ";\n" for account in found)
    given = "".join(
        account.mark + f"{grant};\n" for account in found for grant in _grants(session, account) if not _object(grant)
    )
    return f"{made}{given}"


def object_grants(session: Session, database: str) -> str:
    """What accounts may do with single tables and routines of a database, which have to be there to be named."""
    return "".join(
        account.mark + f"{grant};\n"
        for account in accounts(session)
        for grant in _grants(session, account)
        if _object(grant) == database
    )


def may_set_definers(session: Session) -> bool:
    """Whether we may make views and routines in the name of others."""
    return any(" ON *.* TO " in grant and _SET_DEFINER.search(grant) for (grant,) in session.rows("SHOW GRANTS"))


def mark(label: str) -> str:
    """The comment under which a script has what it does for an account."""
    return MARK + " ".join(label.splitlines()) + "\n"


def _creation(session: Session, account: Account) -> str:
    if account.kind == "ROLE":
        return f"CREATE ROLE IF NOT EXISTS {account.name}"
    (text,) = session.first(f"SHOW CREATE USER {account.name}")
    return f"CREATE USER IF NOT EXISTS {account.name}{_kept_clauses(list(words(text)))}"


def _kept_clauses(statement: Sequence[str]) -> str:
    """What is known to be no secret: everything else is left out. A locked account waits for its password."""
    requirements, rules = "", ""
    for at, word in enumerate(statement):
        following = statement[at + 1] if at + 1 < len(statement) else ""
        if word == "REQUIRE" and statement[at - 1] not in {"CURRENT", "PASSWORD"}:
            requirements = f" REQUIRE {_requirement(statement[at + 1 :])}"
        elif word in _LIMITS and following.replace(".", "").isdigit():
            rules += f"{'' if ' WITH ' in rules else ' WITH'} {word} {following}"
        elif word == "PASSWORD" and following == "EXPIRE" and statement[at + 2 : at + 3] == ["NEVER"]:
            rules += " PASSWORD EXPIRE NEVER"
    return f"{requirements}{rules} ACCOUNT LOCK"


def _requirement(behind: Sequence[str]) -> str:
    """``SSL``, or what a certificate has to say."""
    if behind[:1] != ["ISSUER"] and behind[:1] != ["SUBJECT"] and behind[:1] != ["CIPHER"]:
        return behind[0] if behind and behind[0] in {"SSL", "X509", "NONE"} else "NONE"
    taken = []
    for at in range(0, len(behind) - 1, 2):
        if behind[at] not in {"ISSUER", "SUBJECT", "CIPHER"}:
            break
        taken += [behind[at], behind[at + 1]]
    return " ".join(taken)


def _grants(session: Session, account: Account) -> Iterator[str]:
    for (grant,) in session.rows(f"SHOW GRANTS FOR {account.name}"):
        yield _without_secret(grant)
    if not session.is_mariadb and version_number(session.server.version) >= (8,):
        for user, host in session.rows(
            "SELECT default_role_user, default_role_host FROM mysql.default_roles WHERE user = %s AND host = %s",
            account.user,
            account.host,
        ):
            yield f"SET DEFAULT ROLE {quoted(_text(user))}@{quoted(_text(host))} TO {account.name}"


def _without_secret(grant: str) -> str:
    """MariaDB tells the hash of the password together with what an account may do; it ends with what follows."""
    head, found, behind = _split_at_word(grant, "IDENTIFIED")
    if not found:
        return grant
    return head.rstrip() + (" WITH GRANT OPTION" if behind.endswith(" WITH GRANT OPTION") else "")


def _split_at_word(statement: str, word: str) -> tuple[str, str, str]:
    position = 0
    for each in words(statement):
        position = statement.index(each, position)
        if each == word:
            return statement[:position], word, statement[position + len(word) :]
        position += len(each)
    return statement, "", ""


def _object(grant: str) -> str:
    """The database whose table or routine a grant is for; empty if it is for more, or for a role."""
    _, found, behind = _split_at_word(grant, "ON")
    match = re.match(r"\s+(?:TABLE |PROCEDURE |FUNCTION |PACKAGE BODY |PACKAGE )?(`(?:[^`]|``)*`)\.`", behind)
    return unquoted(match.group(1)) if found and match else ""


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
