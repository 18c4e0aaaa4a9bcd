"""A batch of ten thousand payments to the bank and back: every file holds it, and every row is applied."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import Session

from ledger import bank_returns, managers, reconciliation
from ledger.core import entry
from ledger.core.errors import Conflict
from ledger.db import Database
from ledger.files import Store
from ledger.journal import post_many
from ledger.payouts import reserved
from tests.ledger import bank
from tests.ledger.firm import DEAL, day
from tests.ledger.payrun import World

MANY = 10_000


def crowd(session: Session) -> None:
    """So many managers with an account and something brought in at cut-over."""
    drafts = []
    for number in range(MANY):
        manager_id = f"X{number:05d}"
        managers.add(
            session,
            id=manager_id,
            name=f"经理{number}",
            bank_name="招商银行",
            bank_account=f"62250000{number:08d}",
            now=day(6),
        )
        minor = 100_00 + number
        payable = entry.Posting(entry.PAYABLE, -minor, manager_id, manager_id=manager_id, deal_id=DEAL)
        cost = entry.Posting(entry.COMMISSION_COST, minor, manager_id=manager_id, deal_id=DEAL)
        on = day(6).date()
        drafts.append(
            entry.Entry(
                kind="accrual",
                source=f"{DEAL}#{manager_id}",
                on=on,
                period="2026-03",
                currency="CNY",
                summary="计提",
                postings=(payable, cost),
            )
        )
    session.flush()
    post_many(session, drafts, now=day(6))


@pytest.mark.long
@pytest.mark.parametrize("layout", ["simple", "corporate", "pain001"])
def test_ten_thousand_payments_there_and_back(database: Database, tmp_path: Path, layout: str) -> None:
    world = World(database, Store(tmp_path / "files"))
    bank.set_payer(world)
    world.do(crowd)
    payout = world.make()
    assert len(world.lines(payout)) >= MANY
    bank.send(world, payout, layout)
    rows = [
        bank.row(line, "退票" if number % 2 else "交易成功")
        for number, line in enumerate(world.lines(payout))
    ]
    answer = bank.csv_file(rows[::-1], "gbk")
    kept = bank.take(world, answer)
    with world.database.reading() as session:
        counts = bank_returns.outcomes(session, [kept.id])[kept.id]
        assert counts["unmatched"] == 0 and counts["paid"] + counts["returned"] == len(rows)
        assert reserved(world.lines(payout)) == []
        found = reconciliation.of_month(session, world.firm.store, "2026-03", by=world.firm.finance)
    assert all(
        tie.ties for tie in found.ties if tie.name not in ("books_and_statements", "payments_and_answers")
    )
    assert world.balance(entry.IN_TRANSIT, payout.id) == 0
    assert bank.take(world, answer).id == kept.id
    with pytest.raises(Conflict):
        bank.send(world, payout, layout)
