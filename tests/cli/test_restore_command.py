"""``restore`` and what the other commands say of dumps; a password is nowhere to be seen."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from tests.dump.fake_engine import ENGINE, HOSTS, FakeEngine, FakeServer

from backup_actions.archive import FolderStore
from backup_actions.cli.databases import connection_to
from backup_actions.dump import Connection, dump, engines
from backup_actions.errors import DatabaseUrlInvalid

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

SECRET = "s3cr3t"
URL = f"postgresql://me:{SECRET}@target.test"


@pytest.fixture(name="dumped")
def _dumped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The dump of two databases."""
    monkeypatch.setitem(engines._ENGINES, "postgresql", ENGINE)
    server = FakeServer(tmp_path / "server")
    server.fill("app", {("public", "orders"): [f"order {n}" for n in range(50)], ("public", "no\ane"): []})
    server.fill("other", {("s", "t"): ["one"]})
    (server.folder / "accounts").write_text("alice\n")
    dump(server.connection, FolderStore(tmp_path / "dump"))
    return tmp_path / "dump"


@pytest.fixture(name="target")
def _target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """An empty server, whose host is target.test."""
    (tmp_path / "target" / "databases").mkdir(parents=True)
    monkeypatch.setitem(HOSTS, "target.test", tmp_path / "target")
    return FakeServer(tmp_path / "target")


def databases(server: FakeServer) -> tuple[str, ...]:
    """Those of the server."""
    return FakeEngine().databases(server.connection)


def test_a_dump_is_restored_and_told(cli: Cli, dumped: Path, target: FakeServer) -> None:
    answer = cli("restore", dumped, "--to", URL)

    assert answer.status == 0
    assert answer.out.splitlines() == [
        "app: 2 tables, 50 rows, 2 other objects, as they were dumped",
        "other: 1 tables, 1 rows, 1 other objects, as they were dumped",
    ]
    assert "app: load: " in answer.err
    assert "it is not real" in answer.err
    assert SECRET not in answer.out + answer.err
    assert databases(target) == ("app", "other")


def test_a_restoration_answers_scripts(cli: Cli, dumped: Path, target: FakeServer) -> None:
    answer = cli("restore", dumped, "--to", f"{URL}/copy", "--table", "public.orders", "--json").json

    (restored,) = answer["databases"]
    assert restored == {"name": "app", "into": "copy", "tables": 1, "rows": 50, "objects": 1, "not_proven": []}
    assert answer["server"]["product"] == "fake"
    assert databases(target) == ("copy",)


def test_a_database_that_is_not_empty_is_replaced_only_if_asked_to(cli: Cli, dumped: Path, target: FakeServer) -> None:
    target.fill("app", {("mine", "own"): ["1"]})

    refused = cli("restore", dumped, "--to", URL, "--database", "app", "--json")
    replaced = cli("restore", dumped, "--to", URL, "--database", "app", "--replace", "--without-accounts")

    assert (refused.status, refused.json["error"]["code"], replaced.status) == (2, "BA0534", 0)
    assert not (target.folder / "accounts").exists()


def test_a_restoration_that_differs_has_its_own_status(cli: Cli, dumped: Path, target: FakeServer) -> None:
    target.fault("load-d0-rows-0", "cat > /dev/null")

    answer = cli("restore", dumped, "--to", URL, "--database", "app")

    assert answer.status == 4
    assert "app: table public.orders: it has 25 rows, not 50" in answer.err


def test_tables_are_listed_with_their_rows(cli: Cli, dumped: Path) -> None:
    answer = cli("list", dumped, "app/*")

    assert answer.status == 0
    assert [line.split() for line in answer.out.splitlines()] == [
        ["50", "rows", "app/public.orders"],
        ["0", "rows", r"app/public.no\x07ne"],
    ]


def test_a_long_list_names_the_sections_that_extract_takes(cli: Cli, dumped: Path, tmp_path: Path) -> None:
    words = [line.split() for line in cli("list", dumped, "--long").out.splitlines()]
    sections = [line[2] for line in words if line[0] == "section"]

    assert len(sections) == 9
    assert cli("extract", dumped, *sections, "--to", tmp_path / "some").status == 0
    assert cli("extract", dumped, "--to", tmp_path / "all").status == 0
    for folder in ("some", "all"):
        assert sorted(path.name for path in (tmp_path / folder).iterdir()) == sorted(sections)
        assert (tmp_path / folder / "accounts.sql").read_text() == "alice\n"


def test_a_list_for_scripts_has_tables_and_sections(cli: Cli, dumped: Path) -> None:
    records = [json.loads(line) for line in cli("list", dumped, "--json").out.splitlines()]

    assert [record["path"] for record in records if record["type"] == "section"][:2] == [
        "accounts.sql",
        "d0-before.text",
    ]
    assert [(each["database"], each["table"], each["rows"]) for each in records if each["type"] == "table"] == [
        ("app", "orders", 50),
        ("app", "no\ane", 0),
        ("other", "t", 1),
    ]


def test_a_section_is_poured_to_stdout(cli: Cli, dumped: Path) -> None:
    assert cli("extract", dumped, "d1-rows-0.text", "--to", "-").out == "s\tt\tone\n"
    assert cli("extract", dumped, "accounts", "--to", "-").out == "alice\n"


def test_an_extraction_leaves_a_file_alone_that_was_there(cli: Cli, dumped: Path, tmp_path: Path) -> None:
    (tmp_path / "accounts.sql").write_text("mine")

    assert cli("extract", dumped, "accounts.sql", "--to", tmp_path).status == 5
    assert (tmp_path / "accounts.sql").read_text() == "mine"


def test_a_dump_is_searched_by_its_sections(cli: Cli, dumped: Path) -> None:
    assert cli("search", dumped, "*-before*").out.split()[-1] == "d1-before.text"


def test_a_dump_is_verified_with_its_description(cli: Cli, dumped: Path) -> None:
    sound = cli("verify", dumped)
    (dumped / "dump.json").write_bytes((dumped / "dump.json").read_bytes().replace(b"alice", b"mallo"))
    altered = cli("verify", dumped)

    assert (sound.status, altered.status) == (0, 4)
    assert "accounts: 1 of 1 frames" in sound.out
    assert "dump.json: it is not what was written" in altered.out


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://me:a@h", Connection(family="postgresql", host="h", port=5432, user="me", password="a")),
        ("postgres://me:@h/", Connection(family="postgresql", host="h", port=5432, user="me")),
        (
            "mysql://a%40b:%2F%3A%40@H:3307/x%2Fy",
            Connection(family="mysql", host="h", port=3307, user="a@b", password="/:@", database="x/y"),
        ),
        ("MariaDB://me:@[::1]:1/db", Connection(family="mysql", host="::1", port=1, user="me", database="db")),
    ],
)
def test_a_url_names_a_server(url: str, expected: Connection) -> None:
    assert connection_to(url) == expected


@pytest.mark.parametrize("option", ["sslrootcert", "ssl-ca"])
def test_a_url_names_the_certificates_to_trust(option: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()

    assert connection_to(f"mysql://me:a@h/db?{option}={tmp_path}/ca.pem").ca_file == tmp_path / "ca.pem"


@pytest.mark.parametrize(("family", "variable"), [("postgresql", "PGPASSWORD"), ("mysql", "MYSQL_PWD")])
def test_the_password_may_come_from_the_environment(
    family: Literal["postgresql", "mysql"], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, SECRET)

    assert connection_to(f"{family}://me@h").password == SECRET
    assert SECRET not in repr(connection_to(f"{family}://me@h"))


def test_without_a_terminal_nobody_is_asked_for_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)

    assert connection_to("postgresql://me@h").password == ""


def test_on_a_terminal_the_password_is_asked_for_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("click.termui.hidden_prompt_func", lambda prompt: SECRET)

    assert connection_to("postgresql://me@h").password == SECRET
    written = capsys.readouterr()
    assert SECRET not in written.out + written.err


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"oracle://me:{SECRET}@h", "cannot use 'oracle://me@h' as a database server: only postgresql://"),
        (f"postgresql://me:{SECRET}/x@h", "'postgresql://me@h' as a database server: host and port cannot"),
        (f"postgresql://me:{SECRET}@h:{SECRET}", "host and port cannot be told apart"),
        (f"postgresql://me:{SECRET}@", "the host is missing"),
        (f"postgresql://me:{SECRET}", "host and port cannot be told apart"),
        ("postgresql://h/db", "the user is missing"),
        (f"postgresql://me:{SECRET}@h?password={SECRET}", "the option password is not known"),
        (f"mysql://me:{SECRET}@h?sslrootcert=/nonexistent", "there is no file '/nonexistent'"),
        (f"me:{SECRET}@h", "cannot use 'me' as"),
        ("", "only postgresql://"),
        (f"postgresql://[me:{SECRET}@h", "host and port cannot be told apart"),
    ],
)
def test_a_wrong_url_is_told_without_its_password(cli: Cli, tmp_path: Path, url: str, shown: str) -> None:
    answer = cli("restore", tmp_path, "--to", url)

    assert answer.status == 2
    assert shown in answer.err
    assert SECRET not in answer.err + answer.out
    with pytest.raises(DatabaseUrlInvalid) as refused:
        connection_to(url)
    assert SECRET not in str(refused.value.facts)
