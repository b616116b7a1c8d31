"""Recovery points: every ARN form, in any partition, and the names derived from them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_actions.errors import MalformedArn, MalformedEvent
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint

# Recovery point ARN, resource ARN, type, native id: one line for each form that AWS Backup uses.
FORMS = [
    ("ec2:{r}::snapshot/snap-0a1b", "ec2:{r}:{a}:volume/vol-0c2d", "EBS", "snap-0a1b"),
    ("ec2:{r}::image/ami-0a1b", "ec2:{r}:{a}:instance/i-0c2d", "EC2", "ami-0a1b"),
    ("rds:{r}:{a}:snapshot:awsbackup:job-1a-2b", "rds:{r}:{a}:db:orders", "RDS", "awsbackup:job-1a-2b"),
    ("rds:{r}:{a}:cluster-snapshot:awsbackup:job-1a", "rds:{r}:{a}:cluster:shop", "Aurora", "awsbackup:job-1a"),
    ("dynamodb:{r}:{a}:table/carts/backup/0157-ab", "dynamodb:{r}:{a}:table/carts", "DynamoDB", "0157-ab"),
    ("backup:{r}:{a}:recovery-point:1a2b-3c", "dynamodb:{r}:{a}:table/carts", "DynamoDB", "1a2b-3c"),
    ("backup:{r}:{a}:recovery-point:continuous:db-1a2b", "rds:{r}:{a}:db:orders", "RDS", "continuous:db-1a2b"),
    ("backup:{r}:{a}:recovery-point:9f-8e", "elasticfilesystem:{r}:{a}:file-system/fs-01", "EFS", "9f-8e"),
]
PLACES = [("aws", "us-east-1"), ("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")]


def make(form: tuple[str, str, str, str], partition: str = "aws", region: str = "us-east-1") -> RecoveryPoint:
    """The point of a form, in a place."""
    point, resource, kind, _ = form
    start = f"arn:{partition}:"
    return RecoveryPoint(
        Arn.parse(start + point.format(r=region, a="111122223333")),
        "backups",
        Arn.parse(start + resource.format(r=region, a="111122223333")),
        kind,
    )


@pytest.mark.parametrize(("partition", "region"), PLACES)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form[2]}-{form[3]}")
def test_native_id_is_what_the_native_service_calls_the_backup(
    form: tuple[str, str, str, str], partition: str, region: str
) -> None:
    assert form[3] == make(form, partition, region).native_id


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form[2]}-{form[3]}")
def test_execution_name_is_one_that_step_functions_accepts(form: tuple[str, str, str, str]) -> None:
    name = make(form).execution_name

    assert re.fullmatch(r"[a-zA-Z0-9-]{1,80}", name)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form[2]}-{form[3]}")
def test_prefix_has_no_character_that_a_key_or_an_export_prefix_may_not_have(form: tuple[str, str, str, str]) -> None:
    prefix = make(form).prefix("ebs-archive", "2026-01-15")

    assert re.fullmatch(r"[A-Za-z0-9=/_.-]+", prefix)
    assert prefix.startswith(f"ebs-archive/resource_type={form[2]}/account=111122223333/region=us-east-1/resource=")


def test_only_continuous_points_are_continuous() -> None:
    assert [form[3] for form in FORMS if make(form).is_continuous] == ["continuous:db-1a2b"]


def test_points_of_different_vaults_have_different_execution_names() -> None:
    point = make(FORMS[0])
    elsewhere = RecoveryPoint(point.arn, "other", point.resource_arn, point.resource_type)

    assert point.execution_name != elsewhere.execution_name


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form[2]}-{form[3]}")
def test_json_brings_the_same_point_back(form: tuple[str, str, str, str]) -> None:
    point = make(form)

    assert RecoveryPoint.from_json(point.to_json()) == point


@pytest.mark.parametrize("missing", ["arn", "vaultName", "resourceArn", "resourceType"])
def test_json_without_a_field_is_refused_by_name(missing: str) -> None:
    data = {key: value for key, value in make(FORMS[0]).to_json().items() if key != missing}

    with pytest.raises(MalformedEvent, match=missing):
        RecoveryPoint.from_json(data)


@given(st.text())
def test_any_text_is_an_arn_or_is_refused(text: str) -> None:
    try:
        arn = Arn.parse(text)
    except MalformedArn:
        return
    assert str(arn) == text


@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters=""), min_size=1))
def test_any_resource_gives_a_name_and_a_prefix(resource: str) -> None:
    point = RecoveryPoint(
        Arn("aws", "backup", "us-east-1", "111122223333", f"recovery-point:{resource}"),
        "backups",
        Arn("aws", "x", "us-east-1", "111122223333", resource),
        "Something New",
    )

    assert re.fullmatch(r"[a-zA-Z0-9-]{1,80}", point.execution_name)
    assert re.fullmatch(r"[A-Za-z0-9=/_.-]+", point.prefix("evidence", "2026-01-15"))


def test_each_run_of_a_point_has_the_next_name() -> None:
    point = make(FORMS[0])
    second = point.next_run(point.execution_name)
    third = point.next_run(second)

    assert [second, third] == [f"{point.execution_name}-2", f"{point.execution_name}-3"]
    assert [point.number_of(run) for run in (point.execution_name, second, third, "by-hand")] == [1, 2, 3, 1]


def test_the_next_name_is_one_that_step_functions_accepts_however_long_the_first_is() -> None:
    point = make(("ec2:{r}::snapshot/snap-" + "9" * 200, "ec2:{r}:{a}:volume/vol-0c2d", "EBS", ""))
    again = point.next_run(point.execution_name)

    assert len(point.execution_name) == len(again) == 80
    assert (point.number_of(again), point.next_run(again)[-2:]) == (2, "-3")


@pytest.mark.parametrize("form", FORMS, ids=[form[0] for form in FORMS])
def test_the_place_of_a_point_is_its_own_whatever_lies_there(form: tuple[str, str, str, str]) -> None:
    point, other = make(form), make((form[0] + "1", *form[1:]))

    assert all(point.is_place(point.prefix(kind, date)) for kind in ("a", "evidence") for date in ("2026-05-04", ""))
    assert not other.is_place(point.prefix("a", "2026-05-04"))
    assert not point.is_place("a")
    assert not point.is_place(f"{point.prefix('a', '2026-05-04')}/run")
