"""Acknowledgements (确认): that a payee has looked at a statement and has nothing against it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Field, Session, col, select

from ledger import audit, ids, rights, statements
from ledger.core.errors import Conflict
from ledger.db import Instant, Row
from ledger.users import User


class Acknowledgement(Row, table=True):
    """One payee's word on one statement."""

    __tablename__ = "acknowledgement"

    id: str = Field(primary_key=True)
    statement_id: str = Field(unique=True)
    acknowledged_by: str
    acknowledged_at: datetime = Field(sa_type=Instant)


def acknowledge(session: Session, statement_id: str, *, by: User, now: datetime) -> Acknowledgement:
    """The payee agrees with the latest revision of their month. Said twice, it is said once."""
    statement = statements.get(session, statement_id, by=by)
    rights.require(by, "statement.acknowledge", managers=[statement.manager_id])
    if not statements.is_latest(session, statement):
        raise Conflict("statement_superseded", "there is a later revision; look at that one")
    said = of(session, [statement_id]).get(statement_id)
    if said is not None:
        return said
    made = Acknowledgement(
        id=ids.new("ak"), statement_id=statement_id, acknowledged_by=by.id, acknowledged_at=now
    )
    session.add(made)
    audit.changed(session, by, "statement.acknowledge", made, now=now)
    session.flush()
    return made


def of(session: Session, statement_ids: Iterable[str]) -> dict[str, Acknowledgement]:
    """What was said of some statements, by statement."""
    query = select(Acknowledgement).where(col(Acknowledgement.statement_id).in_(list(statement_ids)))
    return {one.statement_id: one for one in session.exec(query)}


def count(session: Session, period: str) -> int:
    """How many statements of a period, of their latest revisions, their payees have agreed with."""
    return len(of(session, [one.id for one in statements.latest_of(session, period)]))
