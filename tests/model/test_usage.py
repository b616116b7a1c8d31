"""Usage is added up by name, and a note of another run counts for nothing."""

from __future__ import annotations

import pytest

from backup_actions.model.usage import added, noted, usage_noted, usage_of_jobs, usage_of_volume


def test_usages_are_added_by_name_and_what_is_nothing_is_left_out() -> None:
    assert added(({"put_requests": 2, "job_hours": 0}, {"put_requests": 3, "get_requests": 1})) == {
        "get_requests": 1,
        "put_requests": 5,
    }


def test_jobs_are_counted_in_hours_of_hosts_and_of_processors() -> None:
    jobs = {"a": {"seconds": 1800, "attempts": 2, "vcpus": 2}, "b": {"seconds": 900, "attempts": 1, "vcpus": 4}}

    assert usage_of_jobs(jobs) == {"job_hours": 0.75, "job_vcpu_hours": 2.0, "job_attempts": 3}


def test_processors_that_nobody_told_of_are_not_counted_as_none() -> None:
    assert "job_vcpu_hours" not in usage_of_jobs({"a": {"seconds": 1800, "attempts": 1}})


def test_of_a_volume_only_what_is_above_the_rates_in_its_price_counts_besides_its_size() -> None:
    assert usage_of_volume(gib=100, hours=2, iops=3000, mib_per_s=250) == {
        "volume_gib_hours": 200,
        "volume_iops_hours": 0,
        "volume_mib_per_s_hours": 250,
    }


def test_what_a_run_noted_is_read_back_by_the_same_run_alone() -> None:
    notes = noted("run-1", {"put_requests": 7})

    assert usage_noted(notes, "run-1") == {"put_requests": 7}
    assert usage_noted(notes, "run-2") == {}


@pytest.mark.parametrize("note", ["", "{", "[]", "null", '{"run": "run-1", "put_requests": "many"}'])
def test_a_note_that_is_none_counts_for_nothing(note: str) -> None:
    assert usage_noted({"usage": note}, "run-1") == {}
    assert usage_noted({}, "run-1") == {}
