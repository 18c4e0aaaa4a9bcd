"""Target minus posted, without a database: whatever the order of arrival, the same books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core import accrual, period
from ledger.core.entry import (
    ADVANCES,
    COMMISSION_COST,
    EXPECTED,
    HELD,
    PAYABLE,
    Entry,
    Posting,
    as_text,
    check,
)
from ledger.core.errors import Invalid
from ledger.core.facts import Deal, DealFacts, Fact, Fee, Milestone, MilestoneWithdrawn, Participant
from ledger.core.plan import Holdback, Plan
from tests import histories
from tests.deals import plan as a_plan
from tests.deals import pool, stages

END = date(2026, 12, 20)


class Ledger:
    """The books of one deal in memory, and the calendar."""

    def __init__(self, plan: Plan, deal: Deal) -> None:
        self.plan, self.deal = plan, deal
        self.entries: list[Entry] = []
        self.settled_no, self.closed_through = 0, ""

    def landing(self, origin: str) -> str:
        return origin if origin > self.closed_through else period.following(self.closed_through)

    def postings(self) -> list[Posting]:
        return [posting for entry in self.entries for posting in entry.postings]

    def books(self) -> accrual.Books:
        sums: dict[str, dict[tuple[str, ...], int]] = defaultdict(lambda: defaultdict(int))
        for one in self.postings():
            key = (one.manager_id, one.stage, one.nature, one.origin)
            key = {COMMISSION_COST: key, ADVANCES: (one.origin,)}.get(one.account, (*key[:2], one.origin))
            sign = -1 if one.account in (HELD, ADVANCES) else 1
            sums[one.account][key] += sign * one.amount_minor
        advances = {origin: amount for (origin,), amount in sums[ADVANCES].items()}
        return accrual.Books(sums[COMMISSION_COST], sums[HELD], sums[EXPECTED], advances)  # type: ignore[arg-type]

    def settle(self, facts: Sequence[Fact], today: date) -> int:
        """How many entries it took."""
        drawn = accrual.draw(
            self.plan,
            DealFacts(self.deal, tuple(facts)),
            self.books(),
            accrual.Terms("D", "client", "CNY", self.settled_no),
            today=today,
            landing=self.landing,
        )
        self.entries += [check(entry) for entry in drawn.entries]
        self.settled_no = drawn.settled_no
        assert all(entry.period > self.closed_through for entry in drawn.entries)
        return len(drawn.entries)

    def standing(self) -> dict[tuple[str, ...], int]:
        sums: dict[tuple[str, ...], int] = defaultdict(int)
        for one in self.postings():
            sums[one.account, one.owner, one.manager_id, one.stage] += one.amount_minor
        return {key: amount for key, amount in sums.items() if amount}


def arrives(ledger: Ledger, facts: Sequence[Fact], waits: Sequence[int], closes: frozenset[int]) -> None:
    """One by one, some days apart, never before their day; before some of them last month is closed."""
    there: list[Fact] = []
    today = histories.START
    for number, fact in enumerate(facts):
        today = max(today, fact.on) + timedelta(days=waits[number])
        ledger.settle(there, today)  # as every night
        if number in closes:
            ledger.closed_through = max(ledger.closed_through, period.preceding(period.of(today)))
        there.append(fact)
        ledger.settle(there, today)
        assert ledger.settle(there, today) == 0


@settings(max_examples=150, deadline=None)
@given(
    plan=histories.plans(),
    deal=histories.deals,
    facts=histories.histories,
    order=st.randoms(use_true_random=False),
    waits=st.lists(st.integers(0, 20), min_size=14, max_size=14),
    closes=st.frozensets(st.integers(0, 13)),
)
def test_any_order_of_arrival_leaves_the_same_books(
    plan: Plan, deal: Deal, facts: list[Fact], order: Random, waits: list[int], closes: frozenset[int]
) -> None:
    at_once, late = Ledger(plan, deal), Ledger(plan, deal)
    try:
        at_once.settle(facts, END)
    except Invalid:
        return
    arrives(late, order.sample(facts, len(facts)), waits, closes)
    late.settle(facts, END)
    assert late.standing() == at_once.standing()
    assert late.settle(facts, END) == at_once.settle(facts, END) == 0


def reached(on: date, stage: str = "a") -> Milestone:
    return Milestone(on, stage, (Participant("M1", Fraction(1)),))


@pytest.fixture
def by_days() -> Plan:
    """Stages a to d of a quarter each, 40%, a tenth held for thirty days."""
    return a_plan(
        pool=pool(40),
        stages=stages({"a": 25, "b": 25, "c": 25, "d": 25}),
        holdback=Holdback(Fraction(1, 10), None, 30),
    )


def test_what_was_released_by_itself_is_taken_back_with_what_it_came_from(by_days: Plan) -> None:
    """The withdrawal is of a day before the release: no fact is left in the month of the release."""
    ledger = Ledger(by_days, Deal("D"))
    facts: list[Fact] = [Fee(date(2026, 1, 5), "fee_received", 10_000_00), reached(date(2026, 1, 10))]
    ledger.settle(facts, date(2026, 1, 12))
    ledger.settle(facts, date(2026, 2, 12))  # the holdback ended on the 9th
    assert [as_text(entry) for entry in ledger.entries if entry.kind == "release"] == [
        "2026-02-12 release D#2\n"
        "  2202.02 held:M1                            100.00 CNY\n"
        "  2202.01 payable:M1                        -100.00 CNY"
    ]
    facts.append(MilestoneWithdrawn(date(2026, 1, 20), "a"))
    ledger.settle(facts, date(2026, 3, 2))
    assert {account for account, *_ in ledger.standing()} <= {PAYABLE, "1122", ADVANCES}
    assert ledger.standing().get((HELD, "M1", "M1", "a"), 0) == 0
    assert ledger.standing().get((PAYABLE, "M1", "M1", "a"), 0) == 0
