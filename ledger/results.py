"""Results (成果): what universities and institutes have to offer, and who brought one to a need."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, col, select

from ledger import audit, db, ids, likeness, managers, needs, organisations, rights
from ledger.clock import day_of
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.db import Instant, Row
from ledger.needs import Need
from ledger.users import User

LOOKED_AT = 2000  # of the latest, when matches are looked for


class Result(Row, table=True):
    """One result. `manager_id` is who found it; one logged by operations may have nobody."""

    __tablename__ = "result"

    id: str = Field(primary_key=True)
    title: str
    detail: str
    source_id: str = Field(index=True)
    manager_id: str | None = Field(default=None, index=True)
    found_on: date
    logged_by: str
    logged_at: datetime = Field(sa_type=Instant)


class Pairing(Row, table=True):
    """That somebody brought a need and a result together (对接): evidence for the stage of sourcing."""

    __tablename__ = "pairing"
    __table_args__ = (
        UniqueConstraint("need_id", "result_id", name="uq_pairing"),
        {"sqlite_strict": True},
    )

    id: str = Field(primary_key=True)
    need_id: str = Field(index=True)
    result_id: str = Field(index=True)
    manager_id: str
    paired_on: date
    note: str
    logged_by: str
    logged_at: datetime = Field(sa_type=Instant)


def log(
    session: Session,
    *,
    title: str,
    source: str,
    detail: str = "",
    found_on: date | None = None,
    manager_id: str | None = None,
    by: User,
    now: datetime,
) -> Result:
    """Record a result. A manager logs their own; operations may log one for a manager."""
    rights.require(by, "result.log")
    if not 1 <= len(title.strip()) <= 200:
        raise Invalid("result_title", "a result has a title of 1 to 200 characters")
    result = Result(
        id=ids.new("rs"),
        title=title.strip(),
        detail=detail.strip()[:4000],
        source_id=organisations.named(session, source, now=now).id,
        manager_id=by.manager_id or manager_id,
        found_on=needs.not_later(found_on or day_of(now), now),
        logged_by=by.id,
        logged_at=now,
    )
    session.add(result)
    audit.changed(session, by, "result.log", result, now=now)
    session.flush()
    return result


def pair(
    session: Session,
    need_id: str,
    result_id: str,
    *,
    on: date | None = None,
    note: str = "",
    manager_id: str | None = None,
    by: User,
    now: datetime,
) -> Pairing:
    """Somebody brought a need and a result together. The first to say so has it."""
    need, result = needs.get(session, need_id, by=by), get(session, result_id, by=by)
    who = by.manager_id or manager_id
    if who is None:
        raise Invalid("pairing_nobody", "say which manager brought them together")
    managers.get(session, who)
    rights.require(by, "pairing.log", managers=[need.manager_id or "", who])
    db.lock(session, f"pairing:{need.id}")
    query = select(Pairing).where(Pairing.need_id == need.id, Pairing.result_id == result.id)
    there = session.exec(query).first()
    if there is not None:
        raise Conflict(
            "pairing_known",
            "this need and this result were brought together on {day} already",
            day=there.paired_on,
        )
    pairing = Pairing(
        id=ids.new("pr"),
        need_id=need.id,
        result_id=result.id,
        manager_id=who,
        paired_on=needs.not_later(on or day_of(now), now),
        note=note.strip()[:500],
        logged_by=by.id,
        logged_at=now,
    )
    session.add(pairing)
    audit.changed(session, by, "pairing.log", pairing, now=now)
    session.flush()
    return pairing


def get(session: Session, result_id: str, *, by: User) -> Result:
    """One result, or NotFound. What institutes offer is for every manager to see."""
    rights.require(by, "result.see")
    found = session.get(Result, result_id)
    if found is None:
        raise NotFound("result_unknown", "there is no result {id}", id=result_id)
    return found


def listing(
    session: Session, *, by: User, text: str = "", before: str | None = None, limit: int = 50
) -> list[Result]:
    """Results, or those a text is in, the latest first, from before a cursor."""
    rights.require(by, "result.see")
    query = select(Result).order_by(col(Result.id).desc()).limit(limit)
    if text:
        query = query.where(col(Result.title).contains(text, autoescape=True))
    if before:
        query = query.where(Result.id < before)
    return list(session.exec(query))


def by_id(session: Session, result_ids: Iterable[str]) -> dict[str, Result]:
    """Some results."""
    wanted = sorted(set(result_ids))
    return {one.id: one for one in session.exec(select(Result).where(col(Result.id).in_(wanted)))}


def likely_for(session: Session, need: Need, *, by: User) -> list[tuple[Result, int]]:
    """Results that may be what a need looks for, with how alike they are."""
    found = listing(session, by=by, limit=LOOKED_AT)
    return likeness.ranked(
        need.title, [(one, f"{one.title} {one.detail}") for one in found], least=likeness.TOGETHER
    )


def needs_for(session: Session, result: Result, *, by: User) -> list[tuple[Need, int]]:
    """Open needs the user may see that may look for a result."""
    found = needs.listing(session, by=by, state="open", limit=LOOKED_AT)
    return likeness.ranked(
        result.title, [(one, f"{one.title} {one.detail}") for one in found], least=likeness.TOGETHER
    )


def pairings(session: Session, *, need_id: str = "", result_id: str = "") -> list[Pairing]:
    """Who brought a need, or a result, together with what, in order."""
    query = select(Pairing).order_by(col(Pairing.id))
    if need_id:
        query = query.where(Pairing.need_id == need_id)
    if result_id:
        query = query.where(Pairing.result_id == result_id)
    return list(session.exec(query))
