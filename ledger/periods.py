"""Accounting periods (会计期间): open, closed. A closed one takes no entry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Field, Session, col, func, select

from ledger import audit, db, jobs, rights, seals
from ledger.clock import day_of
from ledger.core import period as core
from ledger.core.errors import Conflict
from ledger.db import Instant, Row
from ledger.users import User


class Period(Row, table=True):
    """One month of the books. A month that is not here has never been written to."""

    __tablename__ = "period"

    id: str = Field(primary_key=True)
    state: str = "open"
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    closed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which periods take entries: all but those up to `closed_through` that were not reopened."""

    closed_through: str  # "" when nothing is closed
    reopened: frozenset[str] = frozenset()

    def is_open(self, period: str) -> bool:
        """Whether an entry may still land in the period."""
        return period > self.closed_through or period in self.reopened

    def landing(self, period: str) -> str:
        """Where an amount that belongs to `period` is posted: there, or in the first open one."""
        return period if self.is_open(period) else core.following(self.closed_through)


def calendar(session: Session) -> Calendar:
    """The state of the books' calendar."""
    last = session.exec(select(func.max(Period.id)).where(Period.state == "closed")).one() or ""
    reopened = session.exec(select(Period.id).where(Period.state != "closed", Period.id < last))
    return Calendar(closed_through=last, reopened=frozenset(reopened))


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


def close(session: Session, period: str, *, by: User | None, now: datetime) -> Period:
    """Close a period, and with it every earlier one; their final statements are asked for.

    What comes late lands in the next period. `by` is None on the command line.
    """
    if by is not None:
        rights.require(by, "period.close")
    closer = by.id if by else "command line"
    db.lock(session, "periods")
    core.parse(period)
    today = day_of(now)
    if core.last_day(period) >= today:
        raise Conflict(
            "period_not_over",
            "{period} is not over; it can be closed from {day} on",
            period=period,
            day=core.first_day(core.following(period)),
        )
    state = calendar(session)
    if not state.is_open(period):
        raise Conflict("period_closed", "{period} is closed already", period=period)

    ensure(session, [period])
    closing = select(Period).where(Period.id <= period, Period.state != "closed")
    for row in session.exec(closing):
        row.state, row.closed_at, row.closed_by = "closed", now, closer
        session.add(row)
        audit.changed(session, closer, "period.close", row, now=now)
        jobs.request(session, "final_statements", row.id, by=closer, now=now)
    seals.seal_within(session, by=closer, now=now)
    return session.get_one(Period, period)
