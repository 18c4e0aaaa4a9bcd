"""Entries (记账凭证): what is in the books, each with its postings and why."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import Field
from sqlmodel import Session

from api.doors import Books, By, Now, noun
from api.openapi import problems
from api.values import (
    LARGEST,
    Answer,
    Body,
    Day,
    Id,
    Instant,
    Limit,
    NumberCursor,
    Page,
    PeriodName,
    Reason,
    first_of,
)
from ledger import journal, reversals, rights
from ledger.core import entry as core
from ledger.core.money import format_minor
from ledger.journal import Entry

router = noun("entries")

Number = Annotated[int, Path(ge=1, le=LARGEST, description="Its number.")]


class Reversal(Body):
    """Why an entry is mirrored."""

    reason: Reason


class PostingAnswer(Answer):
    """One line of an entry; debit is positive."""

    account: str = Field(examples=["2202.01"])
    name: str = Field(examples=["payable"])
    owner: str
    amount: str = Field(examples=["-1350.00"])
    deal_id: str
    manager_id: str
    stage: str
    origin: str = Field(description="The period it belongs to, where the entry's own came later.")
    nature: str


class DraftAnswer(Answer):
    """An entry as it is, or would be, posted."""

    kind: str = Field(examples=["accrual"])
    source: str = Field(description="With the kind, the entry's name for ever.", examples=["D-1#3"])
    on: Day
    period: str = Field(examples=["2026-05"])
    currency: str
    summary: str
    deal_id: str
    because: list[str] = Field(description="The facts that caused it.")
    reverses: str | None = Field(description="The entry it mirrors.")
    postings: list[PostingAnswer]
    text: str = Field(description="The whole entry as an accountant would write it down.")

    @classmethod
    def of(cls, entry: core.Entry) -> DraftAnswer:
        """The entry as it is answered."""
        return cls(**_shown(entry))


class EntryAnswer(DraftAnswer):
    """An entry in the books."""

    id: str
    posted_at: Instant
    posted_by: str


class WholeEntry(EntryAnswer):
    """An entry in the books, with its working: the steps from fact to fen, as data."""

    working: dict[str, Any] | None


def _shown(entry: core.Entry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "source": entry.source,
        "on": entry.on,
        "period": entry.period,
        "currency": entry.currency,
        "summary": entry.summary,
        "deal_id": entry.deal_id,
        "because": list(entry.because),
        "reverses": None if entry.reverses is None else str(entry.reverses),
        "postings": [_posting(posting, entry.currency) for posting in entry.postings],
        "text": core.as_text(entry),
    }


def _posting(posting: core.Posting, currency: str) -> PostingAnswer:
    return PostingAnswer(
        account=posting.account,
        name=core.CHART[posting.account].name,
        owner=posting.owner,
        amount=format_minor(posting.amount_minor, currency),
        deal_id=posting.deal_id,
        manager_id=posting.manager_id,
        stage=posting.stage,
        origin=posting.origin,
        nature=posting.nature,
    )


def _posted(entry: Entry) -> dict[str, Any]:
    return {"id": str(entry.id), "posted_at": entry.posted_at, "posted_by": entry.posted_by}


@router.get("")
def listing(
    session: Books,
    by: By,
    deal: Annotated[Id | None, Query(description="Only those that touch this deal.")] = None,
    manager: Annotated[Id | None, Query(description="Only those that touch this manager.")] = None,
    period: Annotated[PeriodName | None, Query(description="Only those booked in this period.")] = None,
    limit: Limit = 50,
    cursor: NumberCursor = None,
) -> Page[EntryAnswer]:
    """Entries, the latest first."""
    rights.require(by, "books.see")
    rows = journal.listing(
        session, deal_id=deal, manager_id=manager, period=period, before=cursor, limit=limit + 1
    )
    found, following = first_of(rows, limit)
    items = [
        EntryAnswer(**_shown(value), **_posted(entry))
        for entry, value in zip(found, journal.as_values(session, found), strict=True)
    ]
    return Page(items=items, next=following)


@router.get("/{id}")
def get(id: Number, session: Books, by: By) -> WholeEntry:
    """One entry, with its working."""
    rights.require(by, "books.see")
    return _whole(session, journal.get(session, id))


@router.post("/{id}/reverse", status_code=201, responses=problems(409))
def reverse(id: Number, body: Reversal, session: Books, by: By, now: Now) -> WholeEntry:
    """Mirror an entry made by hand or for a document, once. What follows from facts is refused."""
    return _whole(session, reversals.reverse(session, id, reason=body.reason, by=by, now=now))


def _whole(session: Session, entry: Entry) -> WholeEntry:
    return WholeEntry(
        **_shown(journal.as_value(session, entry)),
        **_posted(entry),
        working=journal.working_of(session, entry.id),
    )
