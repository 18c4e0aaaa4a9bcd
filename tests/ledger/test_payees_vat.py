"""Payees' VAT in the books: withheld with the payment that reaches the threshold, given back with it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger import bank_answers, bounces, deals, payouts, remittances, settings, tax_returns
from ledger.core import entry
from ledger.core.errors import Conflict
from ledger.db import Database
from ledger.payouts import PayoutLine
from ledger.statements import fresh
from tests.desk import PLAN, Desk

CLIFF = 1_089_11  # of 110,000.00


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    made = Desk(database, tmp_path / "files").move_in(PLAN)
    made.deal("D-1")
    made.reach("find")
    made.pay()  # the award of 500.00, in January
    made.today = date(2026, 3, 5)
    return made


def decide(desk: Desk, name: str = settings.VAT, value: str = "yes", since: date = date(2026, 2, 1)) -> None:
    desk.do(
        lambda session: settings.decide(
            session, name, value=value, from_on=since, reason="核定", **desk.by("finance")
        )
    )


def earn(desk: Desk, amount_minor: int) -> None:
    desk.do(
        lambda session: deals.adjust(
            session,
            "D-1",
            manager_id="M1",
            stage="find",
            amount_minor=amount_minor,
            reason="补发",
            on=desk.today,
            **desk.by("finance"),
        )
    )


def paid(desk: Desk, amount_minor: int, *, confirm: bool = True) -> PayoutLine:
    """A payment of so much to M1."""
    earn(desk, amount_minor)
    payout_id = desk.pay(confirm=confirm)
    with desk.database.reading() as session:
        (line,) = payouts.lines_of(session, payout_id)
        session.expunge_all()
    assert line.gross_minor == line.tax_minor + line.vat_minor + line.net_minor
    return line


@pytest.mark.parametrize(
    ("gross", "at", "vat"),
    [
        (99_999_99, "exempt", 0),
        (100_000_00, "exempt", 0),
        (100_000_00, "taxed", 990_10),
        (100_000_01, "exempt", 990_10),
    ],
)
def test_a_payment_at_and_around_the_threshold(desk: Desk, gross: int, at: str, vat: int) -> None:
    decide(desk)
    decide(desk, settings.VAT_AT, at)
    assert paid(desk, gross).vat_minor == vat
    assert desk.wrong() == []


def test_nothing_is_withheld_unless_the_operator_has_decided_so(desk: Desk) -> None:
    line = paid(desk, 200_000_00)
    assert line.vat_minor == 0 and "vat" not in str(line.tax_working)


def test_the_payment_that_reaches_the_threshold_bears_the_vat_of_the_month(desk: Desk) -> None:
    decide(desk)
    assert paid(desk, 60_000_00).vat_minor == 0
    desk.today = date(2026, 3, 9)
    second = paid(desk, 50_000_00)
    assert second.vat_minor == CLIFF
    assert desk.balance(entry.WITHHELD_VAT, "") == -CLIFF
    (confirmed,) = [text for text in desk.entries("payout_confirmed") if "2221.13" in text]
    assert "2221.13 withheld_vat                     -1089.11 CNY" in confirmed
    desk.today = date(2026, 4, 3)
    assert paid(desk, 60_000_00).vat_minor == 0
    assert desk.wrong() == []


def test_income_tax_counts_what_is_left_of_the_vat_unless_decided_otherwise(desk: Desk) -> None:
    decide(desk)
    without = paid(desk, 110_000_00)
    # (110,000.00 − 1,089.11) × 80% × 40% − 7,000
    assert without.tax_minor == 27_851_48
    desk.today = date(2026, 4, 3)
    decide(desk, settings.VAT_IN_INCOME, "yes", since=desk.today)
    assert paid(desk, 110_000_00).tax_minor == 28_200_00


def test_surcharges_go_with_it(desk: Desk) -> None:
    decide(desk)
    decide(desk, settings.VAT_SURCHARGES, "6%")
    assert paid(desk, 110_000_00).vat_minor == CLIFF + 65_35


def test_a_payment_that_is_refused_or_comes_back_gives_its_vat_back(desk: Desk) -> None:
    decide(desk)
    paid(desk, 60_000_00)
    on_the_way = paid(desk, 50_000_00, confirm=False)
    desk.do(
        lambda session: bank_answers.return_lines(
            session, on_the_way.payout_id, line_ids=[on_the_way.id], reason="销户", **desk.by("finance")
        )
    )
    assert desk.balance(entry.WITHHELD_VAT, "") == 0
    again = paid(desk, 1_00)
    assert (again.gross_minor, again.vat_minor) == (50_001_00, 1_089_12)
    desk.today = date(2026, 4, 2)
    desk.do(
        lambda session: bounces.record(
            session, again.payout_id, {again.id: "退汇"}, on=desk.today, **desk.by("finance")
        )
    )
    assert desk.balance(entry.WITHHELD_VAT, "") == 0
    assert desk.wrong() == []


def test_where_an_earlier_payment_came_back_the_next_of_the_month_gives_back_what_was_too_much(
    desk: Desk,
) -> None:
    decide(desk)
    first = paid(desk, 60_000_00)
    assert paid(desk, 50_000_00).vat_minor == CLIFF
    desk.do(
        lambda session: bounces.record(
            session, first.payout_id, {first.id: "退汇"}, on=desk.today, **desk.by("finance")
        )
    )
    desk.today = date(2026, 4, 2)
    other_month = paid(desk, 1_00)
    assert (other_month.gross_minor, other_month.vat_minor) == (60_001_00, 0)
    assert desk.wrong() == []


def test_within_the_month_it_is_given_back(desk: Desk) -> None:
    decide(desk)
    first = paid(desk, 60_000_00)
    paid(desk, 50_000_00)
    desk.do(
        lambda session: bounces.record(
            session, first.payout_id, {first.id: "退汇"}, on=desk.today, **desk.by("finance")
        )
    )
    earn(desk, -50_000_00)
    again = paid(desk, 0 + 1)
    assert (again.gross_minor, again.vat_minor) == (10_000_01, -CLIFF)
    assert again.net_minor == again.gross_minor - again.tax_minor + CLIFF
    assert desk.balance(entry.WITHHELD_VAT, "") == 0
    assert desk.wrong() == []


def test_the_statement_shows_it_with_its_working(desk: Desk) -> None:
    decide(desk)
    line = paid(desk, 110_000_00)
    with desk.database.reading() as session:
        made = fresh(session, "M1", "2026-03", kind="preliminary", now=desk.now)
    assert made is not None
    assert made.bridge.paid_vat_minor == -CLIFF
    assert made.bridge.paid_net_minor == -line.net_minor
    (told,) = made.payouts
    assert any("1089.11" in words.zh for words in told.tax_working)
    assert made.year_to_date.vat_minor == CLIFF


def listed(desk: Desk) -> str:
    """The list for the tax office of March."""
    _, content = desk.do(
        lambda session: tax_returns.export(session, "vat", "2026-03", "csv", **desk.by("finance"))
    )
    return content.decode("utf-8-sig")


def test_the_list_for_the_tax_office_has_what_is_owed_and_what_was_withheld(desk: Desk) -> None:
    decide(desk)
    paid(desk, 60_000_00)
    paid(desk, 50_000_00)
    assert "110000.00,108910.89,1089.11,0.00,1089.11,0.00" in listed(desk)


def test_too_much_that_no_payment_of_the_month_gives_back_is_listed_and_can_be_remitted(desk: Desk) -> None:
    """What docs/RULES.md has finance do by hand."""
    decide(desk)
    first = paid(desk, 60_000_00)
    paid(desk, 50_000_00)
    desk.today = date(2026, 4, 2)
    desk.do(
        lambda session: bounces.record(
            session, first.payout_id, {first.id: "退汇"}, on=desk.today, **desk.by("finance")
        )
    )
    assert "50000.00,50000.00,0.00,0.00,1089.11,-1089.11,免征" in listed(desk)
    assert desk.balance(entry.WITHHELD_VAT, "") == -CLIFF
    given: dict[str, Any] = {"amount_minor": CLIFF, "on": desk.today, "ref": "SP-1"}
    desk.do(lambda session: remittances.remit(session, "2026-03", of="vat", **given, **desk.by("finance")))
    assert desk.balance(entry.WITHHELD_VAT, "") == 0
    assert desk.wrong() == []


def test_it_is_remitted_apart_from_the_income_tax_and_never_more_than_was_withheld(desk: Desk) -> None:
    decide(desk)
    paid(desk, 110_000_00)

    def remit(minor: int, ref: str) -> None:
        desk.do(
            lambda session: remittances.remit(
                session,
                "2026-03",
                amount_minor=minor,
                on=desk.today,
                ref=ref,
                of="vat",
                **desk.by("finance"),
            )
        )

    with pytest.raises(Conflict, match=r"1089\.11"):
        remit(CLIFF + 1, "SP-1")
    remit(CLIFF, "SP-1")
    remit(CLIFF, "SP-1")
    assert desk.balance(entry.WITHHELD_VAT, "") == 0
    with desk.database.reading() as session:
        by = desk.people["finance"]
        (month,) = remittances.standing(session, of="vat", by=by)
        assert (month.withheld_minor, month.open_minor) == (CLIFF, 0)
        assert all(one.remitted_minor == 0 for one in remittances.standing(session, by=by))


def test_who_invoices_or_is_an_employee_has_none_withheld(desk: Desk) -> None:
    from ledger import managers

    decide(desk)
    desk.do(
        lambda session: managers.set_payment(
            session,
            "M1",
            bank_name="工商银行",
            bank_account="6222020200112233441",
            tax_method="payroll",
            tax_from=date(2026, 3, 1),
            **desk.by("operator"),
        )
    )
    assert paid(desk, 200_000_00).vat_minor == 0
