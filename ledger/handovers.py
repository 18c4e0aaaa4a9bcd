"""Handing a deal over (移交): who leaves gives an open deal to somebody else from a day on.

What was earned stays with who earned it. A milestone reached on that day or later names the other one.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from sqlmodel import Field, Session, col, select

from ledger import managers
from ledger.core.errors import Conflict
from ledger.db import Instant, Row


class Handover(Row, table=True):
    """That one manager's place on a deal is another's from a day on, and why. Written once."""

    __tablename__ = "handover"

    id: str = Field(primary_key=True)
    deal_id: str = Field(index=True)
    from_manager_id: str = Field(index=True)
    to_manager_id: str
    from_on: date
    reason: str
    decided_by: str
    decided_at: datetime = Field(sa_type=Instant)


def of_deal(session: Session, deal_id: str) -> list[Handover]:
    """Every handover of a deal, in order."""
    return list(session.exec(select(Handover).where(Handover.deal_id == deal_id).order_by(Handover.id)))


def given_up(session: Session, manager_id: str) -> set[str]:
    """The deals somebody has handed over and not got back."""
    touching = (Handover.from_manager_id == manager_id) | (Handover.to_manager_id == manager_id)
    found = session.exec(select(Handover).where(touching).order_by(col(Handover.id)))
    last = {one.deal_id: one.from_manager_id for one in found}
    return {deal_id for deal_id, who in last.items() if who == manager_id}


def check(session: Session, deal_id: str, on: date, participants: Collection[str]) -> None:
    """Conflict, where somebody is to take part on a day on which their place was another's."""
    places: dict[str, Handover] = {}
    for one in of_deal(session, deal_id):
        if one.from_on <= on:
            places[one.from_manager_id] = one
            places.pop(one.to_manager_id, None)
    for manager_id in sorted(places.keys() & set(participants)):
        gone = places[manager_id]
        names = managers.names(session, [manager_id, gone.to_manager_id])
        raise Conflict(
            "deal_handed_over",
            "{name} handed this deal over on {day}; name {other} instead",
            name=names.get(manager_id, manager_id),
            day=gone.from_on,
            other=names.get(gone.to_manager_id, gone.to_manager_id),
        )
