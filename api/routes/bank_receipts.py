"""Money in from the bank's own list (银行流水): sent as a form, looked at, booked; the rest split by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import Form
from pydantic import Field

from api.doors import Books, By, Files, Now, noun
from api.routes.bank_returns import SetAside, file_name
from api.routes.evidence import Upload
from api.values import (
    Amount,
    Answer,
    Body,
    Cursor,
    Day,
    Id,
    Instant,
    Limit,
    Name,
    Page,
    PathId,
    above_zero,
    first_of,
)
from ledger import bank_receipts, fees, layouts
from ledger.bank_receipts import Preview, Seen
from ledger.core.bank_receipt import Part
from ledger.core.money import format_minor
from ledger.managers import masked
from ledger.open_invoices import CURRENCY
from ledger.receipt_lines import BankReceipt, BankReceiptPart

router = noun("bank-receipts")


class ReceiptPart(Body):
    """So much for a deal: for an invoice of it (the id of its fact) or, without one, in advance."""

    deal: Id
    amount: Amount
    invoice: Id | None = None


class Split(Body):
    """Where a line goes; the parts come to its amount exactly."""

    parts: Annotated[list[ReceiptPart], Field(min_length=1, max_length=200)]


class BookSeen(Body):
    """What was looked at: the `digest` of the list as it was answered."""

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class LineAnswer(Answer):
    """One line that brought money in, and what it comes to: `matched` and `advance` are booked together;
    `unmatched` (with `why`) waits for a person, `parts` being what it may be about."""

    id: str
    row: int
    reference: str
    day: Day | None
    amount: str
    payer: str
    account: str
    remark: str
    outcome: str
    why: str
    parts: list[ReceiptPart]
    document_id: str
    done_by: str | None
    done_at: Instant | None
    done_note: str | None


class ReceiptsAnswer(Answer):
    """One file; `states` counts its lines."""

    id: str
    file_name: str
    sha256: str
    layout: str
    bank_account: str
    lines: int
    imported_by: str
    imported_at: Instant
    states: dict[str, int]


class WholeReceipts(ReceiptsAnswer):
    """A file, every line of it as the books stand, and the `digest` that booking asks for."""

    digest: str
    outcomes: dict[str, int]
    listed: list[LineAnswer]


def _told(session: Books, kept: BankReceipt) -> dict[str, object]:
    return {**kept.model_dump(), "states": dict(bank_receipts.states(session, [kept.id])[kept.id])}


def _whole(session: Books, kept: BankReceipt, preview: Preview) -> WholeReceipts:
    parts = bank_receipts.parts_of(session, [one.line.id for one in preview.seen])
    return WholeReceipts.model_validate(
        {
            **_told(session, kept),
            "digest": preview.digest,
            "outcomes": preview.counts(),
            "listed": [_line(one, parts.get(one.line.id, ())) for one in preview.seen],
        }
    )


def _line(seen: Seen, booked: Iterable[BankReceiptPart]) -> LineAnswer:
    parts = seen.match.parts if seen.match else booked
    return LineAnswer.model_validate(
        {
            **seen.line.model_dump(),
            "account": masked(seen.line.account),
            "outcome": seen.outcome,
            "why": seen.match.why if seen.match else "",
            "parts": [_part(part) for part in parts],
        }
    )


def _part(part: Part | BankReceiptPart) -> ReceiptPart:
    amount = format_minor(part.amount_minor, CURRENCY)
    return ReceiptPart(deal=part.deal_id, amount=amount, invoice=part.invoice_id or None)


@router.get("")
def listing(session: Books, by: By, limit: Limit = 50, cursor: Cursor = None) -> Page[ReceiptsAnswer]:
    """The files, the latest first."""
    found = bank_receipts.listing(session, by=by, before=cursor, limit=limit + 1)
    some, following = first_of(found, limit)
    return Page(items=[ReceiptsAnswer.model_validate(_told(session, one)) for one in some], next=following)


@router.post("", status_code=201)
def take(
    session: Books,
    store: Files,
    by: By,
    now: Now,
    file: Upload,
    layout: Annotated[Id, Form()] = layouts.FIRST,
    bank_account: Annotated[Name, Form(description="Which of your accounts.")] = fees.BASIC_ACCOUNT,
) -> WholeReceipts:
    """Read the list of an account. Nothing is booked yet; the same file again changes nothing."""
    kept = bank_receipts.take(
        session,
        store,
        file.file.read(),
        name=file_name(file),
        layout=layout,
        bank_account=bank_account,
        by=by,
        now=now,
    )
    return _whole(session, kept, bank_receipts.preview(session, kept.id, by=by, now=now))


@router.get("/{id}")
def get(id: PathId, session: Books, by: By, now: Now) -> WholeReceipts:
    """One file and its lines, matched as the books stand."""
    kept = bank_receipts.get(session, id, by=by)
    return _whole(session, kept, bank_receipts.preview(session, kept.id, by=by, now=now))


@router.post("/{id}/book")
def book(id: PathId, body: BookSeen, session: Books, by: By, now: Now) -> WholeReceipts:
    """Book every line that matches, as it was seen; 409 where it has changed since."""
    bank_receipts.book(session, id, seen=body.digest, by=by, now=now)
    return get(id, session, by, now)


@router.post("/lines/{id}/split")
def split(id: PathId, body: Split, session: Books, by: By, now: Now) -> LineAnswer:
    """Book one line as you say: over several deals and invoices, or in advance."""
    parts = [Part(p.deal, above_zero(p.amount, CURRENCY), p.invoice or "") for p in body.parts]
    bank_receipts.split(session, id, parts, by=by, now=now)
    return _looked(session, id, by, now)


@router.post("/lines/{id}/set-aside")
def set_aside(id: PathId, body: SetAside, session: Books, by: By, now: Now) -> LineAnswer:
    """Say that a line is no fee, or how it was dealt with."""
    bank_receipts.set_aside(session, id, note=body.note, by=by, now=now)
    return _looked(session, id, by, now)


def _looked(session: Books, line_id: str, by: By, now: Now) -> LineAnswer:
    seen = bank_receipts.look(session, line_id, by=by, now=now)
    return _line(seen, bank_receipts.parts_of(session, [line_id]).get(line_id, ()))
