"""Income tax withheld from people: the announcements' rules and their known answers."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core import vat
from ledger.core.errors import Invalid
from ledger.core.money import format_minor, parse_minor
from ledger.core.tax import (
    DEFAULTS,
    METHODS,
    Paid,
    Payment,
    Settings,
    from_data,
    sentences,
    withhold,
    withhold_after,
    withhold_all,
)
from ledger.core.tax_tables import CUMULATIVE, PER_PAYMENT, Table, bracket_of
from ledger.core.tax_words import WORDS


def paid(*lines: str) -> list[Payment]:
    """Payments from lines such as "2026-06-15 7000" or "2026-06-15 7000 training"."""
    parts = [line.split() for line in lines]
    return [Payment(date.fromisoformat(on), parse_minor(amount, "CNY"), *kind) for on, amount, *kind in parts]


def taxes(method: str, payments: list[Payment], break_months: int = 1) -> list[str]:
    held = withhold_all(method, payments, Settings(break_months))
    return [format_minor(one.withheld_minor, "CNY") for one in held]


# -- per payment --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("income", "tax"),
    [
        ("0.01", "0.00"),
        ("800", "0.00"),
        ("2000", "240.00"),
        ("3000", "440.00"),
        ("4000", "640.00"),
        ("4000.01", "640.00"),
        ("6000", "960.00"),
        ("25000", "4000.00"),
        ("25000.05", "4000.01"),
        ("60000", "12400.00"),
        ("62500", "13000.00"),
        ("100000", "25000.00"),
    ],
)
def test_a_payment_by_itself(income: str, tax: str) -> None:
    assert taxes("per_payment", paid(f"2026-05-06 {income}")) == [tax]


def test_payments_of_one_month_for_one_kind_of_service_are_one() -> None:
    assert taxes("per_payment", paid("2026-05-06 600", "2026-05-31 3000")) == ["0.00", "560.00"]
    assert taxes("per_payment", paid("2026-05-31 600", "2026-06-01 3000")) == ["0.00", "440.00"]
    assert taxes("per_payment", paid("2026-05-06 600", "2026-05-31 3000 training")) == ["0.00", "440.00"]


def test_the_same_month_of_another_year_is_another_month() -> None:
    assert taxes("per_payment", paid("2025-05-06 600", "2026-05-06 3000")) == ["0.00", "440.00"]


# -- cumulative ---------------------------------------------------------------------------------

YEAR = paid("2026-06-15 7000", "2026-07-15 7500", "2026-10-15 7200", "2026-11-15 6000", "2026-12-15 8000")


@pytest.mark.parametrize("break_months", [1, 2])
def test_the_announcements_year(break_months: int) -> None:
    assert taxes("platform_cumulative", YEAR, break_months) == ["18.00", "30.00", "22.80", "0.00", "36.00"]


@pytest.mark.parametrize(("break_months", "last"), [(1, "66.00"), (2, "36.00")])
def test_how_many_empty_months_make_a_break_is_a_setting(break_months: int, last: str) -> None:
    payments = paid("2026-06-15 5000", "2026-08-15 9000")
    assert taxes("platform_cumulative", payments, break_months) == ["0.00", last]


def test_a_new_calendar_year_starts_again() -> None:
    payments = paid("2026-12-15 9000", "2027-01-15 9000")
    assert taxes("platform_cumulative", payments) == ["66.00", "66.00"]


def test_two_payments_of_a_month_have_one_months_deduction() -> None:
    assert taxes("platform_cumulative", paid("2026-06-01 4000", "2026-06-30 5000")) == ["0.00", "66.00"]


def test_nothing_is_paid_back_within_the_year_but_counted_on() -> None:
    held = withhold_all("platform_cumulative", YEAR)[3]
    assert held.because[-1].rule == "withheld.nothing"
    assert "nothing is paid back" in sentences(held.because, "en")[-1]


@pytest.mark.parametrize(
    ("gross", "tax"),
    [  # one month: gross x 80% less 5,000, at every bracket's upper edge
        ("51250", "1080.00"),
        ("186250", "11880.00"),
        ("381250", "43080.00"),
        ("531250", "73080.00"),
        ("831250", "145080.00"),
        ("1206250", "250080.00"),
        ("1306250", "286080.00"),
    ],
)
def test_every_bracket_of_the_cumulative_table(gross: str, tax: str) -> None:
    assert taxes("platform_cumulative", paid(f"2026-01-05 {gross}")) == [tax]


def test_the_cumulative_method_is_refused_before_its_announcement() -> None:
    assert taxes("platform_cumulative", paid("2025-10-01 7000")) == ["18.00"]
    with pytest.raises(Invalid, match="2025-10-01") as refusal:
        taxes("platform_cumulative", paid("2025-09-30 7000"))
    assert refusal.value.code == "tax_not_in_force"


def test_what_was_paid_before_the_announcement_is_not_counted() -> None:
    before = [Paid(date(2025, 9, 30), 700_000, 112_000)]
    assert withhold("platform_cumulative", before, Payment(date(2025, 10, 9), 700_000)).withheld_minor == 1800


# -- nothing withheld ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["invoiced", "payroll"])
def test_who_invoices_or_is_employed_has_nothing_withheld_and_is_told_why(method: str) -> None:
    (held,) = withhold_all(method, paid("2026-05-06 60000"))
    assert (held.withheld_minor, held.net_minor) == (0, 6_000_000)
    assert [step.rule for step in held.because] == [method]


# -- for all ------------------------------------------------------------------------------------

PAYMENTS = st.lists(
    st.builds(
        Payment,
        st.integers(0, 800).map(lambda days: date(2025, 10, 1) + timedelta(days=days)),
        st.integers(1, 100_000_000),
        st.sampled_from(["brokerage", "training"]),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(METHODS), PAYMENTS, st.integers(1, 3))
def test_one_by_one_is_all_at_once(method: str, payments: list[Payment], break_months: int) -> None:
    history: list[Paid] = []
    chosen = Settings(break_months)
    for payment, expected in zip(
        sorted(payments, key=lambda one: one.on), withhold_all(method, payments, chosen), strict=True
    ):
        assert withhold(method, history, payment, chosen) == expected
        history.append(Paid(payment.on, payment.amount_minor, expected.withheld_minor, payment.kind))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(METHODS), PAYMENTS)
def test_tax_is_never_negative_nor_more_than_the_payment(method: str, payments: list[Payment]) -> None:
    for held in withhold_all(method, payments):
        assert 0 <= held.withheld_minor <= held.amount_minor == held.withheld_minor + held.net_minor


@settings(max_examples=60, deadline=None)
@given(PAYMENTS)
def test_a_month_in_parts_is_taxed_as_the_month_at_once(payments: list[Payment]) -> None:
    for kind in ("brokerage", "training"):
        parts = [Payment(date(2026, 5, 1), one.amount_minor, kind) for one in payments if one.kind == kind]
        if parts:
            whole = [Payment(date(2026, 5, 1), sum(part.amount_minor for part in parts), kind)]
            for method in ("per_payment", "platform_cumulative"):
                in_parts = sum(held.withheld_minor for held in withhold_all(method, parts))
                assert in_parts == withhold_all(method, whole)[0].withheld_minor


@pytest.mark.parametrize("table", [*PER_PAYMENT, *CUMULATIVE])
def test_no_bracket_has_a_step_at_its_edge(table: Table) -> None:
    for low, high in zip(table.brackets, table.brackets[1:], strict=False):
        assert low.upto_minor is not None
        edge = Fraction(low.upto_minor)
        assert bracket_of(table, edge) is low
        assert edge * low.rate - low.quick_minor == edge * high.rate - high.quick_minor
    assert table.source
    assert table.brackets[-1].upto_minor is None


# -- after something came back ------------------------------------------------------------------

HISTORIES = st.lists(
    st.tuples(st.dates(date(2026, 1, 1), date(2026, 11, 30)), st.integers(1, 40_000_00)), max_size=6
)


@given(history=HISTORIES, method=st.sampled_from(["per_payment", "platform_cumulative"]))
def test_where_nothing_came_back_the_tax_is_as_in_one_row(
    history: list[tuple[date, int]], method: str
) -> None:
    payments = [Payment(*one) for one in sorted(history)]
    held = withhold_all(method, payments)
    last = Payment(date(2026, 12, 5), 9_000_00)
    standing = [Paid(one.on, one.amount_minor, one.withheld_minor) for one in held]
    assert (
        withhold_after(method, standing, last, lambda _: DEFAULTS)
        == withhold_all(method, [*payments, last])[-1]
    )


@given(history=HISTORIES.filter(bool), gone=st.integers(0, 5))
def test_after_one_came_back_a_large_payment_puts_the_year_right(
    history: list[tuple[date, int]], gone: int
) -> None:
    held = withhold_all("per_payment", [Payment(*one) for one in history])
    standing = [
        Paid(one.on, one.amount_minor, one.withheld_minor)
        for n, one in enumerate(held)
        if n != gone % len(held)
    ]
    last = Payment(date(2026, 12, 5), 500_000_00)
    taken = withhold_after("per_payment", standing, last, lambda _: DEFAULTS).withheld_minor
    right = withhold_all("per_payment", [*(Payment(p.on, p.amount_minor) for p in standing), last])
    assert taken + sum(p.withheld_minor for p in standing) == sum(one.withheld_minor for one in right)


# -- workings -----------------------------------------------------------------------------------


def test_every_step_is_said_in_both_languages() -> None:
    held = [
        *withhold_all("platform_cumulative", YEAR),
        *withhold_all("per_payment", paid("2026-05-06 600", "2026-05-31 3000.01", "2026-05-31 6000")),
        *withhold_all("invoiced", paid("2026-05-06 600")),
        *withhold_all("payroll", paid("2026-05-06 600")),
        withhold_after(
            "per_payment",
            [Paid(date(2026, 5, 6), 3000_00, 560_00)],
            *paid("2026-06-06 4000"),
            lambda _: DEFAULTS,
        ),
    ]
    of_vat = [
        vat.held(gross, 0, 0, date(2026, 5, 6), vat.Settings(is_withheld=True))
        for gross in (1_00, 200_000_00)
    ]
    of_vat.append(vat.off(50_000_00, 1_089_11, 1_089_11, date(2026, 5, 6), vat.Settings(is_withheld=True)))
    workings = [*(one.because for one in (*held, *of_vat)), (vat.back(1_089_11),)]
    assert {step.rule for steps in workings for step in steps} == set(WORDS)
    for steps in workings:
        assert from_data([step.to_data() for step in steps]) == steps
        assert all("{" not in text for lang in ("zh", "en") for text in sentences(steps, lang))


def test_the_working_of_a_cumulative_payment() -> None:
    held = withhold_all("platform_cumulative", YEAR)[1]
    assert sentences(held.because, "en") == [
        "Months with a payment, in a row since 2026-06: 2. Empty months that break the row: 1; "
        "a new year starts it again.",
        "Paid in these months, with this payment of 7500.00: 14500.00.",
        "14500.00 less expenses of 20% (2900.00), less 2 times 5000.00 (10000.00), is taxable with 1600.00.",
        "1600.00 at 3%, less the quick deduction of 0.00, is 48.00 of tax.",
        "48.00 less 18.00 withheld before is 30.00 to withhold.",
    ]


# -- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [0, -1])
def test_a_payment_of_nothing_is_refused(amount: int) -> None:
    with pytest.raises(Invalid, match="not above zero"):
        withhold("per_payment", [], Payment(date(2026, 5, 6), amount))


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(Invalid, match="use one of: platform_cumulative, per_payment, invoiced, payroll"):
        withhold("none", [], Payment(date(2026, 5, 6), 1))


def test_payments_are_taxed_in_order_of_their_dates() -> None:
    with pytest.raises(Invalid, match="take them by date"):
        withhold("per_payment", [Paid(date(2026, 5, 7), 100, 0)], Payment(date(2026, 5, 6), 100))


def test_a_break_is_at_least_one_month() -> None:
    with pytest.raises(Invalid, match="at least one empty month"):
        withhold("platform_cumulative", [], Payment(date(2026, 5, 6), 1), Settings(0))
