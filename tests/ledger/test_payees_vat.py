"""Payees' VAT in the books: withheld with the payment that reaches the threshold, given back with it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger import (
    bank_answers,
    bounces,
    certificates,
    deals,
    journal,
    payouts,
    remittances,
    settings,
    tax_returns,
    waits,
)
from ledger.core import entry
from ledger.core.errors import Conflict
from ledger.core.workings import render
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
    refuse(desk, paid(desk, 50_000_00, confirm=False))
    assert desk.balance(entry.WITHHELD_VAT, "") == 0
    again = paid(desk, 1_00)
    assert (again.gross_minor, again.vat_minor) == (50_001_00, 1_089_12)
    desk.today = date(2026, 4, 2)
    come_back(desk, again)
    assert desk.balance(entry.WITHHELD_VAT, "") == 0
    assert desk.wrong() == []


def come_back(desk: Desk, *lines: PayoutLine) -> None:
    for line in lines:
        desk.do(
            lambda session, line=line: bounces.record(
                session, line.payout_id, {line.id: "退汇"}, on=desk.today, **desk.by("finance")
            )
        )


def refuse(desk: Desk, line: PayoutLine) -> None:
    desk.do(
        lambda session: bank_answers.return_lines(
            session, line.payout_id, line_ids=[line.id], reason="销户", **desk.by("finance")
        )
    )


def confirm(desk: Desk, line: PayoutLine) -> None:
    desk.do(
        lambda session: bank_answers.confirm(
            session, line.payout_id, value_on=line.value_on, **desk.by("finance")
        )
    )


def payable(desk: Desk) -> int:
    return -desk.balance(entry.PAYABLE, "M1")


def test_where_an_earlier_payment_came_back_what_was_too_much_goes_back_to_the_payee(desk: Desk) -> None:
    decide(desk)
    first = paid(desk, 60_000_00)
    assert paid(desk, 50_000_00).vat_minor == CLIFF
    come_back(desk, first)
    assert desk.entries("vat_corrected") == [
        "2026-03-05 vat_corrected M1/2026-03/CNY#1\n"
        "  2221.13 withheld_vat                      1089.11 CNY\n"
        "  2202.01 payable:M1                       -1089.11 CNY"
    ]
    assert desk.balance(entry.WITHHELD_VAT, "") == 0
    assert payable(desk) == 60_000_00 + CLIFF
    assert desk.wrong() == []


def test_of_a_closed_month_it_lands_in_the_open_one_and_names_its_own(desk: Desk) -> None:
    decide(desk)
    first = paid(desk, 60_000_00)
    paid(desk, 50_000_00)
    desk.today = date(2026, 4, 2)
    for month in ("2026-01", "2026-02", "2026-03"):
        desk.close(month, accept=desk.seen(month))
    come_back(desk, first)
    assert desk.entries("vat_corrected") == [
        "2026-04-02 vat_corrected M1/2026-03/CNY#1\n"
        "  2221.13 withheld_vat                      1089.11 CNY  of 2026-03\n"
        "  2202.01 payable:M1                       -1089.11 CNY  of 2026-03"
    ]
    with desk.database.reading() as session:
        (march,) = remittances.by_month(session, "CNY", "vat")
    assert (march.period, march.withheld_minor) == ("2026-03", 0)
    assert desk.wrong() == []


def test_within_the_month_the_next_payment_does_not_give_it_back_again(desk: Desk) -> None:
    decide(desk)
    first = paid(desk, 60_000_00)
    paid(desk, 50_000_00)
    come_back(desk, first)
    earn(desk, -50_000_00)
    again = paid(desk, 0 + 1)
    # 10,000.01 of commission, and the VAT that was given back
    assert (again.gross_minor, again.vat_back_minor, again.vat_minor) == (10_000_01 + CLIFF, CLIFF, 0)
    assert desk.balance(entry.WITHHELD_VAT, "") == 0
    assert desk.wrong() == []


def test_what_is_given_back_is_no_new_turnover_but_income_once_it_is_paid(desk: Desk) -> None:
    decide(desk)
    first = paid(desk, 60_000_00)
    paid(desk, 50_000_00)
    come_back(desk, first)
    earn(desk, -60_000_00)
    desk.today = date(2026, 4, 2)
    # of the 101,000.00 so much is VAT given back: the turnover of the month is not beyond the threshold
    line = paid(desk, 101_000_00 - CLIFF)
    assert (line.gross_minor, line.vat_back_minor, line.vat_minor) == (101_000_00, CLIFF, 0)
    assert "1089.11" in str(line.tax_working[0])
    (large,) = (step for step in line.tax_working if step["rule"] == "per_payment.large")
    assert large["numbers"]["income"] == "101000.00"
    assert desk.wrong() == []


def test_where_the_vat_was_in_the_income_it_is_not_taxed_a_second_time(desk: Desk) -> None:
    decide(desk)
    decide(desk, settings.VAT_IN_INCOME, "yes")
    first = paid(desk, 60_000_00)
    paid(desk, 50_000_00)
    come_back(desk, first)
    earn(desk, -60_000_00)
    desk.today = date(2026, 4, 2)
    alone = desk.pay()
    with desk.database.reading() as session:
        (line,) = payouts.lines_of(session, alone)
        assert (line.gross_minor, line.tax_minor, line.net_minor) == (CLIFF, 0, CLIFF)
        # and the return of April has nobody in it
        by = desk.people["finance"]
        assert tax_returns.rows(session, "2026-04", by=by) == []
    assert desk.wrong() == []


def test_where_what_bore_it_comes_back_as_well_it_is_taken_again(desk: Desk) -> None:
    decide(desk)
    first = paid(desk, 60_000_00)
    second = paid(desk, 50_000_00)
    come_back(desk, first)
    come_back(desk, second)
    assert payable(desk) == 110_000_00
    assert desk.balance(entry.WITHHELD_VAT, "") == 0
    assert [one.splitlines()[2].split()[2] for one in desk.entries("vat_corrected")] == [
        "-1089.11",
        "1089.11",
    ]
    assert paid(desk, 1_00).vat_minor == 1_089_12
    assert desk.wrong() == []


def test_it_is_taken_again_also_from_what_was_paid_out_since(desk: Desk) -> None:
    decide(desk)
    first = paid(desk, 60_000_00)
    second = paid(desk, 50_000_00)
    come_back(desk, first)
    earn(desk, -60_000_00)
    desk.today = date(2026, 4, 2)
    alone = desk.pay()
    come_back(desk, second)
    assert payable(desk) == 50_000_00 - CLIFF
    line = paid(desk, 50_000_00 + 1)
    # the turnover is what was earned: 100,000.01
    assert (line.gross_minor, line.vat_back_minor) == (100_000_01 - CLIFF, -CLIFF)
    assert line.vat_minor == 990_10
    with desk.database.reading() as session:
        (given_back,) = payouts.lines_of(session, alone)
        assert given_back.vat_back_minor == CLIFF
        made = fresh(session, "M1", "2026-04", kind="preliminary", now=desk.now)
    assert made is not None
    # of the year: the 450.00 of January, and what stands
    assert made.year_to_date.paid_gross_minor == 450_00 + 100_000_01
    assert made.year_to_date.vat_minor == 990_10
    assert desk.wrong() == []


def test_too_little_is_taken_from_what_is_payable(desk: Desk) -> None:
    """The payment that bore the month's VAT comes back, and the rest is beyond the threshold still."""
    decide(desk)
    paid(desk, 60_000_00)
    bore = paid(desk, 50_000_00)
    assert paid(desk, 60_000_00).vat_minor == 594_06
    come_back(desk, bore)
    # 120,000.00 / 1.01 x 1%, less 594.06
    assert payable(desk) == 50_000_00 - (1_188_12 - 594_06)
    assert desk.balance(entry.WITHHELD_VAT, "") == -1_188_12
    assert desk.wrong() == []


def test_no_more_is_given_back_than_is_in_the_books_and_the_rest_once_the_bank_has_paid(desk: Desk) -> None:
    decide(desk)
    first = paid(desk, 60_000_00, confirm=False)
    second = paid(desk, 50_000_00, confirm=False)
    assert second.vat_minor == CLIFF
    refuse(desk, first)
    assert desk.entries("vat_corrected") == []
    confirm(desk, second)
    assert len(desk.entries("vat_corrected")) == 1
    assert payable(desk) == 60_000_00 + CLIFF
    assert desk.wrong() == []


def test_a_batch_that_is_given_up_counts_as_well(desk: Desk) -> None:
    decide(desk)
    earn(desk, 60_000_00)
    made = desk.do(lambda session: payouts.make(session, value_on=desk.today, **desk.by("operator")).id)
    second = paid(desk, 50_000_00)
    assert second.vat_minor == CLIFF
    desk.do(lambda session: payouts.void(session, made, reason="误", **desk.by("operator")))
    assert payable(desk) == 60_000_00 + CLIFF
    assert desk.wrong() == []


def test_told_twice_that_it_came_back_it_is_given_back_once(desk: Desk) -> None:
    decide(desk)
    first = paid(desk, 60_000_00)
    paid(desk, 50_000_00)
    come_back(desk, first, first)
    assert len(desk.entries("vat_corrected")) == 1


def test_a_month_in_which_nothing_came_back_is_left_alone(desk: Desk) -> None:
    """Though a setting that counts from before makes it owe otherwise."""
    on_the_way = paid(desk, 150_000_00, confirm=False)
    decide(desk)
    confirm(desk, on_the_way)
    assert desk.entries("vat_corrected") == []
    assert desk.wrong() == []


def test_a_payment_of_which_the_month_would_take_all_waits(desk: Desk) -> None:
    """10.00 beyond the threshold would bear 990.20: nobody's batch is refused for it, nor a minus paid."""
    decide(desk)
    paid(desk, 100_000_00)
    earn(desk, 10_00)
    with pytest.raises(Conflict, match="nothing is left"):
        desk.pay()
    desk.today = date(2026, 4, 2)
    desk.pay()
    assert payable(desk) == 0
    assert desk.wrong() == []


def test_the_statement_says_what_was_given_back(desk: Desk) -> None:
    decide(desk)
    first = paid(desk, 60_000_00)
    paid(desk, 50_000_00)
    desk.today = date(2026, 4, 2)
    come_back(desk, first)
    desk.pay()
    with desk.database.reading() as session:
        made = fresh(session, "M1", "2026-04", kind="preliminary", now=desk.now)
    assert made is not None
    assert made.bridge.vat_corrected_minor == CLIFF
    (told,) = made.further
    assert (told.row, told.what.zh, told.amount_minor) == ("vat_corrected", "更正2026-03代扣增值税", CLIFF)
    assert told.what.en == "VAT withheld, set right, of 2026-03"
    assert made.bridge.closing_minor == 0
    # 60,000.00 again, 50,000.00 of March and 450.00; the VAT was given back
    assert made.year_to_date.paid_gross_minor == 110_450_00
    assert made.year_to_date.vat_minor == 0


def test_the_years_certificate_and_the_quarters_report_count_it_once(desk: Desk) -> None:
    decide(desk)
    first = paid(desk, 60_000_00)
    paid(desk, 50_000_00)
    come_back(desk, first)
    earn(desk, -60_000_00)
    desk.today = date(2026, 6, 2)
    desk.pay()  # the VAT alone
    with desk.database.reading() as session:
        drawn = certificates.draw(session, "M1@2026", desk.now).report
    income, tax, net = (figure.amount_minor for figure in drawn.figures)
    # 450.00 of January and 50,000.00 of March; the VAT was given back, so all the rest was paid
    assert income == 50_450_00 and net == income - (tax or 0)
    (march, june) = drawn.tables[0].rows[1:]
    assert (march[3], march[5], june[3], june[5]) == (50_000_00, CLIFF, 0, -CLIFF)
    _, content = desk.do(
        lambda session: tax_returns.export(session, "platform", "2026Q2", "csv", **desk.by("finance"))
    )
    assert ",0.00,0.00,0.00," in content.decode("utf-8-sig")
    assert desk.balance(entry.BANK, "基本户") == -net
    assert desk.wrong() == []


def test_verify_names_a_month_that_gave_back_too_much(desk: Desk, request: pytest.FixtureRequest) -> None:
    decide(desk)
    paid(desk, 110_000_00)
    draft = entry.Entry(
        kind="vat_corrected",
        source="x",
        on=desk.today,
        period="2026-03",
        currency="CNY",
        postings=(
            entry.Posting(entry.WITHHELD_VAT, CLIFF + 1, manager_id="M1"),
            entry.Posting(entry.PAYABLE, -CLIFF - 1, "M1", manager_id="M1"),
        ),
    )
    owner = Database(request.getfixturevalue("settings").owner_url)
    try:
        with owner.writing() as session:
            on = "" if owner.is_sqlite else " ON entry"
            session.execute(text("DROP TRIGGER entry_is_whole" + on))
            journal.post(session, draft, now=desk.now, working={"tax": []})
    finally:
        owner.close()
    found = [one for one in desk.wrong() if not one.startswith("guards")]
    assert found == ["accounts: M1 2026-03: more VAT was given back than was withheld, by 1"]


def test_the_databases_themselves_refuse_a_correction_that_is_none(desk: Desk) -> None:
    decide(desk)
    first = paid(desk, 110_000_00)

    def post(amount_minor: int, owner: str = "M1") -> None:
        draft = entry.Entry(
            kind="vat_corrected",
            source=f"x/{amount_minor}/{owner}",
            on=desk.today,
            period="2026-03",
            currency="CNY",
            postings=(
                entry.Posting(entry.WITHHELD_VAT, amount_minor, manager_id="M1"),
                entry.Posting(entry.PAYABLE, -amount_minor, owner, manager_id="M1"),
            ),
        )
        desk.do(lambda session: journal.post(session, draft, now=desk.now))

    with pytest.raises(DBAPIError, match="vat_correction_differs"):
        post(1)  # nothing of the month came back
    second = paid(desk, 1_000_00)
    come_back(desk, second)
    held = -desk.balance(entry.WITHHELD_VAT, "")
    assert held == first.vat_minor
    with pytest.raises(DBAPIError, match="vat_beyond_withheld"):
        post(held + 1)
    with pytest.raises(DBAPIError, match="vat_correction_differs"):
        post(1, "M2")
    post(held)


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


def test_the_list_has_what_was_given_back(desk: Desk) -> None:
    decide(desk)
    first = paid(desk, 60_000_00)
    paid(desk, 50_000_00)
    desk.today = date(2026, 4, 2)
    come_back(desk, first)
    assert "50000.00,50000.00,0.00,0.00,0.00,0.00,免征" in listed(desk)


def test_what_was_remitted_before_it_came_back_is_the_tax_offices_to_give_back(desk: Desk) -> None:
    """The payee has it at once; the account shows what the tax office has too much, for that month."""
    decide(desk)
    first = paid(desk, 60_000_00)
    paid(desk, 50_000_00)
    desk.today = date(2026, 4, 2)
    given: dict[str, Any] = {"amount_minor": CLIFF, "on": desk.today, "ref": "SP-1"}
    desk.do(lambda session: remittances.remit(session, "2026-03", of="vat", **given, **desk.by("finance")))
    come_back(desk, first)
    with desk.database.reading() as session:
        (march,) = remittances.by_month(session, "CNY", "vat")
    assert (march.withheld_minor, march.remitted_minor, march.open_minor) == (0, CLIFF, -CLIFF)
    assert payable(desk) == 60_000_00 + CLIFF
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


def test_what_the_vat_would_take_whole_waits_and_says_so(desk: Desk) -> None:
    decide(desk)
    paid(desk, 99_999_00)
    earn(desk, 500_00)
    assert why(desk) == [("withheld_whole", WHOLE)]
    earn(desk, 1_000_00)
    assert [code for code, _ in why(desk)] == ["next_payout"]


WHOLE = "500.00 waits for more to be payable: the month's VAT would take all of it."


def why(desk: Desk) -> list[tuple[str, str]]:
    """What M1 as a payee waits for, on the manager's own page."""
    with desk.database.reading() as session:
        found = waits.of_manager(session, "M1", by=desk.people["operator"], now=desk.now)
        return [(one.why, render(one.step, "en", "CNY")) for one in found.payee["CNY"]]
