"""Payouts as they go wrong in offices: the turn of the year, two at once, debts that are carried."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from ledger import approvals, bank_answers, deals, fees, owings, payouts
from ledger.config import Settings
from ledger.core import entry
from ledger.core.errors import Conflict, Refused
from ledger.core.policy import Band
from ledger.db import Database
from ledger.files import Store
from ledger.payouts import Payout
from tests.ledger import bank
from tests.ledger.firm import DEAL, day
from tests.ledger.payrun import BOTH, VALUE_ON, World


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    made = World(database, Store(tmp_path / "files"))
    made.earner("M2", 400_00)
    return made


def make(world: World, only: Sequence[str] | None = None, now: datetime = day(7)) -> Payout:
    value_on, by = max(VALUE_ON, now.date()), world.firm.operator
    made: Payout = world.do(lambda s: payouts.make(s, value_on=value_on, only=only, by=by, now=now))
    return made


def adjust(world: World, manager_id: str, amount_minor: int, now: datetime) -> None:
    world.do(
        lambda session: deals.adjust(
            session,
            DEAL,
            manager_id=manager_id,
            stage="need_discovery",
            amount_minor=amount_minor,
            reason="更正",
            on=now.date(),
            by=world.firm.finance,
            now=now,
        )
    )


def test_approved_on_the_last_day_of_december_and_confirmed_in_january_one_line_rejected(
    world: World,
) -> None:
    last, second = day(304), day(306)
    assert (last.date(), second.date()) == (date(2026, 12, 31), date(2027, 1, 2))
    people = world.firm
    payout = world.do(lambda s: payouts.make(s, value_on=second.date(), by=people.operator, now=last))
    world.do(lambda s: approvals.approve(s, payout.id, by=people.second, now=last))
    world.do(lambda s: bank.sending.send(s, people.store, payout.id, by=people.finance, now=last))
    first, other = world.lines(payout)
    rows = [bank.row(first, on=second.date()), bank.row(other, "退票")]
    kept = bank.take(world, bank.csv_file(rows), now=second)
    assert bank.outcomes(world, kept) == {2: "paid", 3: "returned"}
    assert world.balance(entry.IN_TRANSIT, payout.id) == 0
    assert -world.balance(entry.PAYABLE, "M2") == 400_00  # the tax came back with it
    # the tax belongs to January: a confirmation of December goes to a person
    with pytest.raises(Conflict):
        world.do(
            lambda s: bank_answers.confirm(
                s, payout.id, value_on=last.date(), line_ids=[first.id], by=people.finance, now=second
            )
        )
    assert world.differences(second) == []


def at_once(*actions: Callable[[], str]) -> list[str]:
    """What each of some people is told, all of whom act at the same instant."""
    start = threading.Barrier(len(actions))

    def one(action: Callable[[], str]) -> str:
        start.wait()
        try:
            return action()
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(len(actions)) as threads:
        return sorted(threads.map(one, actions))


def test_approvals_at_the_same_instant_are_counted_one_by_one(world: World) -> None:
    """Two are enough and a third is one too many; two batches at once do not slip through a day's limit."""
    world.earner("M3", 400_00)
    world.policy(Band(0, 2, BOTH))
    people, third = world.firm, world.hire("us_9", "finance")
    first, second = (make(world, [who]) for who in ("M2", "M3"))
    agree = (
        lambda who=who: world.approve(first, who).state for who in (people.second, people.finance, third)
    )
    assert at_once(*agree) == ["approved", "made", "state_forbids"]
    with world.database.reading() as session:
        assert len(approvals.of_batch(session, first.id)) == 2

    world.do(lambda s: payouts.void(s, first.id, reason="重做", by=people.operator, now=day(7)))
    world.policy(limits={"operator": 500_00})
    both = [make(world, ["M2"]), second]
    agree = (lambda batch=batch: world.approve(batch, people.second).state for batch in both)
    assert at_once(*agree) == ["approved", "daily_limit"]


def test_a_deal_dies_while_its_batch_is_in_transit_and_half_of_it_comes_back(world: World) -> None:
    """Who was paid keeps it; what came back on the dead deal is owed no more, an adjustment by hand is."""
    payout = make(world)
    bank.send(world, payout)
    by = world.firm.operator
    world.do(lambda s: deals.cancel(s, DEAL, reason="other", on=day(8).date(), by=by, now=day(8)))
    dead, other = world.lines(payout)
    kept = bank.take(world, bank.csv_file([bank.row(dead, "退票"), bank.row(other)]))
    assert bank.outcomes(world, kept) == {2: "returned", 3: "paid"}
    assert world.balance(entry.IN_TRANSIT, payout.id) == 0
    assert (world.balance(owner="M1"), world.balance(owner="M2")) == (0, 0)
    assert world.differences(day(8)) == []


def test_a_refund_after_the_payout_is_a_debt_that_who_leaves_takes_along(world: World) -> None:
    payout = make(world)
    bank.send(world, payout)
    world.confirm(payout, now=day(9))
    people, now = world.firm, day(10)
    refund = {"on": now.date(), "parts": {DEAL: 5_000_000}, "ref": "TK-1", "by": people.finance, "now": now}
    world.do(lambda s: fees.record(s, "fee_refunded", **refund))
    debt = world.balance(owner="M1")
    assert debt > 0 and world.balance(owner="M2") == 0  # an adjustment by hand does not hang on the fee
    with pytest.raises(Conflict):
        make(world, now=now)  # a refund never pays anybody again
    world.do(lambda s: owings.leave(s, "M1", reason="离职", by=people.finance, now=now))
    back = {"amount_minor": 100_00, "on": now.date(), "ref": "HK-1", "by": people.finance, "now": now}
    world.do(lambda s: owings.repay(s, "M1", **back))
    assert (world.balance(owner="M1"), world.balance(entry.RECOVERABLE, "M1")) == (0, debt - 100_00)
    assert world.differences(now) == []


def test_a_debt_after_the_payout_is_carried_over_two_months_and_netted_gross(world: World) -> None:
    payout = world.make()
    bank.send(world, payout)
    world.confirm(payout, now=day(9))
    adjust(world, "M2", -300_00, day(10))  # taken back after it was paid
    assert world.balance(entry.PAYABLE, "M2") == 300_00
    for later, amount in ((day(40), 100_00), (day(70), 150_00)):
        adjust(world, "M2", amount, later)
        with pytest.raises(Conflict) as refused:
            world.do(
                lambda s, now=later: payouts.make(s, value_on=now.date(), by=world.firm.operator, now=now)
            )
        assert refused.value.code == "nothing_payable"
    assert world.balance(entry.PAYABLE, "M2") == 50_00
    adjust(world, "M2", 250_00, day(100))
    made = world.do(lambda s: payouts.make(s, value_on=day(100).date(), by=world.firm.operator, now=day(100)))
    assert [(line.manager_id, line.gross_minor) for line in world.lines(made)] == [("M2", 200_00)]
    assert world.differences(day(100)) == []


def test_verify_asks_as_often_for_many_payments_as_for_few(world: World) -> None:
    def asked(made: Callable[[], object]) -> int:
        made()
        ran: list[str] = []

        def note(*given: Any) -> None:
            ran.append(given[2])

        event.listen(world.database.engine, "before_cursor_execute", note)
        try:
            assert world.differences(day(7)) == []
        finally:
            event.remove(world.database.engine, "before_cursor_execute", note)
        return sum("payout_line" in one or "entry.kind" in one for one in ran)

    few = asked(lambda: make(world, ["M2"]))

    def more() -> None:
        for number in range(3, 12):
            world.earner(f"M{number}", 100_00)
        world.do(lambda s: payouts.void(s, _made(world).id, reason="x", by=world.firm.operator, now=day(7)))
        make(world)

    # one more batch is one more look at a batch, however many are paid with it
    assert asked(more) <= few + 3


def _made(world: World) -> Payout:
    with world.database.reading() as session:
        found = payouts.listing(session, by=world.firm.operator, state="made")[0]
        session.expunge_all()
    return found


def test_verify_names_a_payment_that_says_other_than_the_books(world: World, settings: Settings) -> None:
    payout = make(world, ["M2"])
    (line,) = world.lines(payout)
    owner = Database(settings.owner_url)
    try:
        with owner.writing() as session:
            on = "" if owner.is_sqlite else " ON payout_line"
            session.execute(text("DROP TRIGGER payout_line_steps" + on))
            session.execute(text("DROP TRIGGER payout_line_stays" + on))
            session.execute(
                text("UPDATE payout_line SET state = 'paid', tax_minor = 1 WHERE id = :id"), {"id": line.id}
            )
    finally:
        owner.close()
    found = {(one.where, one.what) for one in world.differences(day(7)) if one.check == "payouts"}
    assert found == {
        (f"payment {line.id}", "is paid but the books have payout_made"),
        (f"payment {line.id}", "gross is not tax and net together"),
    }
