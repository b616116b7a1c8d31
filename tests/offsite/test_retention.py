"""Retention keeps what a rule wants, never lets the last one go, and every verdict says why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.offsite.kept_imports import NOW, days_ago, kept

from backup_actions.offsite.imports import Acted, Import, Stage
from backup_actions.offsite.retention import Rules, Verdict, decide

ONLY_DAYS = Rules(days=7)


def removed(imports: Iterable[Import], rules: Rules, now: datetime = NOW) -> set[str]:
    """The runs of the imports that may go."""
    return {verdict.imported.announcement.run for verdict in decide(imports, rules, now) if not verdict.keeps}


def why(imports: Iterable[Import], rules: Rules, run: str) -> str:
    (verdict,) = [each for each in decide(imports, rules, NOW) if each.imported.announcement.run == run]
    return verdict.because


def test_every_import_is_kept_for_its_days_and_not_an_instant_longer() -> None:
    late = kept("late", days_ago(60), imported_after=timedelta(days=53) + timedelta(seconds=1))
    over = kept("over", days_ago(60), imported_after=timedelta(days=53))
    newest = kept("newest", days_ago(0))

    assert removed([late, over, newest], ONLY_DAYS) == {"run-over"}
    assert (
        why([late, over, newest], ONLY_DAYS, "run-late") == "it was imported on 2026-11-15, and all are kept for 7 days"
    )


def test_the_newest_of_a_resource_stays_however_old_it_is() -> None:
    imports = [kept("last", days_ago(3000)), kept("before", days_ago(3001))]

    assert removed(imports, ONLY_DAYS) == {"run-before"}
    assert why(imports, ONLY_DAYS, "run-last") == "it is the newest of its resource"


def test_each_resource_has_its_own_newest() -> None:
    imports = [kept("one", days_ago(90)), kept("two", days_ago(80), resource="other")]

    assert removed(imports, ONLY_DAYS) == set()


def test_what_is_under_a_hold_stays_and_the_reason_is_told() -> None:
    imports = [kept("held", days_ago(90), hold="audit of 2026"), kept("newest", days_ago(1))]

    assert removed(imports, ONLY_DAYS) == set()
    assert why(imports, ONLY_DAYS, "run-held") == "it is under a hold: audit of 2026"


def test_what_was_not_verified_stays_and_does_not_stand_for_the_others() -> None:
    imports = [
        kept("unverified", days_ago(80), imported_arn="", imported_at="", stage=Stage.FAILED),
        kept("verified", days_ago(90)),
    ]

    assert removed(imports, ONLY_DAYS) == set()
    assert why(imports, ONLY_DAYS, "run-unverified") == "it is not verified"
    assert why(imports, ONLY_DAYS, "run-verified") == "it is the newest of its resource"


@pytest.mark.parametrize("stage", [Stage.IMPORTING, Stage.RETURNING])
def test_what_an_execution_is_at_stays(stage: Stage) -> None:
    imports = [kept("busy", days_ago(90), stage=stage), kept("newest", days_ago(1))]

    assert removed(imports, ONLY_DAYS) == set()
    assert why(imports, ONLY_DAYS, "run-busy") == "an execution is at it"


def test_what_was_promised_is_kept_though_the_rules_have_changed() -> None:
    promised = kept("promised", days_ago(30), promised_until=days_ago(-5).isoformat())
    over = kept("over", days_ago(31), promised_until=days_ago(0).isoformat())
    imports = [promised, over, kept("newest", days_ago(1))]

    assert removed(imports, ONLY_DAYS) == {"run-over"}
    assert why(imports, ONLY_DAYS, "run-promised") == "its source was told that it is kept until 2026-11-27"


def test_what_actions_run_on_stays() -> None:
    imports = [kept("acting", days_ago(90), acted=Acted.RUNNING), kept("newest", days_ago(1))]

    assert removed(imports, ONLY_DAYS) == set()
    assert why(imports, ONLY_DAYS, "run-acting") == "actions run on it"


def test_an_import_at_which_an_action_has_failed_takes_the_place_of_none_at_which_none_has() -> None:
    sound = kept("sound", datetime(2026, 10, 1, 3, tzinfo=UTC), acted=Acted.PROVEN)
    spoilt = [
        kept(f"spoilt-{hour}", datetime(2026, 10, 1, hour, tzinfo=UTC), acted=Acted.FAILED) for hour in (6, 9, 12)
    ]
    imports, rules = [sound, *spoilt], Rules(days=1, daily=1)

    assert removed(imports, rules) == {"run-spoilt-6", "run-spoilt-9"}
    assert why(imports, rules, "run-sound") == (
        "it is the newest of its resource at which no action has failed; "
        "it stands for the day 2026-10-01 among those at which no action has failed"
    )
    assert removed(imports, ONLY_DAYS) == {"run-spoilt-6", "run-spoilt-9"}


def test_failures_of_many_periods_do_not_use_up_those_that_count() -> None:
    rules = Rules(days=1, monthly=2)
    sound = [kept(f"{month}", datetime(2026, month, 20, tzinfo=UTC), acted=Acted.PROVEN) for month in (4, 5)]
    spoilt = [kept(f"spoilt-{month}", datetime(2026, month, 20, tzinfo=UTC), acted=Acted.FAILED) for month in (6, 7, 8)]

    assert removed([*sound, *spoilt], rules) == {"run-spoilt-6"}


def test_of_so_many_days_the_newest_backup_of_each_is_kept() -> None:
    imports = [kept(f"{day}-{hour}", datetime(2026, 10, day, hour, tzinfo=UTC)) for day in (1, 2, 4) for hour in (3, 9)]

    assert removed(imports, Rules(days=1, daily=2)) == {"run-1-3", "run-1-9", "run-2-3", "run-4-3"}
    assert why(imports, Rules(days=1, daily=2), "run-2-9") == "it stands for the day 2026-10-02"


def test_days_without_a_backup_do_not_count() -> None:
    imports = [kept("old", days_ago(900)), kept("older", days_ago(1000)), kept("oldest", days_ago(1100))]

    assert removed(imports, Rules(days=1, daily=2)) == {"run-oldest"}


def test_a_day_is_one_of_utc_wherever_the_backup_was_made() -> None:
    evening_there = kept("evening", datetime.fromisoformat("2026-10-01T20:00:00-08:00"))
    morning = kept("morning", datetime(2026, 10, 2, 1, tzinfo=UTC))
    newest = kept("newest", datetime(2026, 10, 3, 1, tzinfo=UTC))

    assert removed([evening_there, morning, newest], Rules(days=1, daily=3)) == {"run-morning"}


def test_a_week_is_one_of_iso_8601_which_may_begin_in_another_year() -> None:
    imports = [
        kept("monday", datetime(2024, 12, 30, tzinfo=UTC)),
        kept("sunday", datetime(2025, 1, 5, tzinfo=UTC)),
        kept("next", datetime(2025, 1, 6, tzinfo=UTC)),
    ]

    assert removed(imports, Rules(days=1, weekly=5)) == {"run-monday"}
    assert why(imports, Rules(days=1, weekly=5), "run-sunday") == "it stands for the week 2025-W01"


def test_what_comes_late_takes_no_place_of_what_came_in_time() -> None:
    """A source that was taken over announces a snapshot as the last of a month long ago, and fills empty months."""
    rules = Rules(days=1, monthly=2)
    good = [kept(f"{month}", datetime(2026, month, 20, tzinfo=UTC)) for month in (6, 8)]
    late = timedelta(days=60)
    forged = [kept(f"forged-{month}", datetime(2026, month, 30, tzinfo=UTC), imported_after=late) for month in (7, 8)]

    assert removed(good, rules) == set()
    assert removed([*good, *forged], rules) == set()


def test_of_what_came_late_the_first_that_came_stays() -> None:
    """Old backups were imported long after they were made; then whoever has taken the source over announces others."""
    rules = Rules(days=1, monthly=3)
    old = [
        kept(f"old-{month}", datetime(2024, month, 1, tzinfo=UTC), imported_after=timedelta(days=500))
        for month in (1, 2, 3)
    ]
    late = timedelta(days=60)
    same_months = [
        kept(f"same-{month}", datetime(2024, month, 28, tzinfo=UTC), imported_after=late * 14) for month in (1, 2, 3)
    ]
    newer_months = [
        kept(f"newer-{month}", datetime(2026, month, 1, tzinfo=UTC), imported_after=late) for month in (5, 6, 7)
    ]

    kept_ones = {each.announcement.run for each in old}

    assert not removed(old, rules)
    assert not removed([*old, *same_months, *newer_months], rules) & kept_ones


def test_what_came_late_goes_when_so_many_periods_came_in_time() -> None:
    rules = Rules(days=1, monthly=2)
    late = kept("late", datetime(2026, 5, 1, tzinfo=UTC), imported_after=timedelta(days=60))
    in_time = [kept(f"{month}", datetime(2026, month, 20, tzinfo=UTC)) for month in (8, 9)]

    assert removed([late, in_time[0]], rules) == set()
    assert removed([late, *in_time], rules) == {"run-late"}


def test_all_reasons_are_told() -> None:
    imports = [kept("one", days_ago(2), hold="audit")]

    assert why(imports, Rules(days=7, daily=1, weekly=1, monthly=1, yearly=1), "run-one") == (
        "it is under a hold: audit; it was imported on 2026-11-20, and all are kept for 7 days; "
        "it is the newest of its resource; "
        "it stands for the day 2026-11-20, the week 2026-W47, the month 2026-11, the year 2026"
    )


def test_why_an_import_goes_is_told() -> None:
    imports = [kept("old", days_ago(90)), kept("new", days_ago(1))]

    assert why(imports, ONLY_DAYS, "run-old") == (
        "its 7 days are over, and it stands for no day, week, month or year that counts"
    )


def test_of_two_backups_of_one_instant_the_one_imported_later_stays() -> None:
    first, second = (kept(f"{n}", days_ago(90), imported_after=timedelta(hours=n)) for n in (1, 2))

    assert removed([first, second], ONLY_DAYS) == {"run-1"}


def test_verdicts_come_by_resource_and_the_newest_backup_first() -> None:
    imports = [
        kept("b-old", days_ago(9), resource="b"),
        kept("a-old", days_ago(9), resource="a"),
        kept("b-new", days_ago(1), resource="b"),
        kept("a-new", days_ago(1), resource="a"),
    ]

    order = [verdict.imported.announcement.run for verdict in decide(imports, ONLY_DAYS, NOW)]

    assert order == ["run-a-new", "run-a-old", "run-b-new", "run-b-old"]


# The seven properties below share their examples: more of them find nothing that these do not.
FEW = settings(max_examples=50)
COUNTS = st.integers(0, 6)
RULES = st.builds(Rules, days=st.integers(1, 60), daily=COUNTS, weekly=COUNTS, monthly=COUNTS, yearly=COUNTS)


@st.composite
def _some_imports(draw: st.DrawFn) -> list[Import]:
    """Up to a dozen of two resources, from the last five years, a few of them held, unverified or under way."""
    backups = draw(st.lists(st.tuples(st.integers(0, 5 * 365 * 24), st.booleans()), max_size=12, unique=True))
    found = []
    for number, (hours, is_shop) in enumerate(backups):
        about: dict[str, Any] = draw(
            st.sampled_from(
                [
                    {},
                    {},
                    {},
                    {},
                    {"hold": "audit"},
                    {"stage": Stage.FAILED, "imported_arn": ""},
                    {"stage": Stage.IMPORTING},
                    {"acted": Acted.FAILED},
                    {"acted": Acted.RUNNING},
                ]
            )
        )
        resource = "shop" if is_shop else "other"
        after = timedelta(hours=draw(st.sampled_from([1, 1, 1, 1000])))
        found.append(kept(str(number), NOW - timedelta(hours=hours), resource=resource, imported_after=after, **about))
    return found


@FEW
@given(_some_imports(), RULES)
def test_the_newest_verified_import_of_each_resource_survives(imports: list[Import], rules: Rules) -> None:
    gone = removed(imports, rules)

    for resource in {each.announcement.resource_arn for each in imports}:
        verified = [each for each in imports if each.announcement.resource_arn == resource and each.is_verified]
        proven = [each for each in verified if each.acted is Acted.NONE]
        for newest in (max(some, key=lambda each: each.backed_up_at) for some in (verified, proven) if some):
            assert newest.announcement.run not in gone


@FEW
@given(_some_imports(), RULES, RULES)
def test_a_rule_that_keeps_more_never_removes_more(imports: list[Import], rules: Rules, more: Rules) -> None:
    wider = Rules(
        days=max(rules.days, more.days),
        daily=max(rules.daily, more.daily),
        weekly=max(rules.weekly, more.weekly),
        monthly=max(rules.monthly, more.monthly),
        yearly=max(rules.yearly, more.yearly),
    )

    assert removed(imports, wider) <= removed(imports, rules)


@FEW
@given(_some_imports(), RULES)
def test_when_all_that_may_go_is_gone_nothing_more_goes(imports: list[Import], rules: Rules) -> None:
    gone = removed(imports, rules)
    left = [each for each in imports if each.announcement.run not in gone]

    assert removed(left, rules) == set()


@FEW
@given(_some_imports(), RULES, st.integers(0, 11))
def test_when_one_cannot_be_removed_no_other_is_lost_by_it(imports: list[Import], rules: Rules, stuck: int) -> None:
    gone = removed(imports, rules)
    left = [each for each in imports if each.announcement.run not in gone or each.announcement.run == f"run-{stuck}"]

    assert removed(left, rules) <= {f"run-{stuck}"}


@FEW
@given(_some_imports(), RULES)
def test_no_import_goes_that_is_held_or_unverified_or_under_way(imports: list[Import], rules: Rules) -> None:
    untouchable = {
        each.announcement.run for each in imports if each.hold or not each.is_verified or not each.is_at_rest
    }

    assert not untouchable & removed(imports, rules)


@FEW
@given(_some_imports(), RULES, st.randoms(use_true_random=False))
def test_the_order_in_which_imports_are_read_changes_nothing(imports: list[Import], rules: Rules, random: Any) -> None:
    shuffled = list(imports)
    random.shuffle(shuffled)

    assert decide(shuffled, rules, NOW) == decide(imports, rules, NOW)


@FEW
@given(_some_imports(), RULES, st.integers(0, 400))
def test_time_alone_ends_only_the_days_for_which_all_are_kept(imports: list[Import], rules: Rules, days: int) -> None:
    later = {
        verdict.imported.announcement.run: verdict for verdict in decide(imports, rules, NOW + timedelta(days=days))
    }

    for verdict in decide(imports, rules, NOW):
        other = later[verdict.imported.announcement.run]
        assert verdict.keeps or not other.keeps
        assert other.keeps or not verdict.keeps or "newest" not in verdict.because
        assert other.keeps or not verdict.keeps or "stands for" not in verdict.because


def test_a_verdict_always_gives_a_reason() -> None:
    assert all(isinstance(each, Verdict) and each.because for each in decide([kept("one", NOW)], ONLY_DAYS, NOW))
