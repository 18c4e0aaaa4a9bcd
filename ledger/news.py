"""What is new for a manager since an instant: decisions on milestones, money booked, statements made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from ledger.core.entry import COMMISSION_COST, HELD, IN_TRANSIT, PAYABLE
from ledger.deals import Deal, DealManager
from ledger.journal import Entry, Posting
from ledger.milestones import Milestone
from ledger.statements import Statement
from ledger.users import User

FEW = 10  # of each kind, and of all together

# Which account's change of a manager's is the news in an entry, and the sign that makes more of it good.
_TOLD = {
    "accrual": (COMMISSION_COST, 1),
    "release": (HELD, 1),
    "payout_made": (PAYABLE, 1),
    "payout_confirmed": (IN_TRANSIT, 1),
    "payout_returned": (PAYABLE, -1),
    "vat_corrected": (PAYABLE, -1),
}


@dataclass(frozen=True, slots=True)
class News:
    """One thing that happened; `what` is a state of a milestone, a kind of entry or `statement`."""

    what: str
    at: datetime
    title: str
    href: str
    amount_minor: int | None = None
    currency: str = "CNY"


def since(session: Session, after: datetime, *, by: User) -> list[News]:
    """The latest first, at most FEW."""
    if by.manager_id is None:
        return []
    found = [
        *_decided(session, after, by.manager_id),
        *_booked(session, after, by.manager_id),
        *_stated(session, after, by.manager_id),
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)[:FEW]


def _decided(session: Session, after: datetime, manager_id: str) -> list[News]:
    query = (
        select(Milestone, Deal.title)
        .join(DealManager, col(DealManager.deal_id) == Milestone.deal_id)
        .join(Deal, col(Deal.id) == Milestone.deal_id)
        .where(
            DealManager.manager_id == manager_id,
            col(Milestone.decided_at) > after,
            col(Milestone.state).in_(("verified", "rejected", "withdrawn")),
        )
        .order_by(col(Milestone.decided_at).desc())
        .limit(FEW)
    )
    return [
        News(one.state, one.decided_at, title, f"/milestones/{one.id}")
        for one, title in session.exec(query)
        if one.decided_at is not None
    ]


def _booked(session: Session, after: datetime, manager_id: str) -> list[News]:
    query = (
        select(Entry, Posting.account, func.sum(Posting.amount_minor), func.max(Posting.deal_id))
        .join(Posting, col(Posting.entry_id) == Entry.id)
        .where(
            Posting.manager_id == manager_id,
            col(Entry.kind).in_(_TOLD),
            col(Posting.account).in_({account for account, _ in _TOLD.values()}),
            Entry.posted_at > after,
        )
        .group_by(col(Entry.id), col(Posting.account))
        .order_by(col(Entry.posted_at).desc())
        .limit(4 * FEW)
    )
    rows = session.exec(query).all()
    titles = dict(
        session.exec(select(Deal.id, Deal.title).where(col(Deal.id).in_({row[3] for row in rows}))).all()
    )
    bounced = set(
        session.exec(
            select(Entry.source).where(
                Entry.kind == "payout_bounced", col(Entry.source).in_({row[0].source for row in rows})
            )
        )
    )
    return [
        News(
            "payout_bounced" if entry.kind == "payout_returned" and entry.source in bounced else entry.kind,
            entry.posted_at,
            titles.get(deal_id, ""),
            f"/deals/{deal_id}" if deal_id else "/statements",
            _TOLD[entry.kind][1] * int(total),
            entry.currency,
        )
        for entry, account, total, deal_id in rows
        if account == _TOLD[entry.kind][0]
    ][:FEW]


def _stated(session: Session, after: datetime, manager_id: str) -> list[News]:
    query = (
        select(Statement)
        .where(Statement.manager_id == manager_id, Statement.made_at > after)
        .order_by(col(Statement.id).desc())
        .limit(FEW)
    )
    return [
        News("statement", one.made_at, one.number, f"/statements/{one.id}", one.closing_minor, one.currency)
        for one in session.exec(query)
    ]
