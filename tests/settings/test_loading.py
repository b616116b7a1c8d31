"""A settings file is accepted whole or refused with everything that is wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backup_actions.contract import Action, Permissions, Settings, setting
from backup_actions.errors import SettingInvalid, SettingsInvalid, SettingsUnreadable
from backup_actions.settings import DeploymentSettings, from_mapping, load
from backup_actions.settings.archive_bucket import ArchiveBucket
from backup_actions.settings.imports import SOURCES_AT_MOST
from backup_actions.settings.yaml_file import parse

REQUIRED: Mapping[str, Any] = {
    "account": "111122223333",
    "region": "us-east-1",
    "zones": ["us-east-1a", "us-east-1b"],
    "vaults": ["backups"],
}
IN_A_FILE = """\
account: "111122223333"
region: us-east-1
zones: [us-east-1a]
vaults: [backups]
"""


@dataclass(frozen=True, kw_only=True)
class WorkSettings(Settings):
    """Settings as a third party writes them."""

    iops: int = setting("How fast.", default=3000, at_least=3000, at_most=80_000, why="the limits of gp3")
    ratio: float = setting("How much.", default=0.5, at_least=0, at_most=1)
    note: str | None = setting("What to say.", default=None)
    codec: str = setting("Which.", default="zstd", one_of=("zstd", "gzip"))
    mode: Literal["fast", "small"] = setting("Why.", default="fast")
    hosts: tuple[str, ...] = setting("Where.", default=())
    check: bool = setting("Whether.", default=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mode == "small" and self.codec == "gzip":
            raise SettingInvalid(name="codec", value=self.codec, reason="gzip is never small")


ACTION = Action(
    name="disk-work",
    title="Work on a disk",
    folder=Path(),
    permissions=Permissions(),
    settings=WorkSettings,
    handles=("EBS",),
    restorable=True,
)


def mistakes(data: Mapping[str, Any]) -> list[str]:
    """What is reported about the mapping, line by line."""
    with pytest.raises(SettingsInvalid) as refused:
        from_mapping({**REQUIRED, **data}, [ACTION])
    reported = str(refused.value.facts["mistakes"]).splitlines()
    assert refused.value.facts["count"] == len(reported)
    return reported


def accepted(data: Mapping[str, Any]) -> DeploymentSettings:
    """The settings that the mapping makes."""
    return from_mapping({**REQUIRED, **data}, [ACTION])


@pytest.fixture(name="write")
def _write(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "backup-actions.yaml"
        path.write_text(text)
        return path

    return write


def lines_reported(path: Path) -> list[str]:
    """What is reported about the file, line by line."""
    with pytest.raises(SettingsInvalid) as refused:
        load(path, [ACTION])
    return str(refused.value.facts["mistakes"]).splitlines()


def test_the_four_required_settings_suffice() -> None:
    settings = accepted({})

    assert settings.name == "backup-actions"
    assert settings.deletion.policy == "keep"
    assert settings.archive_bucket.name is None
    assert settings.zones == ("us-east-1a", "us-east-1b")


def test_a_file_and_a_mapping_give_the_same_settings(write: Callable[[str], Path]) -> None:
    assert load(write(IN_A_FILE), [ACTION]) == accepted({"zones": ["us-east-1a"]})


def test_who_says_nothing_keeps_all_backups() -> None:
    deletion = accepted({}).deletion

    assert (deletion.policy, deletion.after_unrestorable) == ("keep", False)


@pytest.mark.parametrize("text", ["false", "true", "no", "yes", "0", ""])
@pytest.mark.parametrize(
    "setting",
    [
        lambda text: {"deletion": {"after_unrestorable": text}},
        lambda text: {"athena": {"enabled": text}},
        lambda text: {"actions": {"disk-work": {"enabled": text}}},
    ],
    ids=["deletion", "athena", "action"],
)
def test_a_text_is_neither_yes_nor_no(setting: Callable[[str], Mapping[str, Any]], text: str) -> None:
    with pytest.raises(SettingsInvalid, match="must be true or false"):
        accepted(setting(text))


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        accepted({}).region = "eu-west-1"  # type: ignore[misc]


def test_an_action_without_a_section_is_used_with_its_defaults() -> None:
    settings = accepted({})

    assert settings.enabled([ACTION]) == (ACTION,)
    assert settings.settings_of(ACTION) == WorkSettings()
    assert settings.selection_of(ACTION) == {}


def test_an_action_gets_its_own_class_filled_from_its_section() -> None:
    settings = accepted({"actions": {"disk-work": {"iops": 4000, "hosts": ["a", "b"], "select": {"tier": "gold"}}}})

    assert settings.settings_of(ACTION) == WorkSettings(iops=4000, hosts=("a", "b"))
    assert settings.selection_of(ACTION) == {"tier": "gold"}


def test_tags_that_an_action_cannot_do_without_choose_for_it_as_well() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Picky(WorkSettings):
        def selection(self) -> Mapping[str, str]:
            return {"iops": str(self.iops)}

    picky = replace(ACTION, settings=Picky)
    settings = from_mapping({**REQUIRED, "actions": {"disk-work": {"select": {"tier": "gold"}}}}, [picky])

    assert settings.selection_of(picky) == {"tier": "gold", "iops": str(Picky().iops)}


def test_a_disabled_action_is_not_used() -> None:
    assert accepted({"actions": {"disk-work": {"enabled": False}}}).enabled([ACTION]) == ()


@pytest.mark.parametrize("section", ["deletion", "archive_bucket", "actions", "notifications"])
def test_a_heading_with_nothing_below_it_counts_as_absent(section: str) -> None:
    assert accepted({section: None}) == accepted({})


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_partition_follows_from_the_region(region: str, partition: str) -> None:
    assert accepted({"region": region, "zones": [f"{region}a"]}).partition == partition


def test_partitions_agree_with_botocore() -> None:
    import boto3

    session = boto3.Session()
    for partition in session.get_available_partitions():
        for region in session.get_available_regions("ec2", partition):
            assert accepted({"region": region, "zones": [f"{region}a"]}).partition == partition


def test_every_mistake_is_reported_at_once_with_its_line(write: Callable[[str], Path]) -> None:
    path = write("""\
account: 111122223333
region: eu-west-1
zones: [eu-west-1a, us-east-1a]
vaults: []
deletion:
  policy: shorten
  after_unrestorable: "false"
archive_bucket:
  region: us-east-1
  lifecycle: {glacier: 30, deep_archive: 60}
actions:
  disk-work:
    iops: 100
    iosp: 3000
""")

    assert lines_reported(path) == [
        "account (line 1): it must be a text; write it in quotes: as a number it would lose leading zeros",
        "zones (line 3): us-east-1a is no availability zone of eu-west-1; they read eu-west-1a, eu-west-1b, …",
        "vaults (line 4): it needs at least one",
        "deletion.shorten_to_days (line 5): it is required with policy: shorten",
        "deletion.after_unrestorable (line 7): it must be true or false; write false without quotes",
        "archive_bucket.region (line 9): it must be the stack's region, eu-west-1: exports and jobs write to a bucket "
        "of their own region",
        "archive_bucket.lifecycle.deep_archive (line 10): it must be at least 120: archives go to glacier after 30 "
        "days, and S3 charges for at least 90 days there",
        "actions.disk-work.iops (line 13): it must be at least 3000 (the limits of gp3)",
        "actions.disk-work.iosp (line 14): there is no such setting; did you mean iops?",
    ]


def test_what_is_required_and_missing_is_named() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        from_mapping({}, [])

    assert str(refused.value.facts["mistakes"]).splitlines() == [
        "account: it is required",
        "region: it is required",
        "vaults: it needs at least one",
        "zones: it is required",
    ]


def test_a_deployment_imports_from_as_many_accounts_as_its_roles_can_name() -> None:
    sources = [
        {
            "account": account,
            "announcements_topic_arn": f"arn:aws:sns:us-east-1:{account}:announcements",
            "acknowledgements_queue_url": f"https://sqs.us-east-1.amazonaws.com/{account}/acknowledgements",
        }
        for account in (f"{number:012}" for number in range(SOURCES_AT_MOST + 1))
    ]
    where = {"account": "444455556666", "region": "eu-west-1", "zones": ["eu-west-1a"]}

    from_mapping({**where, "imports": {"sources": sources[1:]}}, [])
    with pytest.raises(SettingsInvalid, match="at most 5"):
        from_mapping({**where, "imports": {"sources": sources}}, [])


def test_a_deployment_that_imports_watches_no_vaults_and_uses_the_actions_that_it_names() -> None:
    source = {
        "account": "111122223333",
        "announcements_topic_arn": "arn:aws:sns:us-east-1:111122223333:announcements",
        "acknowledgements_queue_url": "https://sqs.us-east-1.amazonaws.com/111122223333/acknowledgements",
    }
    imports = {"imports": {"sources": [source]}}
    where = {"account": "444455556666", "region": "eu-west-1", "zones": ["eu-west-1a"]}

    assert from_mapping({**where, **imports}, []).vaults == ()
    assert from_mapping({**where, **imports}, [ACTION]).enabled([ACTION]) == ()
    assert from_mapping({**where, **imports, "actions": {"disk-work": {}}}, [ACTION]).enabled([ACTION]) == (ACTION,)
    with pytest.raises(SettingsInvalid, match="watches no vaults"):
        from_mapping({**where, **imports, "vaults": ["backups"]}, [])


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({"account": "222233334444"}, "the topic .* is not of the account 222233334444"),
        (
            {"acknowledgements_queue_url": "https://sqs.us-east-1.amazonaws.com/222233334444/a"},
            "the queue .* is not of",
        ),
        ({"announcements_topic_arn": "announcements"}, "ARN of a topic"),
    ],
)
def test_what_is_imported_comes_from_the_account_that_is_named(change: dict[str, str], mistake: str) -> None:
    source = {
        "account": "111122223333",
        "announcements_topic_arn": "arn:aws:sns:us-east-1:111122223333:announcements",
        "acknowledgements_queue_url": "https://sqs.us-east-1.amazonaws.com/111122223333/acknowledgements",
    }
    where = {"account": "444455556666", "region": "eu-west-1", "zones": ["eu-west-1a"]}

    with pytest.raises(SettingsInvalid, match=mistake):
        from_mapping({**where, "imports": {"sources": [{**source, **change}]}}, [])


@pytest.mark.parametrize(
    ("data", "mistake"),
    [
        ({"account": "1234"}, 'account: it must be the twelve digits of an account, in quotes: "111122223333"'),
        ({"region": "virginia"}, "region: it must be the name of a region, for instance us-east-1"),
        ({"zones": "us-east-1a"}, "zones: it must be a list: write [us-east-1a]"),
        ({"zones": ["us-east-1a", "us-east-1a"]}, "zones: us-east-1a stands here twice"),
        ({"vaults": ["my vault"]}, "vaults[0]: a vault's name is 2 to 50 letters, digits, hyphens or underscores"),
        ({"vaults": [3]}, "vaults[0]: it must be a text; write it in quotes: as a number it would lose leading zeros"),
        ({"tags": {"aws:x": "y"}}, "tags.aws:x: a tag's key is 1 to 128 letters"),
        ({"tags": {str(i): "" for i in range(41)}}, "tags: at most 40 tags"),
        ({"tags": {"backup-actions": "no"}}, "security_tag: its key backup-actions is used in tags too"),
        ({"security_tag": {"key": "a", "value": True}}, "security_tag.value: it must be a text; write it in quotes"),
        ({"security_tag": {"key": "a"}}, "security_tag.value: it is required"),
        ({"name": "x" * 25}, "name: it must be lower-case words joined by single hyphens, at most 24"),
        ({"deletion": "keep"}, "deletion: it must be a section with settings of its own, not the text 'keep'"),
        ({"deletion": {"policy": "drop"}}, "deletion.policy: it must be one of keep, shorten, delete"),
        ({"deletion": {"policy": "shorten", "shorten_to_days": 0}}, "deletion.shorten_to_days: it must be at least 1"),
        ({"deletion": {"shorten_to_days": 3}}, "deletion.shorten_to_days: it has a meaning only with policy: shorten"),
        ({"deletion": {"after_unrestorable": 1}}, "deletion.after_unrestorable: it must be true or false, not the num"),
        ({"deletion": {"after_unrestorable": None}}, "deletion.after_unrestorable: it must be true or false, not noth"),
        ({"archive_bucket": {"name": "Archive"}}, "archive_bucket.name: a bucket's name is 3 to 63 lower-case"),
        ({"archive_bucket": {"storage_class": "DEEP_ARCHIVE"}}, "archive_bucket.storage_class: it must be one of STA"),
        ({"archive_bucket": {"key_arn": "alias/x"}}, "archive_bucket.key_arn: it must be the ARN of the key itself"),
        (
            {"archive_bucket": {"key_arn": "arn:aws:kms:eu-west-1:111122223333:key/1"}},
            "archive_bucket.key_arn: the key is in eu-west-1, and S3 needs one in the bucket's region, us-east-1",
        ),
        (
            {"archive_bucket": {"lifecycle": {"deep_archive": 1, "expiration": 100}}},
            "archive_bucket.lifecycle.expiration: it must be at least 181: archives go to deep_archive after 1 days",
        ),
        (
            {"archive_bucket": {"lifecycle": {"glacier": 1, "expiration": 90}}},
            "archive_bucket.lifecycle.expiration: it must be at least 91: archives go to glacier after 1 days",
        ),
        (
            {"archive_bucket": {"lifecycle": {"expiration": 9}, "object_lock": {"mode": "governance", "days": 10}}},
            "archive_bucket.object_lock: archives expire after 9 days and would still be locked until day 10",
        ),
        (
            {"archive_bucket": {"object_lock": {"mode": "governance", "days": 10}}, "athena": {"enabled": True}},
            "athena: results needs a place in another bucket: object_lock would keep every result of a query",
        ),
        (
            {"athena": {"results": "our-results"}},
            "athena.results: it must be a place in S3 that ends in a slash: s3://bucket/folder/",
        ),
        (
            {"archive_bucket": {"name": "my-archive", "lifecycle": {"glacier": 3}}},
            "archive_bucket.lifecycle: leave it out: the bucket named in archive_bucket.name is not the stack's",
        ),
        (
            {"archive_bucket": {"name": "my-archive", "access_logs": {"bucket": "my-archive"}}},
            "archive_bucket.access_logs: leave it out",
        ),
        ({"notifications": {"email": ["ops"]}}, "notifications.email[0]: it must be an e-mail address"),
        ({"worker_image": "my image"}, "worker_image: it must be an image URI"),
        ({"log_retention_days": 17}, "log_retention_days: it must be one of 1, 3, 5, 7"),
        ({"actions": {"disk-wrok": {}}}, "actions.disk-wrok: there is no action of this name; installed are disk-work"),
        ({"actions": {"disk-work": {"iops": "4000"}}}, "actions.disk-work.iops: it must be a number; write 4000 with"),
        ({"actions": {"disk-work": {"iops": 4000.5}}}, "actions.disk-work.iops: it must be a whole number, not 4000.5"),
        ({"actions": {"disk-work": {"iops": "many"}}}, "actions.disk-work.iops: it must be a number, not the text"),
        ({"actions": {"disk-work": {"ratio": float("nan")}}}, "actions.disk-work.ratio: it should be a finite number"),
        ({"actions": {"disk-work": {"ratio": 2.0}}}, "actions.disk-work.ratio: it must be at most 1"),
        ({"actions": {"disk-work": {"codec": "xz"}}}, "actions.disk-work.codec: it must be one of zstd, gzip"),
        ({"actions": {"disk-work": {"mode": "slow"}}}, "actions.disk-work.mode: it must be one of fast, small"),
        ({"actions": {"disk-work": {"note": ["a"]}}}, "actions.disk-work.note: it must be a text, not a list"),
        ({"actions": {"disk-work": {"hosts": {}}}}, "actions.disk-work.hosts: it must be a list, not a section"),
        ({"actions": {"disk-work": {"select": ["a"]}}}, "actions.disk-work.select: it must be a section"),
        (
            {"actions": {"disk-work": {"mode": "small", "codec": "gzip"}}},
            "actions.disk-work.codec: gzip is never small",
        ),
    ],
)
def test_a_mistake_is_reported_with_its_place_and_remedy(data: Mapping[str, Any], mistake: str) -> None:
    (reported,) = mistakes(data)

    assert reported.startswith(mistake)


@pytest.mark.parametrize(
    ("data", "place", "known"),
    [
        ({"acount": 1}, "acount", "did you mean account?"),
        ({"backupVault": "x"}, "backupVault", "write vaults"),
        ({"securityTag": {}}, "securityTag", "did you mean security_tag?"),
        ({"lifecycleRules": {}}, "lifecycleRules", "write archive_bucket.lifecycle"),
        ({"archive_bucket": {"lifecycle": {"deepArchive": 3}}}, "archive_bucket.lifecycle.deepArchive", "archive?"),
        ({"archive_bucket": {"object_lock": {"mode": "governance", "days": 1, "day": 1}}},
         "archive_bucket.object_lock.day", "did you mean days?"),
        ({"notifications": {"sms": []}}, "notifications.sms", "known here: email, success"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_answered_with_the_one_that_was_meant(
    data: Mapping[str, Any], place: str, known: str
) -> None:
    (reported,) = mistakes(data)

    assert reported.startswith(f"{place}: there is no such setting; ")
    assert reported.endswith(known)


def test_a_key_given_twice_is_refused(write: Callable[[str], Path]) -> None:
    assert lines_reported(write(IN_A_FILE + "region: eu-west-1\n")) == [
        "region (line 5): it stands here twice, first in line 2"
    ]


def test_a_key_that_is_no_text_is_refused(write: Callable[[str], Path]) -> None:
    path = write(IN_A_FILE + "tags:\n  yes: a\n  [b]: c\n")

    assert lines_reported(path) == [
        'tags (line 6): a name must be a text: write "yes" in quotes',
        "tags (line 7): a name must be a text: write it in quotes",
    ]


def test_an_item_of_a_list_has_its_own_line(write: Callable[[str], Path]) -> None:
    path = write(IN_A_FILE.replace("[backups]", "\n  - backups\n  - x"))

    assert lines_reported(path) == [
        "vaults[1] (line 6): a vault's name is 2 to 50 letters, digits, hyphens or underscores"
    ]


def test_a_date_is_the_text_that_was_written(write: Callable[[str], Path]) -> None:
    settings = load(write(IN_A_FILE + "tags: {since: 2026-10-01}\n"), [ACTION])

    assert settings.tags == {"since": "2026-10-01"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "expected the node content, but found '<stream end>' (line 1)"),
        ("- a", "it must consist of settings"),
        ("just words", "it must consist of settings"),
        ("a: &x 1\nb: *x", "write the value out, aliases (*) are not used here (line 2)"),
        ("a: !!python/object/apply:os.system [ls]", "is not a kind of setting (line 1)"),
        ("a: !!int many", "this is no value (line 1)"),
        ("a: !!bool maybe", "this is no value (line 1)"),
        ("a: " + "9" * 5000, "this is no value (line 1)"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        ("a:\n\tb: 1", "cannot start any token (line 2); indent with spaces, not with tabs"),
        ("a: 1\nb: \0", "the character '\\x00' is not allowed (line 2)"),
        ("[" * 3000, "its values are nested too deeply"),
    ],
)
def test_what_is_no_settings_file_is_refused_with_the_reason(
    write: Callable[[str], Path], text: str, reason: str
) -> None:
    path = write(text)

    with pytest.raises(SettingsUnreadable) as refused:
        load(path, [ACTION])

    assert str(path) in str(refused.value)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_refused_with_the_way_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsUnreadable, match="No such file") as refused:
        load(tmp_path / "none.yaml", [ACTION])

    assert "check --example" in refused.value.hint


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "backup-actions.yaml"
    path.write_bytes(b"a: \xff")

    with pytest.raises(SettingsUnreadable, match=r"byte 3 is not UTF-8 \(line 1\)"):
        load(path, [ACTION])


def test_an_empty_file_lacks_what_is_required(write: Callable[[str], Path]) -> None:
    assert len(lines_reported(write("# nothing\n"))) == 4


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=5,
)
_NAMES = st.sampled_from([*DeploymentSettings.model_fields, "nonsense"])
_BUCKET = st.dictionaries(st.sampled_from([*ArchiveBucket.model_fields, "nonsense"]), _VALUES, max_size=4)


@given(data=st.dictionaries(_NAMES, _VALUES, max_size=4), bucket=_BUCKET)
def test_whatever_is_given_is_accepted_or_refused_with_its_mistakes(
    data: dict[str, Any], bucket: dict[str, Any]
) -> None:
    with suppress(SettingsInvalid):
        from_mapping({**REQUIRED, "archive_bucket": bucket, **data}, [ACTION])


@given(text=st.text(alphabet="abc:-[]{}\"' #&*!|>\n\t0", max_size=40))
def test_whatever_text_is_read_or_refused_with_a_reason(text: str) -> None:
    with suppress(yaml.YAMLError):
        assert isinstance(parse(text).data, dict)
