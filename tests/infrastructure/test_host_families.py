"""Hosts are chosen from families that their region has, in every region that cfn-lint's data know."""

from __future__ import annotations

import json
from importlib.resources import files

from backup_actions.contract import Job
from backup_actions_infrastructure.host_families import families_in, host_types_in


def offered() -> dict[str, set[str]]:
    """Region → the types that EC2 has there, as cfn-lint has them from EC2's price lists."""
    path = files("cfnlint.data.schemas.extensions.aws_ec2_instance").joinpath("instancetype_enum.json")
    regions = json.loads(path.read_text(encoding="utf-8"))
    lists = {region: listed["enum"] for region, listed in regions.items() if region[-1].isdigit()}
    return {region: set(names) for region, names in lists.items()}


def families(types: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in types}


def test_a_region_has_each_of_the_families_that_hosts_there_are_chosen_from() -> None:
    regions = offered()

    assert {"us-east-1", "cn-north-1", "us-gov-west-1", "mx-central-1"} <= regions.keys()
    assert {
        region: lacking for region, has in regions.items() if (lacking := set(families_in(region)) - families(has))
    } == {}


def test_a_region_has_each_of_the_types_that_hosts_there_are_chosen_from() -> None:
    lacking = {region: set(host_types_in(region, [])) - types for region, types in offered().items()}

    assert {region: types for region, types in lacking.items() if types} == {}


def test_no_host_has_more_jobs_of_two_vcpus_than_eight() -> None:
    small = Job(code="module:function", doc="A usual one.")

    assert {name.partition(".")[2] for name in host_types_in("us-east-1", [small])} == {
        "large", "xlarge", "2xlarge", "4xlarge",
    }  # fmt: skip


def test_a_job_that_wants_more_than_such_a_host_has_gets_one() -> None:
    many = Job(code="module:function", doc="A large one.", vcpus=32)
    much = Job(code="module:function", doc="Another.", memory_mib=100 * 1024)

    assert host_types_in("us-east-1", [many]) == host_types_in("us-east-1", [much]) == families_in("us-east-1")


def test_there_are_six_to_choose_from_everywhere_and_in_regions_that_nobody_knows_yet() -> None:
    assert {len(families_in(region)) for region in [*offered(), "xx-new-1"]} == {6}


def test_where_nothing_is_missing_no_other_family_takes_a_place() -> None:
    assert families_in("us-east-1") == ("c6i", "m6i", "r6i", "c5", "m5", "r5")
    assert families_in("ap-southeast-3") == ("m6i", "c5", "m5", "r5", "c7i", "m7i")
