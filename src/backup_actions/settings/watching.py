"""The section ``watching``: how a deployment looks after itself, and from when on it calls people."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from backup_actions.contract.settings import Limits
from backup_actions.settings.checks import Within
from backup_actions.settings.words import Days, Section

SweepHours: TypeAlias = Annotated[int, Within(Limits(at_least=1, at_most=168))]
Hours: TypeAlias = Annotated[int, Within(Limits(at_least=1, at_most=8760))]
Dollars: TypeAlias = Annotated[int, Within(Limits(at_least=1, at_most=1_000_000))]


class Watching(Section):
    """How often all is compared with what should be, and how long something may be as it should not."""

    sweep_hours: SweepHours = Field(
        24, description="Hours from one sweep to the next: it finds what no event announced, and what was left behind."
    )
    adopt_older: bool = Field(
        False,
        description="Whether a sweep also archives backups that were made before the deployment. A vault may hold "
        "years of them, and each costs what a new one costs: `backup-actions sweep --dry-run` counts them before.",
    )
    unacknowledged_hours: Hours = Field(
        48, description="Hours after which an off-site copy that nobody has acknowledged is reported."
    )
    unarchived_hours: Hours = Field(
        48, description="Hours after which a backup that is not archived, for whatever reason, raises an alarm."
    )
    unverified_days: Days | None = Field(
        None,
        description="Days after its last proof at which an archive raises an alarm; null: twice "
        "proving.verify_every_days, and none where that is null too.",
    )
    waiting_hours: Hours = Field(
        24, description="Hours after which an action that waits for a quota or for capacity raises an alarm."
    )
    monthly_cost_usd: Dollars | None = Field(
        None,
        description="US dollars that the runs of a month may cost, without storage and network, before an alarm goes "
        "off; null: none does. Only for regions whose prices are known: `backup-actions cost prices`.",
    )
    digest_hours: SweepHours = Field(24, description="Hours from one digest of successes to the next.")
