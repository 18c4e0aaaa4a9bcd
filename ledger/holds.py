"""Holds on payment (暂停付款): on one line, one deal or one person, with a reason and until when.

A hold moves nothing in the books. What it covers stays payable and waits; the rest is paid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Literal

from sqlmodel import Field, Session, col, or_, select

from ledger import audit, ids, managers, rights
from ledger.clock import day_of, end_of
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.core.payable import Line
from ledger.db import Instant, Row
from ledger.deals import Deal
from ledger.users import User

Kind = Literal["hand", "dispute"]


class Hold(Row, table=True):
    """What waits: a stage of a deal for one manager, a deal for everybody, or a person with everything.

    An empty `deal_id`, `stage` or `manager_id` stands for “any”.
    """

    __tablename__ = "payment_hold"

    id: str = Field(primary_key=True)
    kind: str
    manager_id: str = Field(default="", index=True)
    deal_id: str = Field(default="", index=True)
    stage: str = ""
    reason: str
    until_on: date | None = None  # the last day it holds; None: until it is lifted
    put_by: str
    put_at: datetime = Field(sa_type=Instant)
    lifted_by: str | None = None
    lifted_at: datetime | None = Field(default=None, sa_type=Instant)
    lifted_reason: str | None = None

    def covers(self, manager_id: str, line: Line) -> bool:
        """Whether a payee's line waits for it."""
        return (
            self.manager_id in ("", manager_id)
            and self.deal_id in ("", line.deal_id)
            and self.stage in ("", line.stage)
        )

    @property
    def scope(self) -> str:
        """What it is on: a line, a deal or a person."""
        return "line" if self.stage else "deal" if self.deal_id else "person"


def put(
    session: Session,
    *,
    manager_id: str = "",
    deal_id: str = "",
    stage: str = "",
    reason: str,
    until_on: date | None,
    by: User,
    now: datetime,
) -> Hold:
    """Let something wait, until a last day."""
    rights.require(by, "hold.put", managers=[manager_id] if manager_id else ())
    _check_scope(session, manager_id, deal_id, stage)
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    if until_on is None:
        raise Invalid("hold_until_missing", "say until which day it waits")
    if until_on < day_of(now):
        raise Invalid("hold_until_past", "{day} has passed; a hold is until today or later", day=until_on)
    return _kept(session, "hand", manager_id, deal_id, stage, reason.strip(), until_on, by, now)


def keep_back(
    session: Session, *, manager_id: str, deal_id: str, stage: str, reason: str, by: User, now: datetime
) -> Hold:
    """A dispute lets its line wait, whoever raised it, until it is decided: `release`."""
    return _kept(session, "dispute", manager_id, deal_id, stage, reason, None, by, now)


def _kept(
    session: Session,
    kind: Kind,
    manager_id: str,
    deal_id: str,
    stage: str,
    reason: str,
    until_on: date | None,
    by: User,
    now: datetime,
) -> Hold:
    hold = Hold(
        id=ids.new("hd"),
        kind=kind,
        manager_id=manager_id,
        deal_id=deal_id,
        stage=stage,
        reason=reason,
        until_on=until_on,
        put_by=by.id,
        put_at=now,
    )
    session.add(hold)
    audit.changed(session, by, "hold.put", hold, now=now)
    session.flush()
    return hold


def _check_scope(session: Session, manager_id: str, deal_id: str, stage: str) -> None:
    if stage and not (deal_id and manager_id):
        raise Invalid("hold_scope", "a hold on a stage names its deal and its manager")
    if not deal_id and not manager_id:
        raise Invalid("hold_scope_missing", "a hold names a person, a deal, or a line of a deal")
    if manager_id:
        managers.get(session, manager_id)
    if deal_id and session.get(Deal, deal_id) is None:
        raise NotFound("deal_unknown", "there is no deal {id}", id=deal_id)


def lift(session: Session, hold_id: str, *, reason: str, by: User, now: datetime) -> Hold:
    """End a hold before its day. A dispute's hold ends with the dispute alone."""
    rights.require_role(by, "hold.put")
    hold = get(session, hold_id)
    rights.require(by, "hold.put", managers=[hold.manager_id] if hold.manager_id else ())
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    if hold.kind == "dispute":
        raise Conflict("hold_disputed", "this line is contested; decide its dispute, and it waits no longer")
    return release(session, hold_id, reason=reason.strip(), by=by, now=now)


def release(session: Session, hold_id: str, *, reason: str, by: User, now: datetime) -> Hold:
    """It waits no longer: lifted by hand, or its dispute is decided."""
    hold = get(session, hold_id)
    if hold.lifted_at is not None:
        raise Conflict("hold_lifted", "this hold was lifted already")
    hold.lifted_by, hold.lifted_at, hold.lifted_reason = by.id, now, reason
    audit.changed(session, by, "hold.lift", hold, now=now)
    session.flush()
    return hold


def get(session: Session, hold_id: str) -> Hold:
    """One hold, or NotFound."""
    found = session.get(Hold, hold_id)
    if found is None:
        raise NotFound("hold_unknown", "there is no hold {id}", id=hold_id)
    return found


def standing(session: Session, day: date) -> list[Hold]:
    """What holds on a day, the oldest first."""
    query = select(Hold).where(
        col(Hold.lifted_at).is_(None), or_(col(Hold.until_on).is_(None), col(Hold.until_on) >= day)
    )
    return list(session.exec(query.order_by(col(Hold.id))))


def stood(session: Session, day: date) -> list[Hold]:
    """What held at the end of a day, also where it was lifted since."""
    at = end_of(day)
    query = select(Hold).where(
        col(Hold.put_at) < at,
        or_(col(Hold.lifted_at).is_(None), col(Hold.lifted_at) >= at),
        or_(col(Hold.until_on).is_(None), col(Hold.until_on) >= day),
    )
    return list(session.exec(query.order_by(col(Hold.id))))


def on(found: Iterable[Hold], manager_id: str) -> list[Hold]:
    """Of some holds, those that may touch a manager."""
    return [hold for hold in found if hold.manager_id in ("", manager_id)]


def by_manager(found: Iterable[Hold], manager_ids: Collection[str]) -> dict[str, list[Hold]]:
    """Some holds by the managers they may touch."""
    every = [hold for hold in found if not hold.manager_id]
    own: dict[str, list[Hold]] = defaultdict(list)
    for hold in found:
        if hold.manager_id:
            own[hold.manager_id].append(hold)
    return {manager_id: every + own[manager_id] for manager_id in manager_ids}


def listing(
    session: Session, *, by: User, state: str = "", before: str | None = None, limit: int = 50, day: date
) -> list[Hold]:
    """Holds, the latest first, from before a cursor; `state` is standing, ended, or empty for all."""
    rights.require(by, "hold.see")
    query = select(Hold).order_by(col(Hold.id).desc()).limit(limit)
    ended = or_(col(Hold.lifted_at).is_not(None), col(Hold.until_on) < day)
    if state == "standing":
        query = query.where(
            col(Hold.lifted_at).is_(None), or_(col(Hold.until_on).is_(None), col(Hold.until_on) >= day)
        )
    elif state == "ended":
        query = query.where(ended)
    if before:
        query = query.where(Hold.id < before)
    return list(session.exec(query))
