"""What the stack tells of its deployment is what its functions know."""

from __future__ import annotations

from tests.infrastructure.conftest import Rendered

from backup_actions.estate import Estate
from backup_actions.estate.description import OUTPUT, VARIABLE


def test_the_output_and_the_functions_that_look_after_all_say_the_same(either: Rendered) -> None:
    template = either.template
    told = template.plain(template.document["Outputs"][OUTPUT]["Value"])
    known = [
        variables[VARIABLE]
        for function in template.of_type("AWS::Lambda::Function").values()
        if VARIABLE in (variables := function.get("Environment", {}).get("Variables", {}))
    ]

    assert len(known) >= 2
    assert set(known) == {told}


def test_the_output_names_the_machines_that_there_are(either: Rendered) -> None:
    template = either.template
    estate = Estate.from_text(template.plain(template.document["Outputs"][OUTPUT]["Value"]))
    names = {machine["StateMachineName"] for machine in template.of_type("AWS::StepFunctions::StateMachine").values()}

    assert {arn.rpartition(":")[2] for arn in (estate.main_machine_arn, *estate.machines.values())} == names - {
        f"{estate.name}-proving"  # it makes nothing of recovery points
    }
    assert estate.vaults == either.settings.vaults
    assert ("EBS" in estate.handles) is not estate.is_separated
    assert estate.is_separated is (either.settings.imports is not None)
