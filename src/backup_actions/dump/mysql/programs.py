"""The programs of MariaDB or MySQL: which of them is there, and how each is told where the server is."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import BinaryIO

from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Server
from backup_actions.dump.mysql.session import UNREACHABLE
from backup_actions.dump.programs import input_of, output_of, private_file, program
from backup_actions.errors import BackupActionsError, DatabaseUnreachable

Failed = Callable[[str], BackupActionsError]

_ERROR_NUMBER = re.compile(r"(?:ERROR |error: )(\d{4})\b")
_WHILE_CONNECTED = frozenset({2006, 2013})
# The largest that exists: what a server sent must fit, and what it takes it says itself.
_PACKET = "--max-allowed-packet=1G"


@contextmanager
def dump_program(source: Connection, server: Server, options: Sequence[str], failed: Failed) -> Iterator[BinaryIO]:
    """What ``mariadb-dump`` or ``mysqldump`` writes. Raises DatabaseUnreachable, ToolMissing, or as ``failed`` says."""
    path = _program(server, ("mariadb-dump", "mysqldump"), "dump a database")
    with private_file(_option_file(source, path)) as secret:
        own = [] if is_mariadb(path) else ["--column-statistics=0", "--set-gtid-purged=OFF"]
        command = [path, f"--defaults-file={secret}", _PACKET, "--no-tablespaces", *own, *options]
        with output_of(command, reported(source, failed)) as output:
            yield output


@contextmanager
def client_program(to: Connection, server: Server, database: str, failed: Failed) -> Iterator[BinaryIO]:
    """Where to write what ``mariadb`` or ``mysql`` carries out in that database; it stops at the first error."""
    path = require_client(server)
    with private_file(_option_file(to, path)) as secret:
        # In binary mode nothing in a file is a command to the program but DELIMITER, and line ends stay what they are.
        command = [
            path, f"--defaults-file={secret}", _PACKET, "--batch", "--binary-mode", "--comments",
            f"--database={database}",
        ]  # fmt: skip
        if server.product == "mariadb":
            # Rows and tables were allowed where they come from, whatever is demanded of new ones here.
            command.append("--init-command=SET SESSION check_constraint_checks = 0, innodb_strict_mode = 0")
        with input_of(command, reported(to, failed)) as pipe:
            yield pipe


def require_client(server: Server) -> str:
    """The path of the program that carries out SQL there. Raises ToolMissing."""
    return _program(server, ("mariadb", "mysql"), "load a database")


def dumps_as_mariadb(server: Server) -> bool:
    """Whether the program that dumps this server is MariaDB's. Raises ToolMissing."""
    return is_mariadb(_program(server, ("mariadb-dump", "mysqldump"), "dump a database"))


@cache
def is_mariadb(path: str) -> bool:
    """Whether a program is MariaDB's: its options are other than those of MySQL's program of the same name."""
    said = subprocess.run([path, "--no-defaults", "--version"], capture_output=True, check=False).stdout
    return b"MariaDB" in said


def _program(server: Server, names: tuple[str, str], purpose: str) -> str:
    """The product's own program, or else its sister's."""
    if server.product == "mariadb":
        return program(*names, purpose=purpose, package="mariadb-client")
    return program(*reversed(names), purpose=purpose, package="default-mysql-client")


def _option_file(to: Connection, path: str) -> str:
    """https://mariadb.com/kb/en/configuring-mariadb-with-option-files/#option-file-syntax"""
    options = {"host": to.host, "port": str(to.port), "protocol": "tcp", "user": to.user, "password": to.password}
    options["default-character-set"] = "utf8mb4"
    if to.ca_file:
        options["ssl-ca"] = str(to.ca_file)
        options |= {"ssl-verify-server-cert": "1"} if is_mariadb(path) else {"ssl-mode": "VERIFY_IDENTITY"}
    elif is_mariadb(path):
        options["ssl-verify-server-cert"] = "0"
    return "[client]\n" + "".join(f"{name}={_option_value(value)}\n" for name, value in options.items())


def _option_value(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b"}
    return '"' + "".join(escapes.get(sign, sign) for sign in text) + '"'


def reported(to: Connection, failed: Failed) -> Failed:
    """What could not be reached is told from what failed there. The statement that failed, which may have rows in it,
    and which the client shows above its error, is left out.
    """

    def made(words: str) -> BackupActionsError:
        errors = [part for part in words.split("; ") if part.startswith("ERROR ")]
        words = "; ".join(errors) or words
        found = _ERROR_NUMBER.search(words)
        number = int(found.group(1)) if found else 0
        if number in UNREACHABLE - _WHILE_CONNECTED:
            return DatabaseUnreachable(where=to.address, reason=words)
        return failed(words)

    return made
