"""Reopening a closed month (反结账): one asks with a reason, a second one agrees.

Every later month opens with it, for what goes into a month moves the ones after. Each is closed again
like any other; statements that then say something else get a new revision, and the old ones stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Field, Session, col, select

from ledger import audit, db, ids, periods, rights
from ledger.core import period as months
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.core.states import PERIOD, advance
from ledger.db import Instant, Row
from ledger.periods import Period
from ledger.users import User


class Reopening(Row, table=True):
    """Somebody asks for a closed period to be reopened, and says why. Never changed."""

    __tablename__ = "reopening"

    id: str = Field(primary_key=True)
    period: str = Field(index=True)
    reason: str
    asked_by: str
    asked_at: datetime = Field(sa_type=Instant)


class ReopeningAnswer(Row, table=True):
    """What somebody else said to it: agreed, or refused (which the one who asked may say too)."""

    __tablename__ = "reopening_answer"

    id: str = Field(primary_key=True)
    reopening_id: str = Field(unique=True)
    answer: str
    reason: str = ""
    answered_by: str
    answered_at: datetime = Field(sa_type=Instant)


@dataclass(frozen=True, slots=True)
class Asked:
    """A reopening with its answer, if it has one."""

    reopening: Reopening
    answer: ReopeningAnswer | None

    @property
    def state(self) -> str:
        """asked, agreed or refused."""
        return self.answer.answer if self.answer else "asked"


def ask(session: Session, period: str, *, reason: str, by: User, now: datetime) -> Reopening:
    """Ask for a closed period to be reopened. Nothing opens before somebody else agrees."""
    rights.require(by, "period.reopen")
    db.lock(session, "periods")
    _check_closed(session, period)
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    if any(one.state == "asked" for one in of(session, [period])):
        raise Conflict("reopening_asked", "it is asked already whether {period} is reopened", period=period)

    asked = Reopening(
        id=ids.new("ro"), period=period, reason=reason.strip()[:500], asked_by=by.id, asked_at=now
    )
    session.add(asked)
    audit.changed(session, by, "period.ask_reopening", asked, now=now)
    session.flush()
    return asked


def agree(session: Session, reopening_id: str, *, by: User, now: datetime) -> Period:
    """The second one agrees: the period takes entries again, and with it every later one."""
    rights.require_role(by, "period.agree_reopening")
    db.lock(session, "periods")
    asked = get(session, reopening_id)
    rights.require(by, "period.agree_reopening", made_by=asked.asked_by)
    _check_unanswered(session, asked)
    _check_closed(session, asked.period)

    _answer(session, asked, "agreed", "", by=by, now=now)
    closed = select(Period).where(Period.id >= asked.period, Period.state == "closed")
    for row in session.exec(closed.order_by(col(Period.id).desc())).all():  # as one month rests on the other
        row.state, row.reopening_id = advance(PERIOD, "period", row.state, "reopen"), asked.id
        session.add(row)
        audit.changed(session, by, "period.reopen", row, now=now)
        session.flush()
    return session.get_one(Period, asked.period)


def refuse(session: Session, reopening_id: str, *, reason: str, by: User, now: datetime) -> Asked:
    """It stays closed; who asked may say so too."""
    rights.require_role(by, "period.agree_reopening")
    db.lock(session, "periods")
    asked = get(session, reopening_id)
    if by.id != asked.asked_by:
        rights.require(by, "period.agree_reopening", made_by=asked.asked_by)
    _check_unanswered(session, asked)
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    return Asked(asked, _answer(session, asked, "refused", reason.strip()[:500], by=by, now=now))


def _answer(
    session: Session, asked: Reopening, answer: str, reason: str, *, by: User, now: datetime
) -> ReopeningAnswer:
    said = ReopeningAnswer(
        id=ids.new("ra"),
        reopening_id=asked.id,
        answer=answer,
        reason=reason,
        answered_by=by.id,
        answered_at=now,
    )
    session.add(said)
    audit.changed(session, by, f"period.{answer}_reopening", said, now=now)
    session.flush()
    return said


def _check_closed(session: Session, period: str) -> None:
    if periods.calendar(session).is_open(months.parse(period)):
        raise Conflict("period_open_already", "{period} is open; it takes entries as it is", period=period)


def _check_unanswered(session: Session, asked: Reopening) -> None:
    state = of(session, [asked.period])
    if next(one.state for one in state if one.reopening.id == asked.id) != "asked":
        raise Conflict(
            "reopening_answered", "this was answered already; ask again for {period}", period=asked.period
        )


def get(session: Session, reopening_id: str, *, period: str | None = None) -> Reopening:
    """One, or NotFound; that of a period, where one is named."""
    found = session.get(Reopening, reopening_id)
    if found is None or period not in (None, found.period):
        raise NotFound("reopening_unknown", "there is no reopening {id}", id=reopening_id)
    return found


def of(session: Session, names: Iterable[str]) -> list[Asked]:
    """Everything that was ever asked about some periods, the latest first."""
    query = (
        select(Reopening, ReopeningAnswer)
        .join(ReopeningAnswer, col(ReopeningAnswer.reopening_id) == Reopening.id, isouter=True)
        .where(col(Reopening.period).in_(sorted(set(names))))
        .order_by(col(Reopening.id).desc())
    )
    return [Asked(asked, answer) for asked, answer in session.exec(query)]
