"""What is left to do before a month is closed, month by month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, func, select

from ledger import periods, rights
from ledger.clock import day_of
from ledger.core import period as months
from ledger.journal import Entry
from ledger.milestones import Milestone
from ledger.payouts import PayoutLine
from ledger.periods import Period
from ledger.statements import Statement
from ledger.users import User


@dataclass(frozen=True, slots=True)
class Month:
    """One period: what is in it, and what waits. A closed month may have waiting things: they come late."""

    period: Period
    entries: int
    unverified: int  # milestones reached in it that wait to be verified
    in_transit: int  # payments planned for it that the bank has not answered
    statements: int  # managers who have one
    is_over: bool

    @property
    def can_be_closed(self) -> bool:
        """Whether closing it is the next thing to do."""
        return self.period.state != "closed" and self.is_over


def board(session: Session, *, now: datetime, by: User, limit: int = 24) -> list[Month]:
    """The latest periods, each with what is left to do; as many queries for many as for one."""
    rights.require(by, "books.see")
    found = list(session.exec(select(Period).order_by(col(Period.id).desc()).limit(limit)))
    return _counted(session, found, now)


def month(session: Session, period: str, *, now: datetime, by: User) -> Month:
    """One period; one that was never written to is open and empty."""
    rights.require(by, "books.see")
    kept = session.get(Period, months.parse(period)) or Period(id=period, state=_state(session, period))
    return _counted(session, [kept], now)[0]


def _state(session: Session, period: str) -> str:
    return "open" if periods.calendar(session).is_open(period) else "closed"


def _counted(session: Session, found: Iterable[Period], now: datetime) -> list[Month]:
    wanted = list(found)
    names = [one.id for one in wanted]
    booked = _by_period(session, Entry.period, func.count(), names)
    printed = _by_period(session, Statement.period, func.count(func.distinct(Statement.manager_id)), names)
    unverified = _by_day(session, Milestone.reached_on, Milestone.state == "submitted")
    waiting = _by_day(session, PayoutLine.value_on, PayoutLine.state == "reserved")
    today = day_of(now)
    return [
        Month(
            period=one,
            entries=booked[one.id],
            unverified=unverified[one.id],
            in_transit=waiting[one.id],
            statements=printed[one.id],
            is_over=months.last_day(one.id) < today,
        )
        for one in wanted
    ]


def _by_period(session: Session, period: str, number: object, names: list[str]) -> Counter[str]:
    query = select(period, number).where(col(period).in_(names)).group_by(period)  # type: ignore[call-overload]
    return Counter(dict(session.exec(query).all()))


def _by_day(session: Session, day: date, wanted: object) -> Counter[str]:
    """How many by month, of the few that wait."""
    counted: Counter[str] = Counter()
    for on, number in session.exec(select(day, func.count()).where(wanted).group_by(day)):  # type: ignore[call-overload]
        counted[months.of(on)] += number
    return counted
