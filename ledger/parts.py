"""Parts of a run (批次): a month's statements in small tasks, so that many hands can work on it.

Whoever dispatches them, the rows here are the truth: a part is claimed for as long as a lease, one that was
left behind is claimed by another, and a statement that is there already is not made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, and_, col, func, or_, select

from ledger import ids
from ledger.db import Instant, Json, Row, insert_rows

SIZE = 8  # statements: some seconds of work
ATTEMPTS_MOST = 6


class Part(Row, table=True):
    """A few statements of one run. `items` are (manager, currency)."""

    __tablename__ = "run_part"
    __table_args__ = (UniqueConstraint("run_id", "no", name="uq_run_part"), {"sqlite_strict": True})

    id: str = Field(primary_key=True)
    run_id: str = Field(index=True)
    no: int
    period: str
    kind: str
    items: list[list[str]] = Field(sa_type=Json)
    size: int
    state: str = Field(index=True)  # waiting, claimed, done, failed
    claimed_by: str = ""
    lease_until: datetime | None = Field(default=None, sa_type=Instant)
    attempts: int = 0
    made: int = 0
    unchanged: int = 0
    refused: list[str] = Field(default_factory=list, sa_type=Json)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a run is, in statements."""

    done: int
    total: int
    parts_left: int


def cut(session: Session, run_id: str, period: str, kind: str, items: Sequence[tuple[str, str]]) -> None:
    """Divide a run into parts, once: a run that is taken up again goes on with those it has."""
    if session.exec(select(Part.id).where(Part.run_id == run_id)).first() is not None:
        return
    insert_rows(
        session,
        Part,
        (
            {
                "id": ids.new("rp"),
                "run_id": run_id,
                "no": no,
                "period": period,
                "kind": kind,
                "items": [list(item) for item in items[start : start + SIZE]],
                "size": len(items[start : start + SIZE]),
                "state": "waiting",
                "refused": [],
            }
            for no, start in enumerate(range(0, len(items), SIZE), 1)
        ),
    )


def claim(
    session: Session, *, run_id: str = "", part_id: str = "", node: str, lease: timedelta, now: datetime
) -> Part | None:
    """A part to work on: this one, or the next of a run; None where there is none that is free."""
    free = or_(col(Part.state) == "waiting", and_(col(Part.state) == "claimed", col(Part.lease_until) < now))
    query = select(Part).where(Part.id == part_id if part_id else Part.run_id == run_id, free)
    part = session.exec(query.order_by(col(Part.no)).limit(1).with_for_update(skip_locked=True)).first()
    if part is None:
        return None
    if part.attempts >= ATTEMPTS_MOST:
        part.state, part.error = "failed", part.error or "it was left behind too often"
        return claim(session, run_id=run_id, part_id=part_id, node=node, lease=lease, now=now)
    part.state, part.claimed_by, part.lease_until = "claimed", node, now + lease
    part.attempts += 1
    session.flush()
    return part


def finish(session: Session, part: Part, *, made: int, unchanged: int, refused: Sequence[str]) -> None:
    """Write down what came of a part. Of one that somebody else has finished, their word stays."""
    row = session.exec(select(Part).where(Part.id == part.id).with_for_update()).one()
    if row.state == "done":
        return
    row.state, row.lease_until, row.error = "done", None, ""
    row.made, row.unchanged, row.refused = made, unchanged, list(refused)


def give_back(session: Session, part: Part, error: str) -> None:
    """A part that could not be done waits for another attempt, or has failed."""
    row = session.exec(select(Part).where(Part.id == part.id).with_for_update()).one()
    if row.state == "claimed" and row.attempts == part.attempts:
        row.state = "failed" if row.attempts >= ATTEMPTS_MOST else "waiting"
        row.lease_until, row.error = None, error


def release(session: Session, run_id: str, node: str) -> None:
    """What a node had claimed that is known to be gone."""
    query = select(Part).where(Part.run_id == run_id, Part.state == "claimed", Part.claimed_by == node)
    for row in session.exec(query.with_for_update()):
        row.state, row.lease_until = "waiting", None


def open_of(session: Session, run_id: str) -> list[str]:
    """Ids of the parts that are still to be done, in order."""
    query = select(Part.id).where(Part.run_id == run_id, col(Part.state).in_(("waiting", "claimed")))
    return list(session.exec(query.order_by(col(Part.no))))


def is_worked_on(session: Session, now: datetime) -> bool:
    """Whether somebody, somewhere, has a part of any run in hand."""
    query = select(Part.id).where(Part.state == "claimed", col(Part.lease_until) >= now)
    return session.exec(query.limit(1)).first() is not None


def standing(session: Session, run_id: str) -> Standing:
    """How far a run is."""
    ended = col(Part.state).in_(("done", "failed"))
    query = select(ended, func.count(), func.sum(Part.size)).where(Part.run_id == run_id).group_by(ended)
    counted = {bool(is_ended): (int(parts), int(items)) for is_ended, parts, items in session.exec(query)}
    left, there = counted.get(False, (0, 0)), counted.get(True, (0, 0))
    return Standing(done=there[1], total=left[1] + there[1], parts_left=left[0])


def of(session: Session, run_id: str) -> list[Part]:
    """The parts of a run, in order."""
    return list(session.exec(select(Part).where(Part.run_id == run_id).order_by(col(Part.no))))
