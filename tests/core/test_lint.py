"""What `plan check` says about plans that are odd, and that it is silent about those that are not."""

from __future__ import annotations

from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from hypothesis import given, settings

from ledger.core.earning import pool_of
from ledger.core.lint import Finding, Seen, check
from ledger.core.lint_words import FINDINGS
from ledger.core.plan import Bracket, Clawback, Holdback, Plan, Years
from ledger.core.plan_file import read_plan
from ledger.core.rules import compile_plan
from ledger.core.target import target
from tests.deals import day, deal, milestone, percent, plan, pool, received, stages
from tests.histories import plans

CITIES = Path(__file__).parents[2] / "ledger" / "cities"
END = day("12-31")


def tiers(mode: str, *brackets: tuple[int, int | str], **changes: Any) -> Plan:
    made = tuple(Bracket(start, percent(rate)) for start, rate in brackets)
    return plan(pool=pool(mode=mode, brackets=made, **changes))


def said(plan: Plan, seen: Seen | None = None) -> list[str]:
    return [finding.say("en", "CNY") for finding in check(plan, seen)]


def rules(plan: Plan, seen: Seen | None = None) -> list[str]:
    return [finding.step.rule for finding in check(plan, seen)]


def levels(plan: Plan) -> set[str]:
    return {finding.level for finding in check(plan)}


def test_a_plain_plan_is_not_spoken_of() -> None:
    assert check(plan()) == []


@pytest.mark.parametrize("city", ["tianjin", "hefei", "hangzhou", "xian", "xian-stake", "zhuzhou"])
def test_the_cities_plans_are_not_spoken_of(city: str) -> None:
    assert said(read_plan((CITIES / f"{city}.yaml").read_bytes(), city)) == []


def test_a_falling_whole_tier_says_how_much_one_fen_more_loses_and_where_it_is_made_up() -> None:
    falling = tiers("whole", (0, 10), (10_000_00, 5))
    assert said(falling) == [
        "One fen more earns less: at 9999.99 the pool is 1000.00, at 10000.00 it is 500.00, 500.00 less;"
        " it is made up from 19999.90 on."
    ]
    assert pool_of(compile_plan(falling), 1_999_990) == 100_000 > pool_of(compile_plan(falling), 1_999_989)


def test_the_peers_table_of_100_and_101_is_an_inversion() -> None:
    # 2 a piece up to 100, 1 from 101: 200 falls to 101.
    [found] = check(tiers("whole", (0, 100), (101, 50)))
    assert (found.level, found.step.rule) == ("warning", "inversion")
    assert (found.step.numbers["before_minor"], found.step.numbers["after_minor"]) == (100, 51)


def test_an_inversion_that_is_never_made_up_says_so() -> None:
    assert rules(tiers("whole", (0, 10), (100, 0))) == ["inversion_for_ever", "slice_of_nothing"]


def test_marginal_tiers_and_rising_whole_ones_have_no_inversion() -> None:
    assert check(tiers("marginal", (0, 10), (100, 5))) == []
    assert check(tiers("whole", (0, 5), (100, 10))) == []


def test_a_cap_or_floor_may_level_an_inversion() -> None:
    assert "inversion" not in rules(tiers("whole", (0, 10), (10_000, 5), cap_minor=400))


def test_brackets_that_never_matter_are_named() -> None:
    assert said(tiers("marginal", (0, 10), (10_000, 5), cap_minor=1_000)) == [
        "The rate from 100.00 on never matters: the cap of 10.00 is reached before."
    ]
    assert said(tiers("marginal", (0, 1), (10_000, 5), floor_minor=100)) == [
        "The rate below 100.00 never matters: the floor of 1.00 is more."
    ]
    assert rules(tiers("marginal", (0, 1), (100, 1))) == ["same_rate"]
    assert rules(tiers("marginal", (0, 1), (100, 0), (200, 1))) == ["slice_of_nothing"]


def test_a_pool_that_can_earn_nobody_anything_is_an_error() -> None:
    assert rules(plan(pool=pool(0))) == ["rates_zero"]
    assert rules(plan(pool=pool(cap_minor=0))) == ["pool_cap_zero"]
    assert rules(plan(pool=pool(brackets=(), years=Years("find", (percent(0),))))) == ["rates_zero"]
    assert rules(plan(cap_per_deal_minor=0)) == ["cap_zero"]
    assert rules(plan(cap_per_year_minor=0)) == ["cap_zero"]
    assert levels(plan(pool=pool(0))) == levels(plan(cap_per_year_minor=0)) == {"error"}
    assert check(plan(pool=pool(0, floor_minor=1))) == []


def test_floors_and_caps_that_decide_alone_are_named() -> None:
    assert said(plan(pool=pool(floor_minor=500, cap_minor=500))) == [
        "The floor is the cap: the pool is 5.00 whatever the basis."
    ]
    assert said(plan(pool=pool(cap_minor=1_000), cap_per_deal_minor=1_000)) == [
        "The cap of 10.00 per manager on a deal never binds: one who does everything earns 10.00 at most."
    ]
    assert rules(plan(pool=pool(cap_minor=1_000), cap_per_deal_minor=999)) == []
    assert rules(plan(pool=pool(floor_minor=1_000), cap_per_deal_minor=1_000)) == ["cap_always"]
    assert rules(plan(cap_per_deal_minor=500, cap_per_year_minor=500)) == ["year_below_deal"]
    assert rules(plan(pool=pool(brackets=(), years=Years("find", (percent(9), percent(0)))))) == ["years_end"]


def test_awards_above_what_the_pool_can_give_are_named() -> None:
    rich = plan(pool=pool(cap_minor=10_000), stages=stages({"find": 50, "sign": 50}, {"find": 6_000}))
    assert said(rich) == [
        "The award of find, 60.00, is above its part of even the largest pool (50.00 of 100.00)."
    ]
    both = plan(
        pool=pool(cap_minor=10_000), stages=stages({"find": 50, "sign": 50}, {"find": 5, "sign": 9_996})
    )
    assert rules(both) == ["award_above_part", "awards_above_cap"]


def test_stages_that_cannot_earn_or_wait_for_later_ones_are_named() -> None:
    assert rules(plan(stages=stages({"find": 100, "gate": 0}))) == ["stage_earns_nothing"]
    assert rules(plan(stages=stages({"find": 50, "sign": 50}, requires={"find": ("sign",)}))) == [
        "requires_later"
    ]
    circle = stages({"find": 50, "sign": 50}, requires={"find": ("sign",), "sign": ("find",)})
    assert [one.level for one in check(plan(stages=circle)) if one.step.rule == "unreachable"] == [
        "error"
    ] * 2


def test_gates_that_do_nothing_are_named() -> None:
    last = plan(stages=stages({"find": 50, "sign": 50}, gates=("sign",)))
    assert rules(last) == ["gate_opens_nothing", "gate_takes_nothing"]
    took = plan(
        clawback={"gate_failed": Clawback("all", keep_awards=True), "default": Clawback("all", False)}
    )
    assert rules(took) == ["no_gate_to_fail", "no_awards_to_keep"]
    assert rules(plan(clawback={"x": Clawback("all", keep_awards=False)})) == ["no_default"]


def test_a_holdback_that_holds_nothing_or_everything_is_named() -> None:
    assert rules(plan(holdback=Holdback(percent(0), "sign", None))) == ["holds_nothing"]
    assert rules(plan(holdback=Holdback(percent(100), "find", None))) == [
        "holds_everything",
        "released_first",
    ]
    assert rules(plan(grades={"junior": percent(100)})) == ["grades_alike"]


def seen(plan: Plan, *amounts: int) -> Seen:
    found = Seen()
    for amount in amounts:
        facts = deal(milestone("01-01", "find", A=1), received("01-02", amount))
        found.add(target(plan, facts, END))
    return found


def test_what_never_or_always_happened_on_the_books_is_named_with_how_often() -> None:
    bounded = plan(pool=pool(50, floor_minor=100, cap_minor=1_000), cap_per_deal_minor=400)
    assert said(bounded, seen(bounded, 300, 400)) == [
        "The floor of 1.00 never bound on 2 deals in the books; the largest pool was 2.00.",
        "The cap of 10.00 never bound on 2 deals in the books; the largest pool was 2.00.",
        "The cap of 4.00 per manager on a deal never bound in 2 cases.",
    ]
    assert rules(bounded, seen(bounded, 100, 120)) == [
        "floor_always_bound",
        "cap_never_bound",
        "deal_cap_never_bound",
    ]
    assert rules(bounded, seen(bounded, 2_100, 9_000)) == [
        "floor_never_bound",
        "cap_always_bound",
        "deal_cap_always_bound",
    ]
    assert rules(bounded, seen(bounded, 100, 300, 2_100)) == []
    assert check(bounded, Seen()) == []


def test_an_award_above_every_part_so_far_is_named() -> None:
    generous = plan(stages=stages({"find": 50, "sign": 50}, {"find": 5_000}))
    assert said(generous, seen(generous, 1_000, 2_000)) == [
        "The award of find, 50.00, is above its part on all 2 deals in the books (4.00 at most):"
        " it is no advance."
    ]
    assert rules(generous, seen(generous, 1_000, 200_000)) == []


def test_a_yearly_cap_and_a_condition_are_held_against_the_books_too() -> None:
    capped = plan(cap_per_year_minor=500)
    assert rules(capped, Seen(deals=3, years=2, years_cut=0)) == ["year_cap_never_bound"]
    assert rules(capped, Seen(deals=3, years=2, years_cut=2)) == ["year_cap_always_bound"]
    assert rules(capped, Seen(deals=3, years=2, years_cut=1)) == []
    assert rules(capped, Seen(refused=4)) == ["when_refuses_all"]


def test_both_languages_say_the_same_of_every_finding() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    for sentence in FINDINGS.values():
        assert places(sentence.en) == places(sentence.zh)
        assert sentence.en.endswith(".") and sentence.zh.endswith("。")


@settings(max_examples=60, deadline=None)
@given(plans())
def test_every_plan_can_be_checked_and_every_inversion_is_one(plan: Plan) -> None:
    found: list[Finding] = check(plan)
    assert all(one.say(lang, "CNY") for one in found for lang in ("zh", "en"))
    compiled = compile_plan(plan)
    falls = [
        bracket.from_minor
        for bracket in plan.pool.brackets[1:]
        if pool_of(compiled, bracket.from_minor) < pool_of(compiled, bracket.from_minor - 1)
    ]
    named = [one.step.numbers for one in found if one.step.rule.startswith("inversion")]
    assert [numbers["start_minor"] for numbers in named] == falls
    for numbers in named:
        if "even_minor" in numbers:
            even = int(numbers["even_minor"])
            assert pool_of(compiled, even) >= int(numbers["before_minor"])
            assert pool_of(compiled, even - 1) < int(numbers["before_minor"])
