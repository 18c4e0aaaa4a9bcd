"""Needs (需求): what an enterprise looks for, as logged by the manager who found it."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Field, Session, col, select

from ledger import audit, ids, organisations, rights
from ledger.clock import day_of
from ledger.core.errors import Invalid, NotFound
from ledger.core.states import NEED, advance
from ledger.db import Instant, Row
from ledger.users import User


class Need(Row, table=True):
    """One need. `manager_id` is who found it; a need logged by operations may have nobody."""

    __tablename__ = "need"

    id: str = Field(primary_key=True)
    title: str
    detail: str
    client_id: str = Field(index=True)
    manager_id: str | None = Field(default=None, index=True)
    found_on: date
    state: str
    logged_by: str
    logged_at: datetime = Field(sa_type=Instant)


def log(
    session: Session,
    *,
    title: str,
    client: str,
    detail: str = "",
    found_on: date | None = None,
    manager_id: str | None = None,
    by: User,
    now: datetime,
) -> Need:
    """Record a need. A manager logs their own; operations may log one for a manager."""
    rights.require(by, "need.log")
    if not 1 <= len(title.strip()) <= 200:
        raise Invalid("need_title", "a need has a title of 1 to 200 characters")
    on = not_later(found_on or day_of(now), now)

    need = Need(
        id=ids.new("nd"),
        title=title.strip(),
        detail=detail.strip(),
        client_id=organisations.named(session, client, now=now).id,
        manager_id=by.manager_id or manager_id,
        found_on=on,
        state="open",
        logged_by=by.id,
        logged_at=now,
    )
    session.add(need)
    audit.changed(session, by, "need.log", need, now=now)
    session.flush()
    return need


def not_later(day: date, now: datetime) -> date:
    """The day, if it is not in the future."""
    if day > day_of(now):
        raise Invalid("day_in_future", "{day} is in the future; give the day it happened", day=day)
    return day


def match(session: Session, need: Need) -> None:
    """A deal was opened from this need."""
    need.state = advance(NEED, "need", need.state, "match")


def get(session: Session, need_id: str, *, by: User) -> Need:
    """One need the user may see, or NotFound."""
    found = session.get(Need, need_id)
    if found is None or not rights.allows(by, "need.see", managers=[found.manager_id or ""]):
        raise NotFound("need_unknown", "there is no need {id}", id=need_id)
    return found


def listing(
    session: Session,
    *,
    by: User,
    state: str | None = None,
    client_id: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Need]:
    """Needs the user may see, the latest first, from before a cursor."""
    query = select(Need).order_by(col(Need.id).desc()).limit(limit)
    if mine := rights.reach(by, "need.see"):
        query = query.where(Need.manager_id == mine)
    if state:
        query = query.where(Need.state == state)
    if client_id:
        query = query.where(Need.client_id == client_id)
    if before:
        query = query.where(Need.id < before)
    return list(session.exec(query))
