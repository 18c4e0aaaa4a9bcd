"""One history under two plans: old, new, difference, who crosses what; and the picture of it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from types import MappingProxyType
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.compare import Comparison, Crossing, compare
from ledger.core.errors import Invalid
from ledger.core.facts import Deal, DealFacts, Fact
from ledger.core.picture import draw
from ledger.core.plan import Bracket, Plan
from ledger.core.plan_file import PlanFile
from ledger.core.target import target
from tests.deals import adjusted, day, milestone, percent, plan, pool, received, stages
from tests.histories import END, histories, plans

YEAR_END = day("12-31")


def written(plan: Plan) -> PlanFile:
    return PlanFile(plan, "plan.yaml", MappingProxyType({}))


def deal(name: str, *facts: Fact) -> DealFacts:
    return DealFacts(Deal(name, title=f"“{name}”"), facts)


def compared(old: Plan, new: Plan, *history: DealFacts, from_on: date | None = None) -> Comparison:
    return compare(written(old), written(new), history, from_on=from_on, to_on=YEAR_END)


ONE = plan(stages=stages({"all": 100}))  # 40% of what was received
DONE = milestone("01-05", "all", A=3, B=1)
TWO_DEALS = (
    deal("D-1", DONE, received("02-01", 100_000)),
    deal("D-2", milestone("01-05", "all", A=1), received("08-01", 10_000)),
)


def test_each_deal_and_manager_has_old_new_and_difference_the_largest_first() -> None:
    found = compared(ONE, replace(ONE, pool=pool(20)), *TWO_DEALS)
    assert [(row.deal_id, row.old_minor, row.new_minor, row.difference_minor) for row in found.deals] == [
        ("D-1", 40_000, 20_000, -20_000),
        ("D-2", 4_000, 2_000, -2_000),
    ]
    assert [(row.manager_id, row.old_minor, row.new_minor, row.deals) for row in found.managers] == [
        ("A", 34_000, 17_000, 2),
        ("B", 10_000, 5_000, 1),
    ]
    assert (found.old_minor, found.new_minor) == (44_000, 22_000)


def test_only_what_is_earned_in_the_window_counts() -> None:
    found = compared(ONE, replace(ONE, pool=pool(20)), *TWO_DEALS, from_on=day("03-01"))
    assert (found.old_minor, found.new_minor) == (4_000, 2_000)
    on_the_day = compared(ONE, ONE, *TWO_DEALS, from_on=day("02-01"))
    assert on_the_day.old_minor == 44_000


def test_who_crosses_a_tier_or_a_bound_is_said() -> None:
    tiers = pool(mode="marginal", brackets=(Bracket(0, percent(40)), Bracket(50_000, percent(30))))
    found = compared(ONE, replace(ONE, pool=replace(tiers, cap_minor=30_000, floor_minor=5_000)), *TWO_DEALS)
    assert found.crossings("tier") == [Crossing("tier", "D-1", "", 1, 2)]
    assert found.crossings("pool_cap") == [Crossing("pool_cap", "D-1", "", 0, 1)]
    assert found.crossings("pool_floor") == [Crossing("pool_floor", "D-2", "", 0, 1)]


def test_who_crosses_the_cap_on_a_deal_or_on_a_year_is_said() -> None:
    found = compared(
        replace(ONE, cap_per_deal_minor=20_000), replace(ONE, cap_per_year_minor=32_000), *TWO_DEALS
    )
    assert found.crossings("deal_cap") == [Crossing("deal_cap", "D-1", "A", 1, 0)]
    assert found.crossings("year_cap") == [Crossing("year_cap", "", "A", 0, 1)]
    first = found.managers[0]
    assert (first.manager_id, first.old_minor, first.new_minor) == ("A", 24_000, 32_000)
    assert (first.old_relief_minor, first.new_relief_minor) == (0, 2_000)


def test_the_cap_on_a_year_is_relieved_in_the_window_in_which_it_is_passed() -> None:
    capped = replace(ONE, cap_per_year_minor=31_000)
    adjusted_too = deal("D-3", adjusted("09-01", "A", "all", 500))
    later = compared(ONE, capped, *TWO_DEALS, adjusted_too, from_on=day("03-01"))
    assert [(row.manager_id, row.new_relief_minor, row.new_minor) for row in later.managers] == [
        ("A", 3_000, 1_500),
        ("B", 0, 0),
    ]
    before = compare(written(ONE), written(capped), TWO_DEALS, to_on=day("06-30"))
    assert {row.new_relief_minor for row in before.managers} == {0}


def test_a_deal_that_one_of_the_plans_is_not_for_is_left_out_and_named() -> None:
    found = compared(ONE, plan(), *TWO_DEALS)
    assert found.deals == () and found.managers == ()
    assert [one.deal_id for one in found.skipped] == ["D-1", "D-2"]
    assert "has no stage “all”" in found.skipped[0].why


def test_plans_of_two_currencies_cannot_be_compared() -> None:
    with pytest.raises(Invalid, match="plan p is in CNY, plan p in JPY"):
        compared(ONE, replace(ONE, currency="JPY"))


@settings(max_examples=60, deadline=None)
@given(plans(), plans(), st.lists(histories, max_size=3))
def test_sums_tie_and_each_plan_compared_with_itself_differs_in_nothing(
    old: Plan, new: Plan, lives: list[list[Fact]]
) -> None:
    history = [DealFacts(Deal(f"D{number}"), tuple(facts)) for number, facts in enumerate(lives)]
    found = compare(written(old), written(new), history, to_on=END)
    assert sum(row.old_minor for row in found.deals) == found.old_minor
    assert found.new_minor == sum(target(new, facts, END).allocated_minor for facts in history)
    same = compare(written(old), written(old), history, to_on=END)
    assert all(not row.difference_minor and not row.crossings for row in (*same.deals, *same.managers))


@settings(max_examples=40, deadline=None)
@given(plans(), st.lists(histories, max_size=3), st.integers(0, 60), st.none() | st.integers(0, 10**6))
def test_two_windows_make_one(plan: Plan, lives: list[list[Fact]], cut: int, cap_minor: int | None) -> None:
    history = [DealFacts(Deal(f"D{number}"), tuple(facts)) for number, facts in enumerate(lives)]
    file = written(replace(plan, cap_per_year_minor=cap_minor))
    eve = date.fromordinal(date(2026, 1, 1).toordinal() + cut)
    morning = date.fromordinal(eve.toordinal() + 1)
    first = compare(file, file, history, to_on=eve)
    second = compare(file, file, history, from_on=morning, to_on=END)
    assert first.old_minor + second.old_minor == compare(file, file, history, to_on=END).old_minor


# The picture


def texts(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter() if node.tag.endswith("text")]


def test_the_picture_says_every_number_it_draws() -> None:
    found = compared(ONE, replace(ONE, pool=pool(60), cap_per_year_minor=50_000), *TWO_DEALS)
    said = texts(draw(found, "zh"))
    assert "旧 440.00 → 新 650.00，+210.00" in said
    assert "触及或脱离年度上限的人（◆） 1" in said
    assert said[-4:] == ["A A", "+160.00 ◆", "B B", "+50.00"]
    assert "old 440.00 → new 650.00, +210.00" in texts(draw(found, "en"))


def test_a_picture_of_no_difference_says_so_and_names_are_escaped() -> None:
    assert texts(draw(compared(ONE, ONE, *TWO_DEALS), "en"))[-1] == "Nobody would have earned another amount."
    named = compared(ONE, replace(ONE, pool=pool(60)), *TWO_DEALS).named({"A": "<张&三>"})
    assert "A <张&三>" in texts(draw(named, "zh"))


def test_the_longest_bar_is_the_largest_difference_and_the_rest_is_one_line() -> None:
    crowd = [
        deal(f"D-{n}", milestone("01-05", "all", **{f"M{n:02}": 1}), received("02-01", 1_000 * (n + 1)))
        for n in range(40)
    ]
    svg = draw(compared(ONE, replace(ONE, pool=pool(20)), *crowd), "en")
    lengths = [int(length) for length in re.findall(r'width="(\d+)" height="14"', svg)]
    assert len(lengths) == 30 and lengths[0] == max(lengths) == 250
    assert texts(svg)[-2:] == ["10 others", "-110.00"]
