"""CloudFormation, as far as a stack that stands tells its outputs. Nothing is deployed by it here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Call, Handler, Refused
from backup_actions_local.services.identifiers import Identifiers
from backup_actions_local.services.paging import only

if TYPE_CHECKING:
    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.place import Place


class Stacks:
    """Implements ``calls.Service``."""

    name = "cloudformation"

    def __init__(self, *, clock: SimulatedClock, place: Place) -> None:
        self._clock, self._place = clock, place
        self._identifiers = Identifiers(self.name)
        self._stacks: dict[str, dict[str, Any]] = {}

    def stand(self, name: str, outputs: Mapping[str, str]) -> None:
        """A stack of this name stands from now on, with these outputs."""
        self._stacks[name] = {
            "StackName": name,
            "StackId": self._place.arn("cloudformation", f"stack/{name}/{self._identifiers.uuid()}"),
            "CreationTime": self._clock.now(),
            "StackStatus": "CREATE_COMPLETE",
            "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
        }

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        return {"DescribeStacks": self._describe}

    def _describe(self, call: Call) -> Mapping[str, Any]:
        only(call, "StackName")
        name = call.params.get("StackName")
        if name is None:
            return {"Stacks": list(self._stacks.values())}
        if name not in self._stacks:
            # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
            raise Refused("ValidationError", f"Stack with id {name} does not exist")
        return {"Stacks": [self._stacks[name]]}
