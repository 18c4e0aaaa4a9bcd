"""A demonstration city and one more month of it, in which everything happens that moves money."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from sqlalchemy import text
from sqlmodel import Session

from ledger import approvals, bank_answers, deals, demo, fees, payouts, sending, users
from ledger.db import Database
from ledger.files import Store
from ledger.users import User

T = TypeVar("T")

NOW = datetime(2026, 12, 15, 2, tzinfo=UTC)
TODAY = date(2026, 12, 15)
BUSY = "2023-12"  # the city's busiest month, and the last that is closed
AFTER = "2024-01"  # the first open month: what comes late about the closed ones lands here
LATER = "2026-12"  # the month of today's facts and payouts


def load(database: Database, store: Store, contracts: int) -> None:
    """The demonstration, as a city of so many contracts has it."""
    demo.load(database, store, contracts=contracts, now=NOW)


def go_on(database: Database, store: Store) -> None:
    """Adjustments, refunds and cancellations that come late; a payout of which a part is confirmed, a part
    comes back and a part is on its way; and another that waits to be approved."""

    def do(action: Callable[[Session, dict[str, User]], T]) -> T:
        return database.run(lambda session: action(session, _people(session)))

    changed = do(_change)
    _pay(do, store)
    assert min(changed.values()) > 0, changed
    do(_take_back)
    do(lambda session, by: payouts.make(session, value_on=TODAY + timedelta(days=3), by=by["maker"], now=NOW))


def _people(session: Session) -> dict[str, User]:
    phones = {"maker": "13800000011", "approver": "13800000012", "finance": "13800000021"}
    return {name: users.find(session, phone) for name, phone in phones.items()}  # type: ignore[misc]


def _earning(session: Session) -> list[tuple[int, str, int]]:
    """(place, deal, earned) of every deal of the city that stands and earned something."""
    found = session.execute(
        text(
            "SELECT deal_id, SUM(amount_minor) FROM posting WHERE account = '6401' AND period <= '2023-12' "
            "GROUP BY deal_id HAVING SUM(amount_minor) > 100000 ORDER BY deal_id"
        )
    )
    gone = deals.cancelled_among(session, deals.ids_of_all(session))
    return [(place, deal, int(minor)) for place, (deal, minor) in enumerate(found) if deal not in gone]


def _change(session: Session, by: dict[str, User]) -> dict[str, int]:
    """How many deals had something changed late, by what it was."""
    done = {"refunded": 0, "cancelled": 0, "adjusted": 0}
    for place, deal_id, earned_minor in _earning(session):
        if place % 4 == 0:
            on = date(2023, 12, 29) if place % 8 else TODAY
            part = {deal_id: earned_minor // 10}
            fees.record(
                session, "fee_refunded", on=on, parts=part, ref=f"TK-{deal_id}", by=by["finance"], now=NOW
            )
            done["refunded"] += 1
        elif place % 4 == 1:
            deals.cancel(session, deal_id, reason="fraud", on=TODAY, by=by["maker"], now=NOW)
            done["cancelled"] += 1
        elif place % 4 == 2:
            manager_id, stage = session.execute(
                text(
                    "SELECT manager_id, stage FROM posting WHERE account = '6401' AND deal_id = :deal "
                    "ORDER BY manager_id, stage LIMIT 1"
                ),
                {"deal": deal_id},
            ).one()
            deals.adjust(
                session,
                deal_id,
                manager_id=manager_id,
                stage=stage,
                amount_minor=123_45 if place % 8 == 2 else -67_89,
                reason="补记访谈工时",
                on=TODAY,
                by=by["approver"],
                now=NOW,
            )
            done["adjusted"] += 1
    return done


def _take_back(session: Session, by: dict[str, User]) -> None:
    """Deals that are cancelled after their commission was paid: who had it owes it."""
    for place, deal_id, _ in _earning(session):
        if place % 8 == 3:
            deals.cancel(session, deal_id, reason="fraud", on=TODAY, by=by["maker"], now=NOW)


def _pay(do: Callable[[Callable[[Session, dict[str, User]], T]], T], store: Store) -> None:
    def send(session: Session, by: dict[str, User]) -> str:
        made = payouts.make(session, value_on=TODAY, by=by["maker"], now=NOW)
        approvals.approve(session, made.id, by=by["approver"], now=NOW)
        sending.send(session, store, made.id, by=by["finance"], now=NOW)
        return made.id

    def answer(session: Session, by: dict[str, User]) -> None:
        lines = [line.id for line in payouts.lines_of(session, payout_id)]
        back, paid = lines[::4], [one for place, one in enumerate(lines) if place % 4 in (1, 2)]
        bank_answers.return_lines(
            session, payout_id, line_ids=back, reason="户名不符", by=by["finance"], now=NOW
        )
        bank_answers.confirm(session, payout_id, value_on=TODAY, line_ids=paid, by=by["finance"], now=NOW)

    payout_id = do(send)  # type: ignore[arg-type]
    do(answer)  # type: ignore[arg-type]
