"""What is withheld from payouts: the announcements' year, what comes back, settings and methods by date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import bank_answers, invoices, managers, payables, payouts
from ledger import settings as decided
from ledger.core import entry, tax
from ledger.core.errors import Conflict, Invalid, Refused
from ledger.core.money import format_minor
from ledger.db import Database
from tests.desk import PLAN, Desk

STAGES = ("find", "sign", "done")


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    made = Desk(database, tmp_path / "files").move_in(PLAN.replace(', award: "500.00"', ""))
    made.deal("D-1", expected=100_000_00)
    for stage in STAGES:
        made.reach(stage, deal="D-1")
    return made


@contextmanager
def refused(kind: type[Refused], code: str) -> Iterator[None]:
    with pytest.raises(kind) as found:
        yield
    assert found.value.code == code


def owed(desk: Desk, amount_minor: int) -> None:
    """So much becomes payable to M1: two and a half times the fee, at 40% and with nothing held."""
    desk.refs = getattr(desk, "refs", 0) + 1  # type: ignore[attr-defined]
    desk.fee("fee_received", amount_minor * 5 // 2, f"SK{desk.refs}")  # type: ignore[attr-defined]


def taxed_as(desk: Desk, method: str, **more: Any) -> None:
    desk.do(
        lambda session: managers.set_payment(
            session,
            "M1",
            bank_name="工商银行",
            bank_account="6222020200112233441",
            tax_method=method,
            **more,
            by=desk.people["operator"],
            now=desk.now,
        )
    )


def paid(desk: Desk, day: str, amount_minor: int, *, confirm: bool = True) -> str:
    desk.today = date.fromisoformat(day)
    owed(desk, amount_minor)
    return desk.pay(confirm=confirm)


def taxes(desk: Desk, *payout_ids: str) -> list[str]:
    with desk.database.reading() as session:
        lines = [payouts.lines_of(session, one)[0] for one in payout_ids]
        return [format_minor(line.tax_minor, "CNY") for line in lines]


def returned(desk: Desk, payout_id: str) -> None:
    def act(session: Any) -> None:
        lines = [line.id for line in payouts.lines_of(session, payout_id)]
        bank_answers.return_lines(session, payout_id, line_ids=lines, reason="账号有误", **desk.by("finance"))

    desk.do(act)


def test_the_announcements_year_through_the_books(desk: Desk) -> None:
    taxed_as(desk, "platform_cumulative", tax_from=date(2026, 1, 1))
    made = [
        paid(desk, f"2026-{month}-15", amount)
        for month, amount in (
            ("06", 7000_00),
            ("07", 7500_00),
            ("10", 7200_00),
            ("11", 6000_00),
            ("12", 8000_00),
        )
    ]
    assert taxes(desk, *made) == ["18.00", "30.00", "22.80", "0.00", "36.00"]
    assert -desk.balance(entry.WITHHELD_IIT, "") == 106_80
    assert desk.wrong() == []


@pytest.mark.parametrize(("months", "expected"), [("1", ["0.00", "66.00"]), ("2", ["0.00", "36.00"])])
def test_what_makes_a_break_is_the_operators_to_say(desk: Desk, months: str, expected: list[str]) -> None:
    taxed_as(desk, "platform_cumulative", tax_from=date(2026, 1, 1))
    desk.do(
        lambda session: decided.decide(
            session,
            decided.BREAK_MONTHS,
            value=months,
            from_on=date(2026, 1, 1),
            reason="主管税务机关答复",
            **desk.by("finance"),
        )
    )
    made = [paid(desk, "2026-06-10", 5000_00), paid(desk, "2026-08-10", 9000_00)]
    assert taxes(desk, *made) == expected
    with desk.database.reading() as session:
        working = payouts.lines_of(session, made[1])[0].tax_working
    assert working[0]["numbers"]["break_months"] == int(months)  # which the statement prints


def test_what_the_bank_sends_back_has_no_tax(desk: Desk) -> None:
    first = paid(desk, "2026-05-06", 3000_00, confirm=False)
    returned(desk, first)
    assert desk.balance(entry.WITHHELD_IIT, "") == 0
    again = desk.pay()
    assert taxes(desk, first, again) == ["440.00", "440.00"]
    assert -desk.balance(entry.WITHHELD_IIT, "") == 440_00


def test_after_a_returned_payment_the_month_comes_right_with_the_next(desk: Desk) -> None:
    first = paid(desk, "2026-05-06", 600_00, confirm=False)
    second = paid(desk, "2026-05-07", 3000_00)
    assert taxes(desk, first, second) == ["0.00", "560.00"]  # one payment of 3,600 to the rules
    returned(desk, first)
    again = desk.pay()
    assert taxes(desk, again) == ["0.00"]
    assert -desk.balance(entry.WITHHELD_IIT, "") == 560_00


def test_what_was_withheld_too_much_is_taken_off_in_a_later_month(desk: Desk) -> None:
    first = paid(desk, "2026-05-06", 600_00, confirm=False)
    paid(desk, "2026-05-07", 3000_00)
    returned(desk, first)
    later = paid(desk, "2026-06-07", 3400_00)  # and the 600 of before: 4,000
    assert taxes(desk, later) == ["520.00"]  # 640 less the 120 that were too much in May
    with desk.database.reading() as session:
        steps = tax.from_data(payouts.lines_of(session, later)[0].tax_working)
    assert "should have been withheld" in tax.sentences(steps, "en")[-1]
    assert desk.wrong() == []


def test_a_batch_made_earlier_for_the_same_month_counts_before_it_is_confirmed(desk: Desk) -> None:
    first = paid(desk, "2026-05-06", 600_00, confirm=False)
    second = paid(desk, "2026-05-07", 3000_00, confirm=False)
    assert taxes(desk, first, second) == ["0.00", "560.00"]


def test_a_method_counts_from_its_day(desk: Desk) -> None:
    desk.today = date(2026, 4, 1)
    taxed_as(desk, "platform_cumulative", tax_from=date(2026, 6, 1))
    made = [paid(desk, "2026-05-15", 3000_00), paid(desk, "2026-06-15", 7000_00)]
    assert taxes(desk, *made) == ["440.00", "18.00"]
    with desk.database.reading() as session:
        lines = [payouts.lines_of(session, one)[0].tax_method for one in made]
    assert lines == ["per_payment", "platform_cumulative"]


def invoice(desk: Desk, number: str, amount_minor: int) -> str:
    return desk.do(
        lambda session: invoices.add(
            session,
            desk.store,
            "M1",
            number=number,
            issued_on=desk.today,
            amount_minor=amount_minor,
            file_name="发票.pdf",
            content=number.encode(),
            **desk.by("operator"),
        )
    ).id


def why_not(desk: Desk) -> str | None:
    with desk.database.reading() as session:
        (due,) = payables.preview(session, **desk.by("finance"))
        return due.why_not


def test_no_invoice_no_pay_and_the_line_keeps_its_proof(desk: Desk) -> None:
    taxed_as(desk, "invoiced")
    desk.today = date(2026, 5, 6)
    owed(desk, 3000_00)
    assert why_not(desk) == "no_invoice"
    with refused(Conflict, "nothing_payable"):
        desk.pay()
    invoice(desk, "FP-1", 1000_00)
    assert why_not(desk) == "no_invoice"  # it does not cover what is owed
    invoice(desk, "FP-2", 2500_00)
    assert why_not(desk) is None
    made = desk.pay(confirm=False)
    assert taxes(desk, made) == ["0.00"]
    with desk.database.reading() as session:
        (line,) = payouts.lines_of(session, made)
        proof = invoices.of_lines(session, [line.id])[line.id]
        assert [(one.number, used) for one, used in proof] == [("FP-1", 1000_00), ("FP-2", 2000_00)]
        assert all(desk.store.get(one.sha256) for one, _ in proof)
    owed(desk, 600_00)
    assert why_not(desk) == "no_invoice"  # 500 of the second are left
    returned(desk, made)
    invoice(desk, "FP-3", 100_00)
    assert why_not(desk) is None  # what came back frees its invoices
    assert desk.wrong() == []


def test_an_invoice_counts_once_and_not_after_it_was_taken_back(desk: Desk) -> None:
    taxed_as(desk, "invoiced")
    desk.today = date(2026, 5, 6)
    owed(desk, 3000_00)
    known = invoice(desk, "FP-1", 3000_00)
    with refused(Conflict, "invoice_known"):
        invoice(desk, "FP-1", 3000_00)

    def back(session: Any) -> Any:
        return invoices.take_back(session, known, reason="作废", **desk.by("operator"))

    desk.do(back)
    assert why_not(desk) == "no_invoice"
    invoice(desk, "FP-2", 3000_00)
    desk.pay()
    with desk.database.reading() as session:
        (used,) = invoices.standing(session, "M1", by=desk.people["finance"])
        assert (used.invoice.number, used.free_minor) == ("FP-2", 0)
        known = used.invoice.id
    with refused(Conflict, "invoice_used"):
        desk.do(back)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"value": "0"}, "setting_value"),
        ({"value": "one"}, "setting_value"),
        ({"from_on": date(2025, 12, 31)}, "setting_past"),
        ({"reason": " "}, "reason_missing"),
        ({"name": "tax.nothing"}, "setting_unknown"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(desk: Desk, change: dict[str, Any], code: str) -> None:
    given = {"name": decided.BREAK_MONTHS, "value": "2", "from_on": date(2026, 1, 1), "reason": "x"} | change
    with refused(Invalid, code):
        desk.do(lambda session: decided.decide(session, **given, **desk.by("finance")))


def test_a_later_decision_for_a_day_takes_the_place_of_an_earlier(desk: Desk) -> None:
    def decide(value: str, from_on: date) -> Callable[[Any], Any]:
        return lambda session: decided.decide(
            session, decided.BREAK_MONTHS, value=value, from_on=from_on, reason="x", **desk.by("finance")
        )

    for value, day in (("2", date(2026, 3, 1)), ("3", date(2026, 3, 1)), ("4", date(2026, 2, 1))):
        desk.do(decide(value, day))
    with desk.database.reading() as session:
        counts = decided.through(session, decided.BREAK_MONTHS)
    assert [counts(date(2026, month, 1)) for month in (1, 2, 3, 4)] == ["1", "4", "3", "3"]


METHODS = st.sampled_from(["per_payment", "platform_cumulative"])
WHEN = st.dates(date(2026, 2, 1), date(2026, 12, 28))
PAYMENTS = st.lists(st.tuples(WHEN, st.integers(1, 90_000_00)), min_size=1, max_size=5)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=METHODS, payments=PAYMENTS)
def test_the_ledger_and_yongjin_tax_give_the_same_figures(
    desk: Desk, method: str, payments: list[tuple[date, int]]
) -> None:
    payee = f"P{uuid4().hex[:8]}"
    desk.today = date(2026, 1, 5)
    desk.do(
        lambda session: managers.add(
            session,
            id=payee,
            name="任我行",
            tax_method=method,
            bank_name="工商银行",
            bank_account="6222020200112233441",
            now=desk.now,
        )
    )
    desk.deal(payee)
    for stage in STAGES:
        desk.reach(stage, {payee: "1"}, deal=payee)
    made = []
    for number, (day, amount) in enumerate(sorted(payments)):
        desk.today = day
        desk.fee("fee_received", amount * 5, f"{payee}-{number}", deal=payee)  # of which 40%
        made.append(desk.pay(only=[payee]))
    listed = [tax.Payment(day, amount * 2) for day, amount in sorted(payments)]
    expected = [format_minor(one.withheld_minor, "CNY") for one in tax.withhold_all(method, listed)]
    assert taxes(desk, *made) == expected
