"""The laws that were nobody else's, and the table of all of them: docs/LAWS.md."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core import period
from ledger.core.compare import compare
from ledger.core.earning import pool_of
from ledger.core.entry import COMMISSION_COST, HELD, PAYABLE, Entry, Posting, mirrored
from ledger.core.errors import Invalid
from ledger.core.facts import Deal, DealFacts, Fact
from ledger.core.plan import Plan
from ledger.core.plan_file import PlanFile
from ledger.core.rules import compile_plan
from ledger.core.year_cap import accrued_by_year, relief
from tests import histories
from tests.core.test_accrual import END, Ledger
from tests.deals import plan as a_plan
from tests.histories import deals, plans

some = settings(max_examples=60, deadline=None)
TESTS = Path(__file__).parents[1]


def test_the_paper_of_laws_names_tests_that_are_there() -> None:
    everything = {path.stem: path.read_text("utf-8") for path in TESTS.rglob("test_*.py")}
    named = re.findall(r"`(test_\w+)::(test_\w+)`", (TESTS.parent / "docs" / "LAWS.md").read_text("utf-8"))
    assert len(named) > 20
    assert [name for module, name in named if f"def {name}(" not in everything[module]] == []


def settled(plan: Plan, deal: Deal, facts: list[Fact], until: date = END) -> Ledger | None:
    """The books after one settling; None where the facts are refused."""
    ledger = Ledger(plan, deal)
    try:
        ledger.settle(facts, until)
    except Invalid:
        return None
    return ledger


@some
@given(plans(), deals, histories.histories, st.lists(st.integers(0, 10**6), max_size=4))
def test_what_was_earned_is_held_payable_paid_or_taken_back(
    plan: Plan, deal: Deal, facts: list[Fact], payments: list[int]
) -> None:
    """By manager, from the postings alone; payments take from payable what they reserve."""
    ledger = settled(plan, deal, facts)
    if ledger is None:
        return
    paid: dict[str, int] = defaultdict(int)
    for number, amount in enumerate(payments):
        paid[histories.MANAGERS[number % len(histories.MANAGERS)]] += amount
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in ledger.postings():
        if one.account == COMMISSION_COST:
            sums[one.manager_id]["clawed_back" if one.nature == "clawed_back" else "earned"] += (
                one.amount_minor
            )
        elif one.account in (HELD, PAYABLE):
            sums[one.manager_id][one.account] -= one.amount_minor
    for manager, of in sums.items():
        payable = of[PAYABLE] - paid[manager]
        assert of["earned"] == of[HELD] + payable + paid[manager] - of["clawed_back"]


amounts = st.integers(-(10**9), 10**9).filter(bool)
postings = st.lists(
    st.builds(
        Posting, st.sampled_from((COMMISSION_COST, HELD, PAYABLE)), amounts, owner=st.sampled_from("AB")
    ),
    min_size=2,
    max_size=6,
)


@some
@given(postings)
def test_a_reversal_and_its_original_are_zero_everywhere(lines: list[Posting]) -> None:
    both = (*lines, *mirrored(lines))
    sums: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for one in both:
        sums[one.account, one.owner, one.manager_id, one.stage] += one.amount_minor
    assert not any(sums.values())


@settings(max_examples=200, deadline=None)
@given(histories.pools(("marginal",)), st.integers(0, 10**8), st.integers(1, 10**7))
def test_marginal_tiers_never_give_less_on_more(pool: object, basis: int, more: int) -> None:
    rules = compile_plan(a_plan(pool=pool))
    if rules.year_rates:
        return  # by year: see test_running_shares
    assert pool_of(rules, basis) <= pool_of(rules, basis + more)


@some
@given(plans(), deals, histories.histories)
def test_settled_day_by_day_or_once_the_books_are_the_same(plan: Plan, deal: Deal, facts: list[Fact]) -> None:
    once, daily = settled(plan, deal, facts), Ledger(plan, deal)
    if once is None:
        return
    for day in sorted({fact.on for fact in facts}):
        daily.settle([fact for fact in facts if fact.on <= day], day)
    daily.settle(facts, END)
    assert daily.standing() == once.standing()


def month(entries: list[Entry], closed: str) -> list[Entry]:
    return [entry for entry in entries if entry.period <= closed]


@some
@given(plans(), deals, histories.histories, histories.histories, st.integers(0, 60))
def test_what_comes_after_the_close_leaves_the_closed_month_alone(
    plan: Plan, deal: Deal, facts: list[Fact], late: list[Fact], offset: int
) -> None:
    day = histories.START + timedelta(days=31 + offset)
    before = [fact for fact in facts if fact.on <= day]
    ledger = settled(plan, deal, before, day)
    if ledger is None:
        return
    ledger.closed_through = closed = period.preceding(period.of(day))
    kept = month(ledger.entries, closed)
    later = [replace(one, seq=one.seq + 100) if hasattr(one, "seq") else one for one in late]
    try:
        ledger.settle([*before, *later], END)
    except Invalid:
        return
    assert month(ledger.entries, closed) == kept


@some
@given(plans(), histories.histories, histories.histories, st.none() | st.integers(0, 10**6))
def test_another_deal_matters_only_through_the_cap_on_the_year(
    plan: Plan, first: list[Fact], second: list[Fact], cap: int | None
) -> None:
    plan = replace(plan, cap_per_year_minor=cap)
    file = PlanFile(plan, "p", {})
    one, other = DealFacts(Deal("D-1"), tuple(first)), DealFacts(Deal("D-2"), tuple(second))
    try:
        alone = [compare(file, file, [deal], to_on=END) for deal in (one, other)]
    except Invalid:
        return
    both = compare(file, file, [one, other], to_on=END)
    assert sorted(row for found in alone for row in found.deals) == sorted(both.deals)
    accrued: dict[tuple[str, int], int] = defaultdict(int)
    for deal in (one, other):
        if deal.deal.id not in {skipped.deal_id for skipped in both.skipped}:
            for key, minor in accrued_by_year(plan, deal, END).items():
                accrued[key] += minor
    for row in both.managers:
        apart = sum(
            found_row.new_minor + found_row.new_relief_minor
            for found in alone
            for found_row in found.managers
            if found_row.manager_id == row.manager_id
        )
        taken = sum(
            relief(minor, cap) for (manager, _), minor in accrued.items() if manager == row.manager_id
        )
        assert (row.new_relief_minor, row.new_minor) == (taken, apart - taken)
