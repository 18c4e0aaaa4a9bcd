"""A payment that came back after it was paid (退汇): its own fact, in the open month, payable again."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger import (
    accounts,
    bounces,
    closing,
    fees,
    findings,
    journal,
    payables,
    payouts,
    reconciliation,
    remittances,
    tax_returns,
)
from ledger.core import entry
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound
from ledger.db import Database
from ledger.files import Store
from ledger.payouts import Payout, PayoutLine
from ledger.statements import fresh
from tests.ledger import bank
from tests.ledger.firm import day
from tests.ledger.payrun import VALUE_ON, World

CAME_BACK = date(2026, 3, 16)
WHY = "收款账户已销户"
LATER = day(20)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    made = World(database, Store(tmp_path / "files"))
    made.earner("M2", 1_234_50)
    made.earner("M3", 99_00)
    return made


@pytest.fixture
def settled(world: World) -> Payout:
    payout = world.make()
    bank.send(world, payout)
    return world.confirm(payout, now=day(8))


def line_of(world: World, payout: Payout, manager_id: str = "M2") -> PayoutLine:
    return next(line for line in world.lines(payout) if line.manager_id == manager_id)


def bounce(
    world: World, payout: Payout, line: PayoutLine, *, on: date = CAME_BACK, now: datetime = LATER, **who: Any
) -> Payout:
    by = who.get("by", world.firm.finance)
    return world.do(  # type: ignore[no-any-return]
        lambda session: bounces.record(session, payout.id, {line.id: WHY}, on=on, by=by, now=now)
    )


def test_what_came_back_is_payable_again_tax_included_and_all_books_tie(
    world: World, settled: Payout
) -> None:
    line, left = line_of(world, settled), world.balance(entry.BANK, fees.BASIC_ACCOUNT)
    withheld = world.balance(entry.WITHHELD_IIT, "")
    assert line.tax_minor > 0
    bounce(world, settled, line)
    assert -world.balance(entry.PAYABLE, "M2") == line.gross_minor
    assert world.balance(entry.BANK, fees.BASIC_ACCOUNT) == left + line.net_minor
    assert world.balance(entry.WITHHELD_IIT, "") == withheld + line.tax_minor
    assert world.balance(entry.IN_TRANSIT, settled.id) == 0
    assert (line_of(world, settled).state, line_of(world, settled).reason) == ("bounced", WHY)
    assert world.differences(LATER) == []


def test_told_twice_it_came_back_once(world: World, settled: Payout) -> None:
    line = line_of(world, settled)
    bounce(world, settled, line)
    before = world.balance(entry.BANK, fees.BASIC_ACCOUNT)
    bounce(world, settled, line, on=CAME_BACK + timedelta(days=1))
    assert world.balance(entry.BANK, fees.BASIC_ACCOUNT) == before
    assert world.differences(LATER) == []


def test_it_is_paid_once_more_and_taxed_as_if_it_had_never_been_paid_before(
    world: World, settled: Payout
) -> None:
    line = line_of(world, settled)
    bounce(world, settled, line)
    again = world.do(
        lambda session: payouts.make(
            session, value_on=date(2026, 3, 25), only=["M2"], by=world.firm.operator, now=LATER
        )
    )
    (paid,) = world.lines(again)
    assert (paid.gross_minor, paid.tax_minor) == (line.gross_minor, line.tax_minor)


def test_after_the_close_it_is_booked_in_the_open_month_and_the_closed_one_stays(
    world: World, settled: Payout
) -> None:
    line, april = line_of(world, settled), datetime.combine(date(2026, 4, 9), day(1).time(), day(1).tzinfo)

    def closed(session: Any) -> None:
        seen = {one.code for one in findings.of(session, "2026-03", now=april)}
        closing.close(session, "2026-03", accept=seen, by=world.firm.finance, now=april)

    def withheld() -> int:
        with world.database.reading() as session:
            months = {one.period: one for one in remittances.by_month(session, "CNY")}
            return months["2026-03"].withheld_minor

    tax_before = withheld()
    world.do(closed)
    bounce(world, settled, line, on=date(2026, 3, 31), now=april)
    with world.database.reading() as session:
        found = journal.of_sources(session, "payout_bounced", [line.id])
        _, undone = found[line.id]
        assert (undone.period, undone.on) == ("2026-04", date(2026, 4, 1))
        (tax,) = [one for one in undone.postings if one.account == entry.WITHHELD_IIT]
        assert tax.origin == "2026-03"
        assert accounts.balance(session, entry.PAYABLE, "M2", "CNY", through="2026-03") == 0
        april_statement = fresh(session, "M2", "2026-04", kind="preliminary", now=april)
        assert april_statement is not None
        assert april_statement.bridge.rejected_minor == line.gross_minor
        assert april_statement.bridge.closing_minor == line.gross_minor
        (told,) = april_statement.payouts
        assert [(step.what, step.why) for step in told.steps] == [("bounced", WHY)]
        assert april_statement.year_to_date.paid_gross_minor == 0
    assert withheld() == tax_before - line.tax_minor
    assert world.differences(april) == []


def test_within_a_month_the_statement_shows_it_paid_and_come_back(world: World, settled: Payout) -> None:
    line = line_of(world, settled)
    bounce(world, settled, line)
    with world.database.reading() as session:
        made = fresh(session, "M2", "2026-03", kind="preliminary", now=LATER)
        assert made is not None
        bridge = made.bridge
        assert bridge.rejected_minor == line.gross_minor
        assert bridge.paid_net_minor + bridge.paid_tax_minor == -line.gross_minor
        assert bridge.closing_minor == line.gross_minor
        assert made.year_to_date.paid_gross_minor == 0


def test_the_return_of_its_month_no_longer_has_it(world: World, settled: Payout) -> None:
    by = world.firm.finance
    with world.database.reading() as session:
        assert "M2" in [row.manager_id for row in tax_returns.rows(session, "2026-03", by=by)]
    bounce(world, settled, line_of(world, settled))
    with world.database.reading() as session:
        assert "M2" not in [row.manager_id for row in tax_returns.rows(session, "2026-03", by=by)]


def test_the_reconciliation_of_the_month_has_what_came_back(world: World, settled: Payout) -> None:
    line = line_of(world, settled)
    bounce(world, settled, line)
    with world.database.reading() as session:
        found = reconciliation.of_month(session, world.firm.store, "2026-03", by=world.firm.finance)
    ties = {tie.name: tie for tie in found.ties}
    assert ties["bounces_and_payments"].one_minor == line.net_minor
    for name in ("bounces_and_payments", "bank_and_payments", "tax_and_payments", "transit_and_batches"):
        assert ties[name].ties, name


def test_what_cannot_have_come_back_is_refused(world: World, settled: Payout) -> None:
    line = line_of(world, settled)
    with pytest.raises(Conflict, match="cannot have come back"):
        bounce(world, settled, line, on=VALUE_ON - timedelta(days=1))
    with pytest.raises(Invalid, match="future"):
        bounce(world, settled, line, on=LATER.date() + timedelta(days=1))
    with pytest.raises(Forbidden):
        bounce(world, settled, line, by=world.firm.operator)
    with pytest.raises(NotFound):
        world.do(
            lambda session: bounces.record(
                session, settled.id, {"pl_x": WHY}, on=CAME_BACK, by=world.firm.finance, now=LATER
            )
        )
    with pytest.raises(Invalid, match="why"):
        world.do(
            lambda session: bounces.record(
                session, settled.id, {line.id: " "}, on=CAME_BACK, by=world.firm.finance, now=LATER
            )
        )
    assert line_of(world, settled).state == "paid"


def test_what_was_never_paid_does_not_come_back(world: World) -> None:
    payout = world.make()
    bank.send(world, payout)
    with pytest.raises(Conflict, match="cannot bounce"):
        bounce(world, payout, line_of(world, payout))


def test_the_database_wants_the_fact_and_the_payment_behind_the_entry(world: World, settled: Payout) -> None:
    line = line_of(world, settled)

    def without_fact(session: Any) -> None:
        entry_id, value = journal.of_sources(session, "payout_confirmed", [line.id])[line.id]
        journal.post(
            session,
            entry.Entry(
                kind="payout_bounced",
                source=line.id,
                on=CAME_BACK,
                period="2026-03",
                currency="CNY",
                reverses=entry_id,
                postings=entry.mirrored(value.postings),
            ),
            now=LATER,
        )

    with pytest.raises(DBAPIError, match="bounce_unknown"), world.database.writing() as session:
        without_fact(session)
    bounce(world, settled, line)
    for change in ("UPDATE bounce SET reason = 'x'", "DELETE FROM bounce"):
        with pytest.raises(DBAPIError), world.database.engine.begin() as connection:
            connection.execute(text(change))


def test_a_file_of_the_bank_tells_it_once_in_whatever_order_it_comes(world: World, settled: Payout) -> None:
    line, other = line_of(world, settled), line_of(world, settled, "M3")
    row = bank.row(line, "退汇", 交易日期=CAME_BACK.isoformat(), 失败原因=WHY)
    kept = bank.take(world, bank.csv_file([row, bank.row(other), row]), now=LATER)
    assert bank.outcomes(world, kept) == {2: "bounced", 3: "known", 4: "known"}
    found = line_of(world, settled)
    assert (found.state, found.reason) == ("bounced", WHY)
    before = world.balance(entry.BANK, fees.BASIC_ACCOUNT)
    again = bank.take(world, bank.csv_file([bank.row(line), row]), now=LATER)
    assert bank.outcomes(world, again) == {2: "known", 3: "known"}
    assert world.balance(entry.BANK, fees.BASIC_ACCOUNT) == before
    assert world.differences(LATER) == []


def test_a_file_that_tells_of_payment_and_return_books_both(world: World) -> None:
    payout = world.make()
    bank.send(world, payout)
    line = line_of(world, payout)
    back = bank.row(line, "退汇", 交易日期=CAME_BACK.isoformat())
    kept = bank.take(world, bank.csv_file([back, bank.row(line)]), now=LATER)
    assert bank.outcomes(world, kept) == {2: "bounced", 3: "paid"}
    assert line_of(world, payout).state == "bounced"
    assert world.differences(LATER) == []


def test_what_a_file_says_of_a_paid_payment_and_is_no_return_goes_to_a_person(
    world: World, settled: Payout
) -> None:
    line = line_of(world, settled)
    rows = [
        bank.row(line, "失败"),
        bank.row(line, "退汇"),
        bank.row(line, "退汇", 交易日期="2026-03-01"),
        bank.row(line, "退汇", 交易日期=CAME_BACK.isoformat(), 金额="0.01"),
    ]
    kept = bank.take(world, bank.csv_file(rows), now=LATER)
    assert list(bank.outcomes(world, kept).values()) == [
        "answered_otherwise",
        "day_missing",
        "bounced_before_paid",
        "amount_differs",
    ]
    assert line_of(world, settled).state == "paid"


def test_the_preview_offers_it_again(world: World, settled: Payout) -> None:
    bounce(world, settled, line_of(world, settled))
    with world.database.reading() as session:
        due = {one.manager_id: one for one in payables.preview(session, by=world.firm.operator, now=LATER)}
    assert due["M2"].payable_minor == line_of(world, settled).gross_minor and due["M2"].why_not is None
