"""Settlement statements (结算单): made at one moment, kept for ever.

A later revision names the one before; the bytes of both stay.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, col, or_, select

from ledger import accounts, clock, drawing, ids, managers, periods, persons, rights
from ledger.core import period as months
from ledger.core import statement as paper
from ledger.core.entry import PAYABLE
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.core.statement import Kind
from ledger.db import Instant, Json, Row, fingerprint
from ledger.files import Store
from ledger.journal import Posting
from ledger.persons import ErasureRequest
from ledger.users import User

__all__ = ["Kind"]


class Statement(Row, table=True):
    """One revision of one manager's month in one currency: the snapshot and the PDF's hash."""

    __tablename__ = "statement"
    __table_args__ = (
        UniqueConstraint("manager_id", "period", "currency", "revision", name="uq_statement"),
        {"sqlite_strict": True},
    )

    id: str = Field(primary_key=True)
    number: str = Field(unique=True)
    manager_id: str = Field(index=True)
    period: str = Field(index=True)
    currency: str
    kind: str
    revision: int
    replaces: str | None = None
    closing_minor: int
    snapshot: dict[str, Any] = Field(sa_type=Json)
    content_sha256: str  # of what it says, whenever it was made
    pdf_sha256: str
    pdf_size: int
    made_at: datetime = Field(sa_type=Instant)


def draw(
    session: Session,
    manager_id: str,
    period: str,
    *,
    kind: Kind,
    currency: str = "CNY",
    now: datetime,
) -> paper.Snapshot:
    """The next revision of a manager's month as the books have it at this moment, checked."""
    last = _last_revision(session, manager_id, period, currency)
    return drawing.draw(
        session,
        manager_id,
        period,
        kind=kind,
        currency=currency,
        revision=last.revision + 1 if last else 1,
        replaces=last.number if last else None,
        now=now,
    )


def _last_revision(session: Session, manager_id: str, period: str, currency: str) -> Statement | None:
    return session.exec(
        select(Statement)
        .where(
            Statement.manager_id == manager_id,
            Statement.period == period,
            Statement.currency == currency,
        )
        .order_by(col(Statement.revision).desc())
    ).first()


HOME = "CNY"  # everybody gets a statement of this currency, also of a month without activity


def wanted(session: Session, period: str) -> list[tuple[str, str]]:
    """(manager, currency) of every statement of a period: everybody known by then, and whatever is booked.

    Who asked to be deleted gets none of a month in which nothing moved: it would begin the law's term anew.
    """
    end = clock.end_of(months.last_day(period))
    quiet = persons.open_requests().with_only_columns(col(ErasureRequest.subject))
    there = select(managers.Manager.id).where(
        managers.Manager.created_at <= end, col(managers.Manager.id).not_in(quiet)
    )
    known = session.exec(there)
    moved = or_(Posting.period == period, col(Posting.manager_id).not_in(quiet))
    booked = session.exec(
        select(Posting.manager_id, Posting.currency)
        .where(Posting.manager_id != "", Posting.period <= period, moved)
        .distinct()
    )
    return sorted({(manager_id, HOME) for manager_id in known}.union(booked.all()))


def fresh(
    session: Session, manager_id: str, period: str, *, kind: Kind, currency: str = "CNY", now: datetime
) -> paper.Snapshot | None:
    """The snapshot to print, or None: the last one of this kind says exactly the same."""
    is_open = periods.calendar(session).is_open(period)
    if kind == "preliminary" and not is_open:
        raise Conflict("period_closed", "{period} is closed; its statements are final", period=period)
    if kind == "final" and is_open:
        raise Conflict(
            "period_open",
            "{period} is still open; a final statement is made once it is closed",
            period=period,
        )
    snapshot = draw(session, manager_id, period, kind=kind, currency=currency, now=now)
    last = _last_revision(session, manager_id, period, currency)
    if last and last.kind == kind and last.content_sha256 == content_sha256(snapshot):
        return None
    return snapshot


def content_sha256(snapshot: paper.Snapshot) -> str:
    """The hash of what a statement says, leaving out when it was made, its number, address and block."""
    unsaid = {"made_at", "data_as_of", "number", "revision", "replaces", "verify_url"}
    said = snapshot.model_dump(mode="json", exclude={"header": unsaid})
    said["header"]["seal"] = None
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def keep(session: Session, store: Store, snapshot: paper.Snapshot, pdf: bytes) -> Statement:
    """Keep a printed statement for ever."""
    header = snapshot.header
    last = _last_revision(session, header.payee.id, header.period, header.currency)
    if (last.revision if last else 0) != header.revision - 1:
        raise Conflict(
            "statement_overtaken", "statement {number} was made by another run", number=header.number
        )
    kept = Statement(
        id=ids.new("st"),
        number=header.number,
        manager_id=header.payee.id,
        period=header.period,
        currency=header.currency,
        kind=header.kind,
        revision=header.revision,
        replaces=header.replaces,
        closing_minor=snapshot.bridge.closing_minor,
        snapshot=snapshot.model_dump(mode="json"),
        content_sha256=content_sha256(snapshot),
        pdf_sha256=store.put(pdf),
        pdf_size=len(pdf),
        made_at=header.made_at,
    )
    session.add(kept)
    session.flush()
    return kept


def get(session: Session, statement_id: str, *, by: User) -> Statement:
    """One statement the user may see, or NotFound."""
    found = session.get(Statement, statement_id)
    if found is None or not rights.allows(by, "statement.see", managers=[found.manager_id]):
        raise NotFound("statement_unknown", "there is no statement {id}", id=statement_id)
    return found


def numbered(session: Session, number: str) -> Statement:
    """One statement by its number, or NotFound."""
    found = session.exec(select(Statement).where(Statement.number == number)).first()
    if found is None:
        raise NotFound("statement_unknown", "there is no statement {id}", id=number)
    return found


def of_code(session: Session, number: str, code: str) -> Statement:
    """The statement a paper names by its number and its code, as typed; NotFound where one is wrong."""
    found = session.exec(select(Statement).where(Statement.number == number.strip())).first()
    typed = "".join(code.split()).replace("-", "").upper()
    if found is None or not hmac.compare_digest(paper.code(read(found)).encode(), typed.encode()):
        raise NotFound("paper_unknown", "no paper has this number and this code; compare both with the paper")
    return found


def of_file(session: Session, pdf: bytes) -> Statement | None:
    """The statement whose kept file is this one, to the byte."""
    return session.exec(select(Statement).where(Statement.pdf_sha256 == fingerprint(pdf))).first()


def is_latest(session: Session, statement: Statement) -> bool:
    """Whether no later revision replaces it."""
    last = _last_revision(session, statement.manager_id, statement.period, statement.currency)
    return last is None or last.revision == statement.revision


Books = Literal["agrees", "superseded", "differs", "unknown"]


def in_books(session: Session, snapshot: paper.Snapshot, pdf: bytes) -> Books:
    """Whether a statement is the one kept under its number, to the byte, and the ledger still says so.

    A later revision supersedes it: what it says was true when it was made.
    """
    header = snapshot.header
    kept = session.exec(select(Statement).where(Statement.number == header.number)).first()
    if kept is None:
        return "unknown"
    if fingerprint(pdf) != kept.pdf_sha256 or read(kept) != snapshot:
        return "differs"
    if not is_latest(session, kept):
        return "superseded"
    closing = -accounts.balance(session, PAYABLE, kept.manager_id, kept.currency, through=kept.period)
    if kept.kind != "final" or closing == kept.closing_minor:
        return "agrees"
    is_reopened = periods.calendar(session).is_open(kept.period)
    return "superseded" if is_reopened else "differs"


def listing(
    session: Session,
    *,
    by: User,
    period: str | None = None,
    manager_id: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Statement]:
    """Statements the user may see, the latest first, from before a cursor."""
    query = select(Statement).order_by(col(Statement.id).desc()).limit(limit)
    if mine := rights.reach(by, "statement.see"):
        query = query.where(Statement.manager_id == mine)
    if manager_id:
        query = query.where(Statement.manager_id == manager_id)
    if period:
        query = query.where(Statement.period == period)
    if before:
        query = query.where(Statement.id < before)
    return list(session.exec(query))


def revisions(session: Session, kept: Statement) -> list[Statement]:
    """Every revision of a manager's month, the latest first."""
    query = select(Statement).where(
        Statement.manager_id == kept.manager_id,
        Statement.period == kept.period,
        Statement.currency == kept.currency,
    )
    return list(session.exec(query.order_by(col(Statement.revision).desc())))


@dataclass(frozen=True, slots=True)
class Checked:
    """What holds of a kept statement: the file is whole, its sums tie and are those it was made with, and
    the books close the month at the same amount (only asked of the latest revision)."""

    file: bool
    sums: bool
    books: bool | None


def checked(session: Session, store: Store, kept: Statement) -> Checked:
    """Look at a kept statement again."""
    is_latest = revisions(session, kept)[0].id == kept.id
    closing = -accounts.balance(session, PAYABLE, kept.manager_id, kept.currency, through=kept.period)
    return Checked(
        file=_is_there(store, kept),
        sums=_still_ties(kept),
        books=closing == kept.closing_minor if is_latest else None,
    )


def _is_there(store: Store, kept: Statement) -> bool:
    try:
        return len(store.get(kept.pdf_sha256)) == kept.pdf_size
    except NotFound:
        return False


def _still_ties(kept: Statement) -> bool:
    try:
        return content_sha256(paper.check(read(kept))) == kept.content_sha256
    except Invalid:
        return False


def latest_of(session: Session, period: str) -> list[Statement]:
    """The latest revision of every statement of a period, by manager."""
    query = select(Statement).where(Statement.period == period).order_by(col(Statement.revision))
    latest = {(kept.manager_id, kept.currency): kept for kept in session.exec(query)}
    return [latest[key] for key in sorted(latest)]


def read(statement: Statement) -> paper.Snapshot:
    """The snapshot of a kept statement; NotFound where it was erased with the person it is about."""
    if not statement.snapshot:
        raise NotFound(
            "paper_erased", "{number} was erased with the person it is about", number=statement.number
        )
    return paper.from_json(json.dumps(statement.snapshot))
