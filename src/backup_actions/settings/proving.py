"""The section ``proving``: archives that were proven when they were made are proven again."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from backup_actions.contract.settings import Limits
from backup_actions.settings.checks import Within
from backup_actions.settings.words import Days, Section

Gibibytes: TypeAlias = Annotated[int, Within(Limits(at_least=1, at_most=1_000_000))]


class RestoreTest(Section):
    """Now and then an archive is restored, in part, to a scratch folder."""

    every_days: Days = Field(30, description="Days from one restore test to the next.")
    choose: Literal["random", "oldest", "largest"] = Field(
        "random",
        description="Which archive is restored: any, or the oldest or largest of those that were never tested, then of "
        "those that were tested longest ago.",
    )
    databases: bool = Field(
        False,
        description="Load a dump that is chosen, whole, into a temporary, empty database instance, which costs by the "
        "hour, and compare; otherwise a sample of its sections is read as that of other archives.",
    )


class Proving(Section):
    """How often archives are read again."""

    verify_every_days: Days | None = Field(
        None,
        description="Days after its last proof at which an archive is read again, whole, and compared; null: never. "
        "Of what lies in a class that AWS charges for reading, each costs that; what has to be thawed is left alone.",
    )
    gib_per_day: Gibibytes = Field(
        1000, description="How much of them is read on a day, in GiB, the oldest proof first; one archive at least."
    )
    restore_test: RestoreTest | None = Field(None, description="Restore tests; null: none.")

    @property
    def is_wanted(self) -> bool:
        """Whether anything is proven again on a schedule."""
        return self.verify_every_days is not None or self.restore_test is not None
