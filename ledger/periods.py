"""Accounting periods (会计期间): open, in review, closed, reopened. A closed one takes no entry.

What is closed is an unbroken row of months from the first on: closing one closes every one before
it (closing.py), reopening one reopens every one after it (reopenings.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Field, Session, col, func, select

from ledger import db
from ledger.core import period as core
from ledger.db import Instant, Row


class Period(Row, table=True):
    """One month of the books. A month that is not here has never been written to."""

    __tablename__ = "period"

    id: str = Field(primary_key=True)
    state: str = "open"
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    closed_by: str | None = None
    reopening_id: str | None = None  # what reopened it last: two people, a reason


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which periods take entries: those after `closed_through`."""

    closed_through: str  # "" when nothing is closed

    def is_open(self, period: str) -> bool:
        """Whether an entry may still land in the period."""
        return period > self.closed_through

    def landing(self, period: str) -> str:
        """Where an amount that belongs to `period` is posted: there, or in the first open one."""
        return period if self.is_open(period) else core.following(self.closed_through)


def calendar(session: Session) -> Calendar:
    """The state of the books' calendar."""
    last = session.exec(select(func.max(Period.id)).where(Period.state == "closed")).one()
    return Calendar(closed_through=last or "")


def hold_open(session: Session) -> Calendar:
    """The calendar, with closing kept out until the transaction ends."""
    db.lock(session, "periods", shared=True)
    return calendar(session)


def ensure(session: Session, wanted: Iterable[str]) -> None:
    """Make the periods that are written to for the first time; the guards refuse the rest."""
    names = sorted(set(wanted))
    there = set(session.exec(select(Period.id).where(col(Period.id).in_(names))))
    db.insert_rows(session, Period, [{"id": name, "state": "open"} for name in names if name not in there])


def listing(session: Session) -> list[Period]:
    """Every period that was ever written to, the latest first."""
    return list(session.exec(select(Period).order_by(col(Period.id).desc())))


def closed_at(session: Session, period: str) -> datetime | None:
    """When a closed month was closed, by itself or with a later one; what is recorded since is not its."""
    closed = select(Period).where(col(Period.id) >= period, Period.state == "closed").order_by(Period.id)
    first = session.exec(closed.limit(1)).first()
    return first.closed_at if first else None


def get(session: Session, period: str) -> Period:
    """One period; one that was never written to is open, or closed with a later one."""
    kept = session.get(Period, core.parse(period))
    if kept is not None:
        return kept
    return Period(id=period, state="open" if calendar(session).is_open(period) else "closed")
