"""``archive``, ``list``, ``extract`` and ``verify`` on a folder; S3 is the same contract."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    (source / "etc").mkdir(parents=True)
    (source / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
    (source / "etc" / "motd").write_text("welcome\n")
    (source / os.fsdecode(b"odd\xff\n\\name")).write_text("odd")
    (source / "link").symlink_to("etc/hosts")
    return source


@pytest.fixture(name="archived")
def _archived(cli: Cli, source: Path, tmp_path: Path) -> Path:
    place = tmp_path / "archives" / "source"
    assert cli("archive", source, place).status == 0
    return place


def stored(path: Path) -> bytes:
    """The content of a compressed image, by stock zstd."""
    return subprocess.run(["zstd", "-dc", path], check=True, capture_output=True).stdout


def test_an_archive_is_summarized_on_stdout_and_told_on_stderr(cli: Cli, source: Path, tmp_path: Path) -> None:
    place = tmp_path / "out"

    answer = cli("archive", source, place)

    assert answer.status == 0
    assert answer.out.splitlines()[-1].startswith(f"{place}: 31 B archived in ")
    assert answer.err != ""


def test_an_archive_answers_scripts_with_its_manifest(cli: Cli, source: Path, tmp_path: Path) -> None:
    place = tmp_path / "out"

    answer = cli("archive", source, place, "--name", "my source", "--json")

    assert answer.json["location"] == str(place)
    assert answer.json["manifest"]["source"]["name"] == "my source"
    assert answer.json["manifest"] == json.loads((place / "manifest.json").read_text())


def test_a_client_that_cannot_be_made_is_told_although_reading_has_begun(
    cli: Cli, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody-has-this-profile")

    answer = cli("archive", source, "s3://bucket/prefix")

    assert answer.status == 5
    assert "BA0304: cannot call AWS: The config profile (nobody-has-this-profile)" in answer.err


def test_an_archive_is_never_overwritten(cli: Cli, source: Path, archived: Path) -> None:
    answer = cli("archive", source, archived)

    assert answer.status == 2
    assert answer.err.startswith("BA0405: ")


def test_a_level_that_the_codec_does_not_know_is_refused(cli: Cli, source: Path, tmp_path: Path) -> None:
    answer = cli("archive", source, tmp_path / "out", "--codec", "gzip", "--level", "12")

    assert answer.status == 2
    assert answer.err.startswith("BA0103: setting level is 12: ")
    assert not (tmp_path / "out").exists()


def test_a_level_is_auto_or_a_number(cli: Cli, source: Path, tmp_path: Path) -> None:
    assert cli("archive", source, tmp_path / "auto", "--level", "auto").status == 0
    assert cli("archive", source, tmp_path / "high", "--level", "19").status == 0

    answer = cli("archive", source, tmp_path / "out", "--level", "high")

    assert answer.status == 2
    assert "'high' is not a valid integer" in answer.err


def test_memory_that_is_not_enough_is_refused_with_what_would_be(cli: Cli, source: Path, tmp_path: Path) -> None:
    assert cli("archive", source, tmp_path / "small", "--memory-mib", "160").status == 0

    answer = cli("archive", source, tmp_path / "out", "--memory-mib", "100")

    assert answer.status == 2
    assert answer.err.startswith("BA0103: setting memory_mib is 100: frames of 4 MiB need at least 160")


def test_images_keep_what_was_deleted_if_asked_to(cli: Cli, tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(32 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True, env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"})
    with image.open("r+b") as file:
        file.seek(30 << 20)
        file.write(b"remains")

    small = cli("archive", image, tmp_path / "small", "--raw", "always", "--json")
    whole = cli("archive", image, tmp_path / "whole", "--raw", "always", "--whole-images", "--json")

    assert "are zeros" in small.json["manifest"]["members"][0]["notes"][0]
    assert whole.json["manifest"]["members"][0]["notes"] == []
    assert b"remains" in stored(tmp_path / "whole" / "whole" / "device.img.zst")
    assert b"remains" not in stored(tmp_path / "small" / "whole" / "device.img.zst")


def test_a_source_that_is_not_there_is_a_usage_error(cli: Cli, tmp_path: Path) -> None:
    assert cli("archive", tmp_path / "none", tmp_path / "out").status == 2


def test_paths_are_listed_one_a_line_whatever_bytes_they_hold(cli: Cli, archived: Path) -> None:
    assert sorted(cli("list", archived).out.splitlines()) == [
        ".",
        "etc",
        "etc/hosts",
        "etc/motd",
        "link",
        r"odd\xff\x0a\\name",
    ]


def test_a_pattern_selects_paths(cli: Cli, archived: Path) -> None:
    assert sorted(cli("list", archived, "etc/*").out.splitlines()) == ["etc/hosts", "etc/motd"]


@pytest.mark.parametrize("how", [(), ("--long",), ("--json",)])
def test_a_pattern_that_nothing_matches_is_told_beside_the_answer(
    cli: Cli, archived: Path, how: tuple[str, ...]
) -> None:
    answer = cli("list", archived, "no/such/*", *how)
    assert (answer.status, answer.out) == (0, "")
    assert answer.err == f"Nothing in {archived} matches no/such/*.\n"


def test_a_long_list_has_mode_size_and_target(cli: Cli, archived: Path) -> None:
    lines = {line.split()[5]: line for line in cli("list", archived, "-l").out.splitlines()}

    assert lines["etc/hosts"].startswith("-rw")
    assert lines["etc/hosts"].split()[3] == "20"
    assert lines["link"].startswith("lrwxrwxrwx")
    assert lines["link"].endswith("link -> etc/hosts")


def test_a_list_for_scripts_has_an_object_on_each_line(cli: Cli, archived: Path) -> None:
    entries = [json.loads(line) for line in cli("list", archived, "--json").out.splitlines()]

    by_path = {bytes.fromhex(entry["path_hex"]): entry for entry in entries}
    assert by_path[b"odd\xff\n\\name"]["size_bytes"] == 3
    assert by_path[b"etc/hosts"]["type"] == "file"


def test_everything_is_extracted(cli: Cli, source: Path, archived: Path, tmp_path: Path) -> None:
    target = tmp_path / "restored"

    assert cli("extract", archived, "--to", target).status == 0

    assert sorted(path.name for path in target.rglob("*")) == sorted(path.name for path in source.rglob("*"))
    assert (target / "etc" / "hosts").read_text() == "127.0.0.1 localhost\n"


def test_named_paths_alone_are_extracted(cli: Cli, archived: Path, tmp_path: Path) -> None:
    target = tmp_path / "restored"

    answer = cli("extract", archived, "etc/motd", "--to", target, "--json")

    assert answer.json == {"location": str(archived), "target": str(target), "paths": ["etc/motd"]}
    assert [path.name for path in target.rglob("*") if path.is_file()] == ["motd"]


def test_a_path_that_is_not_in_the_archive_is_told(cli: Cli, archived: Path, tmp_path: Path) -> None:
    answer = cli("extract", archived, "etc/passwd", "--to", tmp_path / "restored")

    assert answer.status == 3
    assert answer.err.startswith("BA0406: 'etc/passwd' is not in the archive")


def test_one_file_is_poured_to_stdout(cli: Cli, archived: Path) -> None:
    answer = cli("extract", archived, "etc/motd", "--to", "-")

    assert (answer.status, answer.out, answer.err) == (0, "welcome\n", "")


def test_stdout_takes_one_file_and_nothing_else(cli: Cli, archived: Path) -> None:
    assert cli("extract", archived, "--to", "-").status == 2
    assert cli("extract", archived, "etc/motd", "etc/hosts", "--to", "-").status == 2
    assert cli("extract", archived, "etc/motd", "--to", "-", "--json").status == 2
    assert cli("extract", archived, "--disk", "--to", "-").status == 2
    assert cli("extract", archived, "etc", "--to", "-").status == 3


def test_a_disk_is_rebuilt_whole_or_not_at_all(cli: Cli, archived: Path, tmp_path: Path) -> None:
    assert cli("extract", archived, "etc", "--disk", "--to", tmp_path / "disk.img").status == 2


def test_a_rebuilt_disk_has_the_bytes_of_its_source(cli: Cli, tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(1 << 20) + os.urandom(4096))
    assert cli("archive", image, tmp_path / "out", "--raw", "always").status == 0

    answer = cli("extract", tmp_path / "out", "--disk", "--to", tmp_path / "rebuilt.img", "--json")

    assert (tmp_path / "rebuilt.img").read_bytes() == image.read_bytes()
    assert answer.json["to_be_filled"] == []


def test_what_is_no_archive_is_told(cli: Cli, tmp_path: Path) -> None:
    for command in (["list", tmp_path], ["extract", tmp_path, "--to", tmp_path / "to"], ["verify", tmp_path]):
        answer = cli(*command)

        assert answer.status == 3
        assert answer.err.startswith("BA0403: there is no complete archive at ")


def test_a_sound_archive_is_verified(cli: Cli, archived: Path) -> None:
    answer = cli("verify", archived)

    assert answer.status == 0
    assert "nothing is wrong" in answer.out


def test_everything_is_verified_unless_a_sample_is_asked_for(cli: Cli, archived: Path) -> None:
    whole, asked, sampled = (cli("verify", archived, *options) for options in ((), ("--all",), ("--sample", 5)))

    assert whole.out == asked.out
    assert "read whole" in whole.out
    assert "sampled" in sampled.out
    assert sampled.status == 0


def test_a_sample_of_everything_is_a_contradiction(cli: Cli, archived: Path) -> None:
    assert cli("verify", archived, "--all", "--sample", 5).status == 2
    assert cli("verify", archived, "--sample", 0).status == 2


def test_damage_is_reported_with_its_own_status(cli: Cli, archived: Path) -> None:
    (stored,) = archived.glob("*.tar.zst")
    data = bytearray(stored.read_bytes())
    data[len(data) // 2] ^= 1
    stored.write_bytes(data)

    answer = cli("verify", archived)

    assert answer.status == 4
    assert answer.err.splitlines()[-2].startswith(f"BA0404: the archive at {archived} is damaged: ")


def test_a_verification_answers_scripts_with_one_document(cli: Cli, archived: Path) -> None:
    (stored,) = archived.glob("*.tar.zst")
    stored.unlink()

    answer = cli("verify", archived, "--json")

    assert answer.status == 4
    assert answer.json["ok"] is False
    assert answer.json["problems"] != []
