"""What is sent to people is what SNS takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_actions.model.console import dashboard_url, execution_url
from backup_actions.model.mail import MESSAGE_BYTES, SUBJECT_CHARACTERS, Mail


@given(st.text(max_size=300))
def test_every_subject_is_a_line_of_printable_ascii_and_short_enough(text: str) -> None:
    subject = Mail(text, "").subject

    assert len(subject) <= SUBJECT_CHARACTERS < 100
    assert subject.isascii()
    assert subject.isprintable()


def test_a_long_subject_says_that_it_goes_on() -> None:
    subject = Mail("Failed: " + "x" * 200, "").subject

    assert subject.startswith("Failed: xxx")
    assert subject.endswith("x...")
    assert len(subject) == SUBJECT_CHARACTERS


def test_a_message_that_fits_is_left_as_it_is() -> None:
    assert Mail("s", "één\nzwei …").message == "één\nzwei …"


def test_a_message_too_long_ends_with_a_whole_line_and_says_so() -> None:
    message = Mail("s", "ä line of some length\n" * 10_000).message

    assert len(message.encode()) <= MESSAGE_BYTES
    *lines, last = message.splitlines()
    assert set(lines) == {"ä line of some length"}
    assert "The rest was left out" in last


def test_a_single_line_too_long_is_cut_between_characters() -> None:
    message = Mail("s", "ä" * MESSAGE_BYTES).message

    assert len(message.encode()) <= MESSAGE_BYTES
    assert message.startswith("ää")


@pytest.mark.parametrize(
    ("partition", "region", "console"),
    [
        ("aws", "eu-west-1", "https://console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "https://console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "https://console.amazonaws-us-gov.com"),
    ],
)
def test_links_lead_to_the_console_of_the_partition(partition: str, region: str, console: str) -> None:
    arn = f"arn:{partition}:states:{region}:111122223333:execution:machine:run"

    assert execution_url(arn) == f"{console}/states/home?region={region}#/v2/executions/details/{arn}"
    assert dashboard_url(partition, region, "b").startswith(f"{console}/cloudwatch/home?region={region}#dashboards")


def test_where_no_console_is_known_the_name_is_told() -> None:
    arn = "arn:aws-iso:states:us-iso-east-1:111122223333:execution:machine:run"

    assert (execution_url(arn), dashboard_url("aws-iso", "us-iso-east-1", "b")) == (arn, "b")
