"""Money in: papers about fees, the forms that record them and take them back, what clients owe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import cast

from fastapi import Request, Response
from sqlmodel import Session

from api import flash, labels
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_, gettext
from api.pages import fields, lists, vouchers
from api.pages.doors import pages, see
from api.pages.lists import SHOWN
from api.rendering import page
from api.words import sentence
from ledger import (
    accounts,
    bank_receipts,
    clock,
    deals,
    documents,
    fees,
    open_invoices,
    organisations,
    rights,
    users,
)
from ledger.core import period as months
from ledger.core.entry import ADVANCES, RECEIVABLE
from ledger.core.errors import Invalid, NotFound, Refused
from ledger.core.facts import FeeKind
from ledger.deals import Deal
from ledger.facts import Fact
from ledger.users import User

router = pages()

MOST_ROWS = 40
SUGGESTED = 100  # deals the browser offers while somebody types
IN_BRACKETS = re.compile(r".*[(（]([^()（）]+)[)）]\s*")

# Which field a refusal of `fees.record` is about.
FIELDS = {
    "ref_missing": "number",
    "fact_exists": "number",
    "entry_exists": "number",
    "day_in_future": "on",
    "tax_invalid": "tax",
    "fee_below_zero": "total",
    "vat_below_zero": "tax",
    "parts_not_total": "total",
    "parts_open": "total",
}


def kinds() -> list[tuple[str, str]]:
    """The kinds of paper, to choose from."""
    return [(kind, labels.entry_kind(kind)) for kind in fees.KINDS]


@router.get("/fees")
def listing(request: Request, session: Books, by: By) -> Response:
    """Every paper, the latest recorded first."""
    form = lists.filters(request)
    period = form.parsed("period", months.parse) if form.text("period") else None
    found = documents.listing(
        session,
        by=by,
        kind=form.text("kind") or None,
        period=period,
        number=form.text("number") or None,
        deal_id=form.text("deal") or None,
        before=form.text("before") or None,
        limit=SHOWN + 1,
    )
    rows, older = lists.cut(request, found)
    return page(
        request,
        "fees/list.html",
        block="rows",
        form=form,
        kinds=kinds(),
        documents=rows,
        older=older,
        may_record=rights.allows(by, "fee.record"),
        owed_minor=accounts.total_of(session, RECEIVABLE),
        advanced_minor=accounts.total_of(session, ADVANCES),
    )


# What clients owe


@router.get("/fees/receivables")
def receivables(request: Request, session: Books, by: By, after: str = "") -> Response:
    """What each client owes, and what each has paid before its invoice."""
    found = accounts.across(session, (RECEIVABLE, ADVANCES), after=after, limit=SHOWN + 1, by=by)
    rows, more = lists.cut(request, found, "owner", cursor="after")
    return page(
        request,
        "fees/receivables.html",
        rows=rows,
        more=more,
        clients=organisations.names(session, [row.owner for row in rows]),
        owed_minor=accounts.total_of(session, RECEIVABLE),
        advanced_minor=accounts.total_of(session, ADVANCES),
        receivable=RECEIVABLE,
        advances=ADVANCES,
    )


# Recording one


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the form as far as it could be read: a deal, and how much of the paper is its own."""

    deal: Deal | None
    amount_minor: int | None


@router.get("/fees/new")
def new(
    request: Request, session: Books, by: By, now: Now, kind: str = "fee_received", deal: str = ""
) -> Response:
    """An empty form."""
    rights.require(by, "fee.record")
    form = Form(kind=_known(kind), on=clock.day_of(now).isoformat(), bank_account=fees.BASIC_ACCOUNT)
    if deal:
        form.defaults["deal-1"] = offered(deals.get(session, deal, by=by))
    return _form(request, session, by, form)


def _known(kind: str) -> str:
    if kind not in fees.KINDS:
        raise NotFound("fee_kind_unknown", "there is no fee fact “{kind}”", kind=kind)
    return kind


def offered(deal: Deal) -> str:
    """A deal as the browser offers it while somebody types; `meant` reads it."""
    return f"{deal.title} ({deal.id})"


def _form(request: Request, session: Session, by: User, form: Form, *, more: int = 0) -> Response:
    rows = min(_rows(form) + more, MOST_ROWS)
    return page(
        request,
        "fees/new.html",
        block="spread" if form.text("do") == "sum" else "form",
        status=422 if form.errors else 200,
        form=form,
        kind=form.text("kind"),
        rows=rows,
        spread=_spread(session, by, form),
        offered=[offered(deal) for deal in deals.listing(session, by=by, limit=SUGGESTED)],
    )


def _rows(form: Form) -> int:
    text = form.text("rows")
    return min(int(text), MOST_ROWS) if re.fullmatch("[1-9][0-9]?", text) else 1


def _spread(session: Session, by: User, form: Form) -> documents.Spread | None:
    """What is left of the total, where there is one; nothing is refused yet."""
    tried = Form(form.fields, **form.defaults)
    rows = _read(session, by, tried)
    total = tried.parsed("total", partial(fields.above_zero, currency=_currency(rows)))
    if total is None or _rows(form) == 1:
        return None
    return documents.spread(total, [row.amount_minor for row in rows if row.amount_minor is not None])


@router.post("/fees/new")
def record(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """One more row, the sum so far, or the paper itself."""
    rights.require(by, "fee.record")
    _known(form.text("kind"))
    if form.text("do") in ("add", "sum"):
        return _form(request, session, by, form, more=int(form.text("do") == "add"))
    recorded = _recorded(session, by, now, form)
    if recorded is None:
        return _form(request, session, by, form)
    response = see(f"/fees/{recorded[0].id}")
    if recorded[0].recorded_at == now:
        flash.put(response, N_("Recorded, and the books are up to date."))
    else:
        flash.put(response, N_("This document was recorded before; nothing was added."), tone="info")
    return response


def _recorded(session: Session, by: User, now: datetime, form: Form) -> list[Fact] | None:
    """The paper's facts; None where something needs mending, which the form then says."""
    on, number, rows = form.parsed("on", fields.day), form.required("number"), _read(session, by, form)
    currency = _currency(rows)
    total = form.parsed("total", partial(fields.above_zero, currency=currency))
    tax = _tax(form, currency)
    if not form.ok or on is None or total is None:
        return None
    try:
        shares = documents.shares(total, [row.amount_minor for row in rows], currency)
        return fees.record(
            session,
            cast("FeeKind", form.text("kind")),
            on=on,
            parts={row.deal.id: share for row, share in zip(rows, shares, strict=True) if row.deal},
            ref=number,
            tax_minor=tax,
            bank_account=form.text("bank_account") or fees.BASIC_ACCOUNT,
            by=by,
            now=now,
        )
    except Refused as refusal:
        form.refuse(FIELDS.get(refusal.code, ""), sentence(refusal))
        return None


def _tax(form: Form, currency: str) -> int | None:
    if not form.text("tax"):
        return None
    return form.parsed("tax", partial(fields.amount, currency=currency))


def _currency(rows: list[Row]) -> str:
    return next((row.deal.currency for row in rows if row.deal), "CNY")


def _read(session: Session, by: User, form: Form) -> list[Row]:
    """The rows that say anything; where none does, the first one needs mending."""
    given = [no for no in range(1, _rows(form) + 1) if form.text(f"deal-{no}") or form.text(f"amount-{no}")]
    rows: list[Row] = []
    for no in given or [1]:
        deal = form.parsed(f"deal-{no}", partial(meant, session, by))
        if deal is not None and any(row.deal and row.deal.id == deal.id for row in rows):
            form.refuse(f"deal-{no}", gettext("This deal is in a row above already."))
        currency = deal.currency if deal else "CNY"
        amount = (
            form.parsed(f"amount-{no}", partial(fields.above_zero, currency=currency))
            if form.text(f"amount-{no}")
            else None
        )
        rows.append(Row(deal, amount))
    return rows


def meant(session: Session, by: User, text: str) -> Deal:
    """The deal of an id, also where it stands in brackets behind its title."""
    bracketed = IN_BRACKETS.fullmatch(text)
    deal_id = bracketed[1].strip() if bracketed else text
    try:
        return deals.get(session, deal_id, by=by)
    except NotFound as refusal:
        raise Invalid(refusal.code, refusal.text, **refusal.facts) from None


# One paper


@router.get("/fees/{fact_id}")
def document(request: Request, session: Books, by: By, fact_id: str) -> Response:
    """A paper, its entry, and what it led to."""
    found = documents.get(session, fact_id, by=by)
    entry = documents.entry_of(session, found)
    return page(
        request,
        "fees/document.html",
        document=found,
        vouchers=vouchers.of(session, [entry] if entry else []),
        after=documents.entries_after(session, found),
        open_minor=_open(session, found),
        line=bank_receipts.line_of(session, found.id),
        recorded_by=users.names(session, [found.recorded_by]).get(found.recorded_by, ""),
        may_correct=found.can_be_corrected and rights.allows(by, "fee.record"),
    )


def _open(session: Session, found: documents.Document) -> int | None:
    """What is open of an invoice that stands."""
    if found.kind != "fee_invoiced" or found.corrected_by:
        return None
    facts = [part.fact_id for part in found.parts]
    return open_invoices.of_invoice(session, facts, [part.deal_id for part in found.parts])


@router.get("/fees/{fact_id}/correct")
def ask_correct(request: Request, session: Books, by: By, fact_id: str) -> Response:
    """Why is it wrong?"""
    rights.require(by, "fee.record")
    return _asked(request, documents.get(session, fact_id, by=by), Form())


def _asked(request: Request, found: documents.Document, form: Form) -> Response:
    status = 422 if form.errors else 200
    return page(request, "fees/correct.html", status=status, document=found, form=form)


@router.post("/fees/{fact_id}/correct")
def correct(request: Request, session: Books, by: By, now: Now, fact_id: str, form: Filled) -> Response:
    """Take the paper back."""
    found = documents.get(session, fact_id, by=by)
    try:
        opposite = fees.correct(session, found.id, reason=form.text("reason"), by=by, now=now)
    except Invalid as refusal:
        form.refuse("reason", sentence(refusal))
        return _asked(request, found, form)
    response = see(f"/fees/{opposite[0].id}")
    flash.put(response, N_("Taken back. Record the right document as a new one."))
    return response
