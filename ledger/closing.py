"""Closing a month (结账): what falls due is settled, everything is looked at, then it takes no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, func, select

from ledger import audit, db, deals, estimates, findings, jobs, periods, rights, seals, snapshots
from ledger.clock import day_of
from ledger.core import period as months
from ledger.core.errors import Conflict
from ledger.core.states import PERIOD, advance
from ledger.findings import Finding
from ledger.journal import Entry
from ledger.milestones import Milestone
from ledger.payments import PayoutLine
from ledger.periods import Period
from ledger.statements import Statement
from ledger.users import User

# --- closing one


def look(session: Session, period: str, *, by: User | None, now: datetime) -> list[Finding]:
    """What stands against closing a period, and what closing it leaves behind.

    What falls due by itself is settled by the close, so it is not told of here.
    """
    if by is not None:
        rights.require(by, "books.see")
    _check_over(session, period, now)
    return findings.of(session, period, now=now, settled=deals.held_until_a_day(session))


def close(
    session: Session, period: str, *, accept: Collection[str] = (), by: User | None, now: datetime
) -> Period:
    """Close a period, and with it every earlier one; their final statements are asked for.

    `accept` names the findings (by code) that were seen and do not matter; others refuse the close, and
    those that block do so always. What comes late lands in the next period. `by` is None on the command
    line.
    """
    if by is not None:
        rights.require(by, "period.close")
    db.lock(session, "periods")
    _check_over(session, period, now)
    settle_due(session, now=now)
    _check(period, findings.of(session, period, now=now), accept)

    periods.ensure(session, [period])
    closer = by.id if by else audit.COMMAND_LINE
    estimates.post(session, period, by=closer, now=now)
    closing = select(Period).where(Period.id <= period, Period.state != "closed").order_by(Period.id)
    for row in session.exec(closing).all():
        row.state = advance(PERIOD, "period", row.state, "close")
        row.closed_at, row.closed_by = now, closer
        session.add(row)
        audit.changed(session, closer, "period.close", row, now=now)
        session.flush()
        jobs.request_again(session, "final_statements", row.id, by=closer, now=now)
    seals.seal_within(session, by=closer, now=now)
    snapshots.keep(session, period, now=now)
    return session.get_one(Period, period)


def settle_due(session: Session, *, now: datetime) -> int:
    """Settle what fell due by itself: a holdback by days. How many entries it took."""
    return deals.settle_all(session, deals.held_until_a_day(session), now=now)


def _check_over(session: Session, period: str, now: datetime) -> None:
    """Conflict, unless the month is over and still open."""
    if months.last_day(months.parse(period)) >= day_of(now):
        raise Conflict(
            "period_not_over",
            "{period} is not over; it can be closed from {day} on",
            period=period,
            day=months.first_day(months.following(period)),
        )
    if not periods.calendar(session).is_open(period):
        raise Conflict("period_closed", "{period} is closed already", period=period)


def _check(period: str, found: Collection[Finding], accept: Collection[str]) -> None:
    """Conflict that lists what blocks, or else what was not accepted."""
    blocking = [one.says for one in found if one.blocks]
    if blocking:
        raise Conflict("closing_blocked", "{period} cannot be closed: {list}", period=period, list=blocking)
    unseen = [one.says for one in found if one.code not in accept]
    if unseen:
        raise Conflict(
            "closing_unaccepted",
            "{period} is closed only once this is accepted: {list}",
            period=period,
            list=unseen,
        )


# --- looking at one before it is closed


def review(session: Session, period: str, *, by: User, now: datetime) -> Period:
    """The month is over and its figures are being looked at; its preliminary statements are asked for.

    It still takes entries: what the review finds belongs in it.
    """
    row = _stepped(session, period, "review", by=by, now=now)
    jobs.request_again(session, "preliminary_statements", row.id, by=by.id, now=now)
    return row


def resume(session: Session, period: str, *, by: User, now: datetime) -> Period:
    """Back from review: there is still work to do in it."""
    return _stepped(session, period, "resume", by=by, now=now)


def _stepped(session: Session, period: str, step: str, *, by: User, now: datetime) -> Period:
    rights.require(by, "period.close")
    db.lock(session, "periods")
    _check_over(session, period, now)
    periods.ensure(session, [period])
    row = session.get_one(Period, period)
    row.state = advance(PERIOD, "period", row.state, step)
    session.add(row)
    audit.changed(session, by, f"period.{step}", row, now=now)
    return row


# --- the board


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
    return _counted(session, [periods.get(session, period)], now)[0]


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
