"""Papers made when somebody asks: drawn, checked, printed, signed and kept for ever, like statements.

The same paper is not made twice: asked for again, what says the same is handed out byte for byte; what
says something else is a new revision that names the one before.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, Session, col, select

from ledger import (
    advices,
    audit,
    certificates,
    config,
    consolidated,
    deal_lives,
    ids,
    records,
    report_paper,
    rights,
    sheets,
)
from ledger.core import papers, report
from ledger.core.errors import NotFound
from ledger.core.papers import Words
from ledger.core.report import Cell, Kind, Report
from ledger.db import Instant, Json, Row, fingerprint
from ledger.files import Store
from ledger.reporting import Drawn
from ledger.rights import Actor


class Paper(Row, table=True):
    """One revision of one paper: what it says and the hash of its PDF."""

    __tablename__ = "paper"
    __table_args__ = (
        UniqueConstraint("kind", "subject", "revision", name="uq_paper"),
        {"sqlite_strict": True},
    )

    id: str = Field(primary_key=True)
    number: str = Field(unique=True)
    kind: str
    subject: str
    manager_id: str = Field(index=True)  # whose it is; empty where it is finance's own
    revision: int
    replaces: str | None = None
    snapshot: dict[str, Any] = Field(sa_type=Json)
    content_sha256: str  # of what it says, whenever it was made
    pdf_sha256: str
    pdf_size: int = Field(sa_type=BigInteger)
    made_at: datetime = Field(sa_type=Instant)
    made_by: str


@dataclass(frozen=True, slots=True)
class Maker:
    """How a kind of paper is drawn from the books, and who may have it."""

    draw: Callable[[Session, str, datetime], Drawn]
    right: str


MAKERS: Mapping[Kind, Maker] = {
    "consolidated": Maker(consolidated.draw, "books.see"),
    "deal_life": Maker(deal_lives.draw, "books.see"),
    "payment_advice": Maker(advices.draw, "statement.see"),
    "record_of_work": Maker(records.draw, "statement.see"),
    "income_certificate": Maker(certificates.draw, "statement.see"),
}


# --- making one


def issue(session: Session, store: Store, kind: Kind, subject: str, *, by: Actor, now: datetime) -> Paper:
    """The paper as the books have it now: the last one where it says the same, else a new revision."""
    from ledger import signing  # slow to load: who only looks at papers does without

    drawn = draw(session, kind, subject, by=by, now=now)
    last = _last(session, kind, drawn.report.header.subject)
    if last is not None and last.content_sha256 == content_sha256(drawn.report):
        return last
    settings = config.from_environment()
    made = papers.pointing(_numbered(drawn.report, last), settings.public_url)
    pdf = signing.sign(
        report_paper.render(made, settings.paper_language), signing.key(settings), at=made.header.made_at
    )
    return keep(session, store, made, pdf, manager_id=drawn.manager_id, by=by, now=now)


def draw(session: Session, kind: Kind, subject: str, *, by: Actor, now: datetime) -> Drawn:
    """The paper as the books have it, not yet numbered, for somebody who may have it."""
    maker = MAKERS[kind]
    if not rights.allows(by, maker.right):
        rights.require(by, maker.right, managers=[by.manager_id] if by.manager_id else ())
    try:
        drawn = maker.draw(session, subject, now)
    except NotFound:
        if rights.allows(by, maker.right):
            raise
        drawn = None
    owners = [drawn.manager_id] if drawn and drawn.manager_id else ()
    if drawn is None or not rights.allows(by, maker.right, managers=owners):
        # What is not there and what is not one's own look alike.
        raise NotFound("paper_about_nothing", "there is nothing of yours to make this paper about")
    return drawn


def _numbered(drawn: Report, last: Paper | None) -> Report:
    revision = last.revision + 1 if last else 1
    update = {
        "number": report.number(drawn.header.kind, drawn.header.subject, revision),
        "revision": revision,
        "replaces": last.number if last else None,
    }
    return report.check(drawn.model_copy(update={"header": drawn.header.model_copy(update=update)}))


def keep(
    session: Session, store: Store, made: Report, pdf: bytes, *, manager_id: str, by: Actor, now: datetime
) -> Paper:
    """Keep a printed paper for ever."""
    header = made.header
    kept = Paper(
        id=ids.new("pp"),
        number=header.number,
        kind=header.kind,
        subject=header.subject,
        manager_id=manager_id,
        revision=header.revision,
        replaces=header.replaces,
        snapshot=made.model_dump(mode="json"),
        content_sha256=content_sha256(made),
        pdf_sha256=store.put(pdf),
        pdf_size=len(pdf),
        made_at=header.made_at,
        made_by=by.id,
    )
    session.add(kept)
    audit.changed(session, by, "paper.issue", kept, now=now)
    session.flush()
    return kept


def content_sha256(made: Report) -> str:
    """The hash of what a paper says, leaving out when it was made, its number, address and block."""
    unsaid = {"made_at", "data_as_of", "number", "revision", "replaces", "verify_url", "seal"}
    said = made.model_dump(mode="json", exclude={"header": unsaid})
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


# --- finding one


def get(session: Session, paper_id: str, *, by: Actor) -> Paper:
    """One paper the user may see, or NotFound."""
    found = session.get(Paper, paper_id)
    if found is None or not _may_see(by, found):
        raise NotFound("paper_not_there", "there is no paper {id}", id=paper_id)
    return found


def _may_see(by: Actor, kept: Paper) -> bool:
    right = MAKERS[kept.kind].right  # type: ignore[index]
    return rights.allows(by, right, managers=[kept.manager_id] if kept.manager_id else ())


def of_code(session: Session, number: str, code: str) -> Paper | None:
    """The paper of a number and its code as typed, or None where one of them is wrong."""
    found = session.exec(select(Paper).where(Paper.number == number.strip())).first()
    typed = "".join(code.split()).replace("-", "").upper()
    if found is None or not hmac.compare_digest(papers.code(read(found)).encode(), typed.encode()):
        return None
    return found


def of_file(session: Session, pdf: bytes) -> Paper | None:
    """The paper whose kept file is this one, to the byte."""
    return session.exec(select(Paper).where(Paper.pdf_sha256 == fingerprint(pdf))).first()


def is_latest(session: Session, kept: Paper) -> bool:
    """Whether no later revision replaces it."""
    last = _last(session, kept.kind, kept.subject)
    return last is None or last.id == kept.id


def in_books(session: Session, shown: Report, pdf: bytes) -> str:
    """Whether a paper is the one kept under its number: agrees, superseded, differs or unknown."""
    kept = session.exec(select(Paper).where(Paper.number == shown.header.number)).first()
    if kept is None:
        return "unknown"
    if fingerprint(pdf) != kept.pdf_sha256 or read(kept) != shown:
        return "differs"
    return "agrees" if is_latest(session, kept) else "superseded"


def listing(session: Session, *, by: Actor, before: str | None = None, limit: int = 50) -> list[Paper]:
    """Papers the user may see, the latest first, from before a cursor."""
    query = select(Paper).order_by(col(Paper.id).desc()).limit(limit)
    if mine := rights.reach(by, "statement.see"):
        query = query.where(Paper.manager_id == mine)
    if before:
        query = query.where(Paper.id < before)
    return list(session.exec(query))


def _last(session: Session, kind: str, subject: str) -> Paper | None:
    query = select(Paper).where(Paper.kind == kind, Paper.subject == subject)
    return session.exec(query.order_by(col(Paper.revision).desc())).first()


def read(kept: Paper) -> Report:
    """What a kept paper says."""
    if not kept.snapshot:
        raise NotFound("paper_erased", "{number} was erased with the person it is about", number=kept.number)
    return report.from_json(json.dumps(kept.snapshot))


# --- as a workbook


def workbook(session: Session, kind: Kind, subject: str, *, by: Actor, now: datetime) -> tuple[str, bytes]:
    """The tables of a paper as XLSX, a sheet each, and what to call the file."""
    drawn = draw(session, kind, subject, by=by, now=now)
    header = drawn.report.header
    tables = [*_ties(drawn.report), *(drawn.tables or drawn.report.tables)]
    return f"{report.PREFIXES[kind]}-{header.subject}", sheets.workbook(
        _sheet(table, header.currency) for table in tables
    )


def _ties(made: Report) -> list[report.Table]:
    """The tie-out as one more table."""
    if not made.ties:
        return []
    text, amount = report.Column, report.Column(title=Words(zh="差额"), kind="amount")
    columns = (
        text(title=Words(zh="核对")),
        text(title=Words(zh="一方")),
        text(title=Words(zh="另一方")),
        amount.model_copy(update={"title": Words(zh="一方金额")}),
        amount.model_copy(update={"title": Words(zh="另一方金额")}),
        amount,
    )
    rows = tuple(
        (tie.what, tie.left, tie.right, tie.left_minor, tie.right_minor, tie.difference_minor)
        for tie in made.ties
    )
    return [report.Table(title=Words(zh="勾稽核对"), columns=columns, rows=rows)]


def _sheet(table: report.Table, currency: str) -> sheets.Sheet:
    columns = [
        sheets.Column(column.title.zh, 16 if column.kind != "text" else 24, column.kind == "amount")
        for column in table.columns
    ]
    rows = [tuple(_cell(cell) for cell in row) for row in table.rows]
    notes = (table.note.zh,) if table.note.zh else ()
    return sheets.Sheet(table.title.zh[:31], columns, rows, currency, notes)


def _cell(cell: Cell) -> str | int | None:
    return cell.zh if isinstance(cell, Words) else cell
