"""Fees (居间服务费): invoices, red invoices, receipts, refunds; each a document over one deal or several."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from api.doors import Books, By, Now, noun
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
    PeriodName,
    Reason,
    Reference,
    above_zero,
    first_of,
)
from ledger import deals, documents, fees, rights
from ledger.core.money import format_minor, parse_minor
from ledger.documents import Document

router = noun("fees")

Kind = Literal["fee_invoiced", "fee_credited", "fee_received", "fee_refunded"]
Parts = Annotated[
    dict[Id, Amount],
    Field(
        min_length=1,
        max_length=200,
        description="How much of it, VAT included, belongs to which deal.",
        examples=[{"D-1": "25000.00"}],
    ),
]


class NewDocument(Body):
    """A document. The same kind and number again is the same document; with other content: 409."""

    kind: Kind = Field(examples=["fee_received"])
    on: Day
    ref: Reference
    parts: Parts
    tax: Amount | None = Field(
        default=None, description="The VAT inside, for a document of one deal; else the deal's rate tells."
    )
    bank_account: Name = Field(default=fees.BASIC_ACCOUNT, description="Which of the operator's accounts.")


class Correction(Body):
    """Why a document is taken back."""

    reason: Reason


class PartAnswer(Answer):
    """How much of a document belongs to one deal."""

    fact_id: str
    deal_id: str
    client_id: str
    amount: str = Field(examples=["25000.00"])
    tax: str = Field(description="The VAT inside.", examples=["1415.09"])


class DocumentAnswer(Answer):
    """One document as it was recorded. Its id is that of the fact of its first part."""

    id: str
    kind: Kind
    ref: str = Field(examples=["YH-1"])
    on: Day
    currency: str
    amount: str
    tax: str
    parts: list[PartAnswer]
    note: str
    corrects: str | None = Field(description="The document this one takes back.")
    corrected_by: str | None = Field(description="The document that takes this one back.")
    recorded_by: str
    recorded_at: Instant

    @classmethod
    def of(cls, found: Document) -> DocumentAnswer:
        """The document as it is answered."""

        def text(minor: int) -> str:
            return format_minor(minor, found.currency)

        return cls(
            id=found.id,
            kind=found.kind,
            ref=found.number,
            on=found.on,
            currency=found.currency,
            amount=text(found.amount_minor),
            tax=text(found.tax_minor),
            parts=[
                PartAnswer(
                    fact_id=part.fact_id,
                    deal_id=part.deal_id,
                    client_id=part.client_id,
                    amount=text(part.amount_minor),
                    tax=text(part.tax_minor),
                )
                for part in found.parts
            ],
            note=found.note,
            corrects=found.corrects,
            corrected_by=found.corrected_by,
            recorded_by=found.recorded_by,
            recorded_at=found.recorded_at,
        )


@router.get("")
def listing(
    session: Books,
    by: By,
    kind: Annotated[Kind | None, Query(description="Only those of this kind.")] = None,
    period: Annotated[PeriodName | None, Query(description="Only those dated in this month.")] = None,
    deal: Annotated[Id | None, Query(description="Only those about this deal.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DocumentAnswer]:
    """Documents, the latest recorded first."""
    rows = documents.listing(
        session, by=by, kind=kind, period=period, deal_id=deal, before=cursor, limit=limit + 1
    )
    found, following = first_of(rows, limit)
    return Page(items=[DocumentAnswer.of(one) for one in found], next=following)


@router.post("", status_code=201)
def record(body: NewDocument, session: Books, by: By, now: Now) -> DocumentAnswer:
    """Record a document. The books of every deal it is about are brought up to date."""
    rights.require(by, "fee.record")
    currency = {deal_id: deals.get(session, deal_id, by=by).currency for deal_id in body.parts}
    recorded = fees.record(
        session,
        body.kind,
        on=body.on,
        ref=body.ref,
        parts={deal_id: above_zero(amount, currency[deal_id]) for deal_id, amount in body.parts.items()},
        tax_minor=None if body.tax is None else parse_minor(body.tax, next(iter(currency.values()))),
        bank_account=body.bank_account,
        by=by,
        now=now,
    )
    return DocumentAnswer.of(documents.get(session, recorded[0].id, by=by))


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> DocumentAnswer:
    """The document a fact is part of."""
    return DocumentAnswer.of(documents.get(session, id, by=by))


@router.post("/{id}/correct", status_code=201)
def correct(id: PathId, body: Correction, session: Books, by: By, now: Now) -> DocumentAnswer:
    """Take back the whole document a fact is part of: the opposite is recorded. Then record the right one."""
    taken = fees.correct(session, id, reason=body.reason, by=by, now=now)
    return DocumentAnswer.of(documents.get(session, taken[0].id, by=by))
