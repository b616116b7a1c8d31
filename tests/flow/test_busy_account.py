"""What EC2 refuses for a while delays a run, which waits where everybody sees it; what it refuses for good ends it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.flow.flow import ACTION, Flow, NewFlow
from tests.flow.invariants import broken

from backup_actions.ledger import Entry
from backup_actions_local.calls import Call
from backup_actions_testing.invariants import nothing_left_behind

pytestmark = pytest.mark.root


def tries(flow: Flow) -> list[str]:
    """The zones in which the first run has asked for a volume, in order."""
    asked = [event for event in flow.child.history if event.type == "TaskScheduled" and event.state == "CreateVolume"]
    return [str(event.details["parameters"]["AvailabilityZone"]) for event in asked]


def test_a_storm_of_throttling_delays_a_run_that_stands_in_the_ledger_as_waiting(new_flow: NewFlow) -> None:
    flow = new_flow()
    begun, seen = flow.cloud.clock.now(), list[Entry]()
    storm = flow.cloud.faults.on(
        "ec2", "CreateVolume", when=lambda _call: flow.cloud.clock.now() < begun + timedelta(minutes=30)
    )
    storm.fail("RequestLimitExceeded", "Request limit exceeded.", status=503).always()
    described: list[datetime] = []

    def is_asked_again(_call: Call) -> bool:
        described.append(flow.cloud.clock.now())
        return described[-1] < described[0] + timedelta(seconds=100)

    again = flow.cloud.faults.on("ec2", "DescribeVolumes", when=is_asked_again)
    again.fail("RequestLimitExceeded", "Request limit exceeded.", status=503).always()
    flow.when(ACTION, "WaitForRoom", lambda: seen.extend(flow.ledger(str(flow.cloud.vaults.points()[0].of.arn))))

    flow.back_up()

    (entry,) = (entry for entry in seen if entry.item == "action#ebs-archive")
    assert (entry.status, entry.details["for"]) == ("waiting", "room for the volume or the job")
    assert f"CreateVolume in {flow.zones()[1]}: Request limit exceeded." in str(entry.details["last"])
    assert tries(flow)[:12] == [zone for zone in flow.zones() for _ in range(6)]
    assert flow.states(ACTION).count("WaitForRoom") > 2
    flow.cloud.faults.assert_all_happened()
    assert flow.main.status == "SUCCEEDED"
    assert flow.point is None
    assert broken(flow) == []


def test_a_full_quota_of_volumes_lets_runs_wait_for_each_other(new_flow: NewFlow) -> None:
    flow = new_flow()
    volumes = [flow.volume() for _ in range(2)]
    flow.cloud.store.quota_gib = len(volumes) + 1  # those, and one of ours
    flow.back_up_together(*volumes)

    refused = [entry for entry in flow.cloud.audit.of("ec2", "CreateVolume") if entry.error_code]
    assert {entry.error_code for entry in refused} == {"VolumeLimitExceeded"}
    assert [execution.status for execution in flow.executions(ACTION)] == ["SUCCEEDED"] * 2
    assert list(nothing_left_behind(flow)) == []


def test_what_waiting_does_not_cure_ends_the_run_when_every_zone_has_refused_it(new_flow: NewFlow) -> None:
    flow = new_flow()
    gone = flow.cloud.faults.on("ec2", "CreateVolume")
    gone.fail("InvalidSnapshot.NotFound", "The snapshot does not exist.", status=400).always()

    flow.back_up()

    assert flow.child.error == "NoZoneLeft"
    assert "The snapshot does not exist." in str(flow.child.cause)
    assert "WaitForRoom" not in flow.states(ACTION)
    assert flow.point is not None
    assert broken(flow) == []


def test_a_run_goes_on_when_hosts_are_to_be_had_again_after_all_zones_lacked_them(new_flow: NewFlow) -> None:
    flow = new_flow(archive={"placement_timeout_minutes": 5})
    lacking = [flow.cloud.mishaps.no_job_capacity(zone) for zone in flow.cloud.place.zones[:2]]

    def come_back() -> None:
        for mishap in lacking:
            mishap.times = mishap.struck

    flow.when(ACTION, "WaitForRoom", come_back)

    flow.back_up()

    jobs = {job.name.rpartition("_")[2]: job.status for job in flow.cloud.jobs.jobs.values() if "archive" in job.name}
    assert jobs == {"0": "FAILED", "1": "FAILED", "2": "SUCCEEDED"}
    assert len(flow.cloud.audit.of("ec2", "DeleteVolume")) == 3
    assert flow.main.status == "SUCCEEDED"
    assert broken(flow) == []
