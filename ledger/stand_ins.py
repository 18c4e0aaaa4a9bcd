"""Stand-ins (代理审批): who approves for whom, from when to when. Shown as “B for A” (B 代 A)."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Field, Session, col, select

from ledger import audit, ids, rights, users
from ledger.clock import day_of
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound
from ledger.db import Instant, Row
from ledger.users import User


class StandIn(Row, table=True):
    """From one day to another, both included, `by_user` may approve in the place of `for_user`."""

    __tablename__ = "stand_in"

    id: str = Field(primary_key=True)
    for_user: str = Field(index=True)
    by_user: str = Field(index=True)
    from_on: date
    to_on: date
    reason: str
    put_by: str
    put_at: datetime = Field(sa_type=Instant)
    ended_by: str | None = None
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


def put(
    session: Session,
    *,
    for_user: str,
    by_user: str,
    from_on: date,
    to_on: date,
    reason: str,
    by: User,
    now: datetime,
) -> StandIn:
    """Name a stand-in. Nobody names themselves for somebody else."""
    rights.require(by, "stand_in.edit")
    away, there = users.get(session, for_user), users.get(session, by_user)
    if away.id == there.id:
        raise Invalid("stand_in_self", "somebody else stands in; nobody for themselves")
    if by.id == there.id:
        raise Forbidden("stand_in_own", "who is away or somebody else names a stand-in, never the stand-in")
    for person in (away, there):
        if not rights.allows(person, "payout.approve") or person.state != "active":
            raise Invalid("stand_in_role", "{name} cannot approve payouts", name=person.name)
    if to_on < from_on or to_on < day_of(now):
        raise Invalid("stand_in_days", "the last day comes after the first, and is today or later")
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    named = StandIn(
        id=ids.new("si"),
        for_user=away.id,
        by_user=there.id,
        from_on=from_on,
        to_on=to_on,
        reason=reason.strip(),
        put_by=by.id,
        put_at=now,
    )
    session.add(named)
    audit.changed(session, by, "stand_in.put", named, now=now)
    session.flush()
    return named


def end(session: Session, stand_in_id: str, *, by: User, now: datetime) -> StandIn:
    """End it before its last day. What was approved meanwhile stays approved."""
    rights.require(by, "stand_in.edit")
    found = session.get(StandIn, stand_in_id)
    if found is None:
        raise NotFound("stand_in_unknown", "there is no stand-in {id}", id=stand_in_id)
    if found.ended_at is not None:
        raise Conflict("stand_in_ended", "this was ended already")
    found.ended_by, found.ended_at = by.id, now
    audit.changed(session, by, "stand_in.end", found, now=now)
    session.flush()
    return found


def seat(session: Session, by: User, for_user: str | None, day: date) -> User:
    """In whose place somebody approves: their own, or that of one they stand in for on this day."""
    if for_user is None or for_user == by.id:
        return by
    standing = [one.for_user for one in _standing(session, by.id, day)]
    if for_user not in standing:
        raise Forbidden("not_a_stand_in", "you do not stand in for {id} today", id=for_user)
    away = users.get(session, for_user)
    if away.state != "active":
        raise Forbidden("stand_in_role", "{name} cannot approve payouts", name=away.name)
    return away


def seats(session: Session, by: User, day: date) -> list[User]:
    """Themselves, and everybody they stand in for on a day."""
    away = sorted({one.for_user for one in _standing(session, by.id, day)})
    return [by, *(users.get(session, user_id) for user_id in away)]


def _standing(session: Session, by_user: str, day: date) -> list[StandIn]:
    query = select(StandIn).where(
        StandIn.by_user == by_user,
        col(StandIn.from_on) <= day,
        col(StandIn.to_on) >= day,
        col(StandIn.ended_at).is_(None),
    )
    return list(session.exec(query))


def listing(session: Session, *, by: User) -> list[StandIn]:
    """Everybody's, the latest first."""
    rights.require(by, "policy.see")
    return list(session.exec(select(StandIn).order_by(col(StandIn.id).desc()).limit(200)))
