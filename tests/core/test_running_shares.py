"""Rates by year: a running share (提成支付) that falls or rises from year to year."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.facts import DealFacts, Fee, FeeKind
from ledger.core.plan import Plan, Years
from ledger.core.target import expected, target
from ledger.core.workings import sentences, steps
from tests.deals import cancelled, deal, fee, milestone, percent, plan, pool, stages

SIGN = replace(milestone("01-01", "sign", A=1), on=date(2024, 2, 29))
END = date(2030, 12, 31)


def running(*rates: int, **changes: Any) -> Plan:
    years = Years("sign", tuple(percent(rate) for rate in rates))
    return plan(pool=pool(brackets=(), years=years, **changes), stages=stages({"sign": 100}))


def on(day: str, kind: FeeKind, amount: int, tax: int = 0, year: int | None = None) -> Fee:
    return Fee(date.fromisoformat(day), kind, amount, tax, year)


def received(day: str, amount: int, tax: int = 0, year: int | None = None) -> Fee:
    return on(day, "fee_received", amount, tax, year)


def refunded(day: str, amount: int, year: int | None = None) -> Fee:
    return on(day, "fee_refunded", amount, 0, year)


def by_year(*facts: Any, plan: Plan | None = None) -> dict[int, int]:
    return dict(target(plan or running(40, 30, 20), deal(*facts), END).workings.by_year)


def pool_of(plan: Plan, *facts: Any) -> int:
    return target(plan, deal(*facts), END).pool_minor


def test_a_falling_and_a_rising_rate_and_the_last_goes_on() -> None:
    fees = [received(f"{year}-03-01", 1_000) for year in (2024, 2025, 2026, 2027)]
    assert pool_of(running(40, 30, 20), SIGN, *fees) == 400 + 300 + 200 + 200
    assert pool_of(running(10, 20), SIGN, *fees) == 100 + 200 + 200 + 200


def test_years_begin_on_the_day_the_stage_was_reached() -> None:
    days = ("2023-06-01", "2024-02-29", "2025-02-28", "2025-03-01", "2028-02-28", "2028-02-29")
    years = [next(iter(by_year(SIGN, received(day, 1)))) for day in days]
    assert years == [1, 1, 1, 2, 4, 5]


def test_until_the_stage_is_reached_everything_is_of_the_first_year() -> None:
    fees = (received("2024-03-01", 1), received("2027-03-01", 1))
    assert by_year(*fees) == {1: 2}
    assert by_year(SIGN, cancelled("01-01", "x"), *fees) == {1: 1}


def test_a_fee_may_name_its_year() -> None:
    assert by_year(SIGN, received("2026-03-05", 7, year=2), received("2026-03-05", 5)) == {2: 7, 3: 5}


def test_what_is_given_back_comes_off_its_own_year_then_off_those_before() -> None:
    had = (SIGN, received("2024-06-01", 100), received("2025-06-01", 50))
    assert by_year(*had, refunded("2026-06-01", 60)) == {1: 90, 2: 0}
    assert by_year(*had, refunded("2026-06-01", 60, year=1)) == {1: 40, 2: 50}
    assert by_year(*had, refunded("2024-07-01", 120)) == {1: 0, 2: 30}
    assert by_year(*had, refunded("2024-07-01", 160)) == {1: -10, 2: 0}


def test_vat_does_not_count_unless_the_plan_says_so() -> None:
    assert by_year(SIGN, received("2024-06-01", 106, 6)) == {1: 100}
    assert by_year(SIGN, received("2024-06-01", 106, 6), plan=running(40, vat_included=True)) == {1: 106}


def test_the_sum_of_the_years_is_rounded_once_and_clipped() -> None:
    fees = (received("2024-06-01", 1), received("2025-06-01", 1))
    assert pool_of(running(25, 25), SIGN, *fees) == 1
    assert pool_of(running(25, 25, cap_minor=0), SIGN, *fees) == 0
    assert pool_of(running(25, 25, floor_minor=9), SIGN, *fees) == 9


def test_what_is_still_expected_counts_in_the_last_year_that_had_fees() -> None:
    facts = deal(SIGN, received("2024-06-01", 1_000), received("2025-06-01", 500), expected_fee_minor=2_000)
    assert expected(running(40, 30, 20), facts, END) == {("A", "sign"): 150}
    assert expected(running(40), deal(SIGN, expected_fee_minor=1_000), END) == {("A", "sign"): 400}
    over = deal(SIGN, received("2024-06-01", 1_000), expected_fee_minor=900)
    assert expected(running(40, 30), over, END) == {("A", "sign"): 0}


def test_the_working_says_each_year() -> None:
    facts = deal(SIGN, received("2024-06-01", 10_000), received("2025-06-01", 20_000))
    assert sentences(steps(target(running(40, 30), facts, END), "A", "sign"), "en", "CNY")[2:6] == [
        "The rate goes by year, and years count from 2024-02-29, when sign was reached.",
        "Year 1: 100.00 at 40%.",
        "Year 2: 200.00 at 30%.",
        "The slices together are 100.00, rounded once.",
    ]


fees = st.builds(
    lambda offset, kind, amount, year: Fee(date(2024, 1, 1) + timedelta(days=offset), kind, amount, 0, year),
    st.integers(0, 1500),
    st.sampled_from(("fee_received", "fee_refunded")),
    st.integers(1, 10**6),
    st.sampled_from((None, None, 1, 2, 3)),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(fees, max_size=8), fees, st.permutations((5, 20, 40)))
def test_a_receipt_more_never_lowers_the_pool(had: list[Fee], more: Fee, rates: list[int]) -> None:
    more = replace(more, kind="fee_received")
    rule = running(*rates)
    assert pool_of(rule, SIGN, *had, more) >= pool_of(rule, SIGN, *had)


@settings(max_examples=100, deadline=None)
@given(st.lists(fees, max_size=8), st.permutations((5, 20, 40)))
def test_giving_back_everything_leaves_nothing_in_any_year(had: list[Fee], rates: list[int]) -> None:
    had = [replace(fee, kind="fee_received") for fee in had]
    back = [fee_back(fee) for fee in had]
    result = target(running(*rates), DealFacts(deal().deal, (SIGN, *had, *back)), END)
    assert all(amount == 0 for _, amount in result.workings.by_year)


def fee_back(received: Fee) -> Fee:
    return fee("01-01", "fee_refunded", received.amount_minor)
