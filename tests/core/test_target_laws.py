"""What holds of every plan and every deal."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.facts import Deal, DealFacts, Fact, Fee
from ledger.core.holdback import due_on
from ledger.core.plan import Plan
from ledger.core.rules import FEES
from ledger.core.target import expected, target
from tests.histories import END, MANAGERS, STAGES, START, amounts, days, deals, histories, plans

modest = settings(max_examples=100, deadline=None)


@modest
@given(plans(), deals, histories, st.randoms(), days)
def test_any_order_of_the_facts_gives_the_same_target(
    plan: Plan, deal: Deal, facts: list[Fact], chance: Any, as_of: date
) -> None:
    shuffled = list(facts)
    chance.shuffle(shuffled)
    one, other = DealFacts(deal, tuple(facts)), DealFacts(deal, tuple(shuffled))
    assert target(plan, one, as_of) == target(plan, other, as_of)
    assert expected(plan, one, as_of) == expected(plan, other, as_of)
    assert due_on(plan, one) == due_on(plan, other)


@modest
@given(plans(), deals, histories, days)
def test_what_happens_later_changes_nothing_today(
    plan: Plan, deal: Deal, facts: list[Fact], as_of: date
) -> None:
    known = tuple(fact for fact in facts if fact.on <= as_of)
    everything = target(plan, DealFacts(deal, tuple(facts)), as_of)
    assert everything == target(plan, DealFacts(deal, known), as_of)


@modest
@given(plans(), deals, histories)
def test_the_sums_tie(plan: Plan, deal: Deal, facts: list[Fact]) -> None:
    result = target(plan, DealFacts(deal, tuple(facts)), END)
    assert result.allocated_minor + result.reserve_minor == result.pool_minor
    assert sum(result.workings.parts_minor) == result.pool_minor
    for row in result.rows:
        assert row.earned_minor == row.accrued_minor + row.clawed_minor + row.adjusted_minor
        assert row.earned_minor == row.held_minor + row.payable_minor
        assert 0 <= -row.clawed_minor <= row.accrued_minor
        assert 0 <= row.held_minor <= row.accrued_minor + row.clawed_minor
        assert row.held_minor == 0 or not row.released
    order = [(STAGES.index(row.stage), row.manager) for row in result.rows]
    assert order == sorted(set(order))
    cap = plan.cap_per_deal_minor
    for manager in MANAGERS:
        total = sum(row.accrued_minor for row in result.rows if row.manager == manager)
        assert cap is None or total <= cap


@modest
@given(plans(), deals, histories)
def test_no_more_than_awards_and_parts_is_ever_accrued(plan: Plan, deal: Deal, facts: list[Fact]) -> None:
    result = target(plan, DealFacts(deal, tuple(facts)), END)
    for stage, part in zip(plan.stages, result.workings.parts_minor, strict=True):
        total = sum(row.accrued_minor for row in result.rows if row.stage == stage.id)
        assert 0 <= total <= max(part, stage.award_minor)


@modest
@given(plans(), deals, histories)
def test_a_stage_without_a_reason_has_earned_its_part_in_full(
    plan: Plan, deal: Deal, facts: list[Fact]
) -> None:
    result = target(plan, DealFacts(deal, tuple(facts)), END)
    reasons = {excluded.stage for excluded in result.excluded}
    for stage, part in zip(plan.stages, result.workings.parts_minor, strict=True):
        if stage.id not in reasons:
            kept = sum(row.accrued_minor + row.clawed_minor for row in result.rows if row.stage == stage.id)
            assert kept == max(part, stage.award_minor)


@modest
@given(plans(modes=("marginal",)), deals, histories, amounts)
def test_more_received_never_lowers_anyones_total(
    plan: Plan, deal: Deal, facts: list[Fact], more_minor: int
) -> None:
    more = [*facts, Fee(START, "fee_received", more_minor), Fee(START, "fee_invoiced", more_minor)]
    before, after = _totals(plan, deal, facts), _totals(plan, deal, more)
    assert all(after[manager] >= before[manager] for manager in before)


def _totals(plan: Plan, deal: Deal, facts: list[Fact]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for row in target(plan, DealFacts(deal, tuple(facts)), END).rows:
        totals[row.manager] = totals.get(row.manager, 0) + row.earned_minor
    return totals


@modest
@given(plans(), deals, histories, days)
def test_what_is_expected_is_never_below_zero_and_only_of_verified_stages(
    plan: Plan, deal: Deal, facts: list[Fact], as_of: date
) -> None:
    all_facts = DealFacts(deal, tuple(facts))
    result, hoped = target(plan, all_facts, as_of), expected(plan, all_facts, as_of)
    assert all(amount >= 0 for amount in hoped.values())
    assert set(hoped) <= {(row.manager, row.stage) for row in result.rows}
    if result.cancelled or deal.expected_fee_minor is None:
        assert not any(hoped.values())


@modest
@given(plans(), deals, histories, st.lists(st.integers(1, 10**6), min_size=1, max_size=4))
def test_once_the_whole_fee_is_in_nothing_is_expected(
    plan: Plan, deal: Deal, facts: list[Fact], parts: list[int]
) -> None:
    """However the VAT of the documents was rounded, and whatever was stated before."""
    rest = [fact for fact in facts if not isinstance(fact, Fee)]
    fees = [
        Fee(START, kind, part, round(part * 3 / 53))
        for part in parts
        for kind in ("fee_received", "fee_invoiced")
    ]
    by_fees = replace(
        plan, pool=replace(plan.pool, bases=tuple(set(plan.pool.bases) & FEES.keys()) or ("fee_received",))
    )
    whole = replace(deal, expected_fee_minor=sum(parts))
    assert not any(expected(by_fees, DealFacts(whole, (*rest, *fees)), END).values())


@modest
@given(plans(), deals, histories)
def test_nothing_changes_between_facts_but_on_the_days_that_are_due(
    plan: Plan, deal: Deal, facts: list[Fact]
) -> None:
    all_facts = DealFacts(deal, tuple(facts))
    due = set(due_on(plan, all_facts))
    dated = {fact.on for fact in facts}
    before = target(plan, all_facts, START).rows
    for offset in range(1, 160):
        today = START + timedelta(days=offset)
        rows = target(plan, all_facts, today).rows
        assert rows == before or today in due or today in dated
        before = rows
