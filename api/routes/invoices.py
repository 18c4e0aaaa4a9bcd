"""Invoices of payees (收款人发票): who invoices is paid against an invoice on file, and not without one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import File, Form, Query, Response, UploadFile

from api.doors import Books, By, Files, Now, noun
from api.routes.evidence import download
from api.values import Amount, Answer, Body, Currency, Day, Id, Instant, Page, PathId, Reason, Reference
from ledger import invoices
from ledger.core.money import format_minor, parse_minor
from ledger.invoices import PayeeInvoice

router = noun("invoices")


class InvoiceAnswer(Answer):
    """One invoice on file."""

    id: str
    manager_id: str
    number: str
    issued_on: Day
    currency: Currency
    amount: Amount
    file_name: str
    sha256: str
    size: int
    added_by: str
    added_at: Instant


class StandingInvoice(InvoiceAnswer):
    """One that counts, and how much of it no payment has used yet."""

    free: Amount


class TakingBack(Body):
    """Why it counts no more."""

    reason: Reason


def _shown(invoice: PayeeInvoice) -> dict[str, Any]:
    return {
        **invoice.model_dump(exclude={"amount_minor", "media_type"}),
        "amount": format_minor(invoice.amount_minor, invoice.currency),
    }


@router.get("")
def listing(
    session: Books,
    by: By,
    manager: Annotated[Id, Query(description="Whose.")],
    currency: Currency = "CNY",
) -> Page[StandingInvoice]:
    """A payee's invoices that count, the oldest first, on one page."""
    found = invoices.standing(session, manager, currency=currency, by=by)
    items = [
        StandingInvoice(**_shown(one.invoice), free=format_minor(one.free_minor, currency)) for one in found
    ]
    return Page(items=items, next=None)


@router.post("", status_code=201)
def add(
    session: Books,
    store: Files,
    by: By,
    now: Now,
    manager_id: Annotated[Id, Form()],
    number: Annotated[Reference, Form()],
    issued_on: Annotated[Day, Form()],
    amount: Annotated[Amount, Form()],
    file: Annotated[UploadFile, File(description="What shows it, at most 20 MB.")],
    currency: Annotated[Currency, Form()] = "CNY",
) -> InvoiceAnswer:
    """Put an invoice on file. The same number again is refused."""
    invoice = invoices.add(
        session,
        store,
        manager_id,
        number=number,
        issued_on=issued_on,
        amount_minor=parse_minor(amount, currency),
        file_name=file.filename or "file",
        content=file.file.read(),
        currency=currency,
        by=by,
        now=now,
    )
    return InvoiceAnswer(**_shown(invoice))


@router.get(
    "/{id}/file",
    response_class=Response,
    responses={200: {"description": "The file.", "content": {"application/octet-stream": {}}}},
)
def file(id: PathId, session: Books, store: Files, by: By) -> Response:
    """What shows it, as a download."""
    invoice = invoices.get(session, id, by=by)
    return download(store.get(invoice.sha256), invoice.file_name)


@router.post("/{id}/take-back")
def take_back(id: PathId, body: TakingBack, session: Books, by: By, now: Now) -> InvoiceAnswer:
    """It is wrong or was cancelled and counts no more."""
    return InvoiceAnswer(**_shown(invoices.take_back(session, id, reason=body.reason, by=by, now=now)))
