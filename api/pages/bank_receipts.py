"""Money in from the bank's own list: reading it, looking at what it comes to, booking, splitting by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Files, Now
from api.forms import Filled, Form
from api.language import N_, either, gettext
from api.pages import fields, lists
from api.pages.bank_layouts import layout_title
from api.pages.doors import pages, see
from api.pages.fees import meant, offered
from api.rendering import page
from api.words import sentence
from ledger import bank_receipts, deals, documents, facts, fees, layouts, rights, users
from ledger.bank_receipts import Preview, Seen
from ledger.core.bank_receipt import Open, Part
from ledger.core.errors import Conflict, Invalid, NotFound, Refused
from ledger.files import Store
from ledger.managers import masked
from ledger.open_invoices import CURRENCY
from ledger.receipt_lines import BankReceipt, BankReceiptLine
from ledger.users import User

router = pages()

ROWS = 200  # of a file on one page
OPEN_SHOWN = 20  # lines that wait, above the list of files
MOST_ROWS = 20  # deals a line is split over, beside its invoices

WHY = {
    "amount_unreadable": N_("The amount cannot be read"),
    "day_unreadable": N_("The day cannot be read"),
    "day_in_future": N_("The day is in the future"),
    "payer_unknown": N_("Nobody of this name is a client"),
    "payer_differs": N_("The invoice or deal it names is another client's"),
    "invoice_paid": N_("The invoice it names is paid already"),
    "several_deals": N_("It names several deals that are not invoiced yet"),
    "amount_above": N_("It is more than is open of the invoices it names"),
    "amount_below": N_("It is less than is open of the invoices it names"),
    "several_fit": N_("Several open invoices have this amount"),
    "none_fits": N_("No open invoice of this client has this amount"),
    "nothing_open": N_("This client has no open invoice, and no deal is named"),
    "recorded_by_hand": N_("A receipt of this client, day and amount was recorded by hand"),
    "recorded_otherwise": N_("This number was recorded with another day or amount"),
    "taken_back": N_("The receipt it was booked as was taken back"),
}
OUTCOMES = {
    "matched": (N_("To be booked"), "good"),
    "advance": (N_("To be booked in advance"), "info"),
    "unmatched": (N_("For a person"), "warn"),
    "booked": (N_("Booked"), "good"),
    "known": (N_("Known before"), "neutral"),
    "set_aside": (N_("Set aside"), "neutral"),
}


@router.get("/bank-receipts")
def listing(request: Request, session: Books, by: By, now: Now) -> Response:
    """The files, the lines that wait for a person, and the form to send a list in."""
    form = Form(layout=layouts.FIRST, bank_account=fees.BASIC_ACCOUNT)
    return _listing(request, session, by, now, form)


def _listing(request: Request, session: Session, by: User, now: datetime, form: Form) -> Response:
    before = request.query_params.get("before")
    found = bank_receipts.listing(session, by=by, before=before, limit=lists.SHOWN + 1)
    rows, older = lists.cut(request, found)
    waiting = bank_receipts.waiting(session, by=by, now=now)
    return page(
        request,
        "bank_receipts/list.html",
        status=422 if form.errors else 200,
        form=form,
        found=rows,
        older=older,
        states=bank_receipts.states(session, [one.id for one in rows]),
        people=users.names(session, [one.imported_by for one in rows]),
        layouts=[
            (one.id, either(one.title_zh, one.title_en))
            for one in layouts.listing(session, by=by)
            if one.receipts
        ]
        if rights.allows(by, "fee.record")
        else [],
        waiting=waiting[:OPEN_SHOWN],
        more_waiting=len(waiting) > OPEN_SHOWN,
        **_words(session, by, waiting[:OPEN_SHOWN]),
    )


def _words(session: Session, by: User, rows: Sequence[Seen]) -> dict[str, Any]:
    """What a table of lines needs beside them."""
    booked = bank_receipts.parts_of(session, [one.line.id for one in rows])
    parts = {one.line.id: one.match.parts if one.match else booked.get(one.line.id, ()) for one in rows}
    deal_ids = [part.deal_id for some in parts.values() for part in some]
    invoices = [part.invoice_id for some in parts.values() for part in some if part.invoice_id]
    return {
        "why": {code: gettext(text) for code, text in WHY.items()},
        "outcome": {code: (gettext(text), tone) for code, (text, tone) in OUTCOMES.items()},
        "masked": masked,
        "parts": parts,
        "deals": deals.by_id(session, deal_ids),
        "numbers": {fact.id: documents.number(fact) for fact in facts.some(session, invoices)},
        "done": users.names(session, [one.line.done_by or "" for one in rows]),
        "may_record": rights.allows(by, "fee.record"),
    }


@router.post("/bank-receipts")
def take(request: Request, session: Books, store: Files, by: By, now: Now, form: Filled) -> Response:
    """Read a list the bank gave; nothing is booked."""
    rights.require(by, "fee.record")
    kept = _taken(session, store, by, now, form)
    if kept is None:
        return _listing(request, session, by, now, form)
    response = see(f"/bank-receipts/{kept.id}")
    if kept.imported_at != now:
        flash.put(response, N_("This file was imported before. Nothing was changed."), tone="info")
    return response


def _taken(session: Session, store: Store, by: User, now: datetime, form: Form) -> BankReceipt | None:
    files = form.files("file")
    if not files:
        form.refuse("file", gettext("Please choose a file."))
        return None
    try:
        return bank_receipts.take(
            session,
            store,
            files[0].file.read(),
            name=fields.plainly(files[0].filename or ""),
            layout=form.text("layout") or layouts.FIRST,
            bank_account=form.text("bank_account"),
            by=by,
            now=now,
        )
    except (Invalid, Conflict, NotFound) as refusal:
        form.refuse("file", sentence(refusal))
        return None


# One file


@router.get("/bank-receipts/{file_id}")
def show(request: Request, session: Books, by: By, now: Now, file_id: str) -> Response:
    """What booking would do, and every line."""
    return _show(request, session, by, now, bank_receipts.get(session, file_id, by=by))


def _show(
    request: Request, session: Session, by: User, now: datetime, kept: BankReceipt, refused: str = ""
) -> Response:
    preview = bank_receipts.preview(session, kept.id, by=by, now=now)
    outcome = request.query_params.get("outcome", "")
    after = request.query_params.get("after", "0")
    wanted = [one for one in preview.seen if not outcome or one.outcome == outcome]
    first = int(after) if after.isascii() and after.isdigit() and len(after) < 9 else 0
    rows = [one for one in wanted if one.line.row > first]
    more = lists.address(request, after=str(rows[ROWS - 1].line.row)) if len(rows) > ROWS else ""
    return page(
        request,
        "bank_receipts/file.html",
        status=409 if refused else 200,
        kept=kept,
        refused=refused,
        preview=preview,
        counts=preview.counts(),
        sums=preview.sums_minor(),
        deal_count=len({part.deal_id for one in preview.proposed if one.match for part in one.match.parts}),
        rows=rows[:ROWS],
        shown=outcome,
        more=more,
        people=users.names(session, [kept.imported_by]),
        layout=layout_title(session, kept.layout),
        **_words(session, by, rows[:ROWS]),
    )


@router.post("/bank-receipts/{file_id}/book")
def book(request: Request, session: Books, by: By, now: Now, file_id: str, form: Filled) -> Response:
    """Book what was seen."""
    rights.require(by, "fee.record")
    kept = bank_receipts.get(session, file_id, by=by)
    try:
        booked: Preview = bank_receipts.book(session, kept.id, seen=form.text("digest"), by=by, now=now)
    except Conflict as refusal:
        return _show(request, session, by, now, kept, sentence(refusal))
    response = see(f"/bank-receipts/{kept.id}")
    flash.put(
        response,
        N_("{count} receipts are booked, and everyone's commission with them."),
        count=len(booked.proposed),
    )
    return response


# One line


@router.get("/bank-receipts/lines/{line_id}")
def line(request: Request, session: Books, by: By, now: Now, line_id: str) -> Response:
    """A line, and the form to split it; what it may be about is filled in."""
    seen = bank_receipts.look(session, line_id, by=by, now=now)
    form = Form(**_suggested(session, seen))
    return _line(request, session, by, seen, form)


def _suggested(session: Session, seen: Seen) -> dict[str, str]:
    """The parts a line may have, as the form's fields."""
    given: dict[str, str] = {}
    for part in seen.match.parts if seen.match else ():
        amount = fields.written(part.amount_minor, CURRENCY)
        if part.invoice_id:
            given[f"invoice-{part.invoice_id}"] = amount
        else:
            deal = deals.by_id(session, [part.deal_id])[part.deal_id]
            given |= {"deal-1": offered(deal), "amount-1": amount}
    return given


def _line(request: Request, session: Session, by: User, seen: Seen, form: Form, *, more: int = 0) -> Response:
    invoices = bank_receipts.open_invoices_for(session, seen.line)
    theirs = {one.deal_id for one in invoices}
    amounts = [fields.tried(form.text(name)) for name in _amounts(form, invoices)]
    return page(
        request,
        "bank_receipts/line.html",
        block="spread" if form.text("do") == "sum" else "form" if form.text("do") == "add" else "",
        status=422 if form.errors else 200,
        form=form,
        seen=seen,
        line=seen.line,
        file=bank_receipts.get(session, seen.line.file_id, by=by),
        invoices=invoices,
        invoice_deals=deals.by_id(session, theirs),
        no_rows=min(_rows(form) + more, MOST_ROWS),
        spread=documents.spread(seen.line.amount_minor or 0, amounts),
        offered=[offered(deal) for deal in deals.listing(session, by=by, limit=100)],
        can_split=_can_split(seen) and rights.allows(by, "fee.record"),
        **_words(session, by, [seen]),
    )


def _can_split(seen: Seen) -> bool:
    line: BankReceiptLine = seen.line
    waits = seen.match is not None and seen.outcome != "known"
    return (waits or line.state == "set_aside") and line.amount_minor is not None and line.day is not None


def _rows(form: Form) -> int:
    text = form.text("rows")
    return min(int(text), MOST_ROWS) if text.isascii() and text.isdigit() and 0 < len(text) < 3 else 1


def _amounts(form: Form, invoices: Sequence[Open]) -> list[str]:
    """The names of every field that holds a part."""
    return [f"invoice-{one.invoice_id}" for one in invoices] + [
        f"amount-{no}" for no in range(1, _rows(form) + 1)
    ]


@router.post("/bank-receipts/lines/{line_id}/split")
def split(request: Request, session: Books, by: By, now: Now, line_id: str, form: Filled) -> Response:
    """One more row, the sum so far, or the split itself."""
    rights.require(by, "fee.record")
    seen = bank_receipts.look(session, line_id, by=by, now=now)
    if form.text("do") in ("add", "sum"):
        return _line(request, session, by, seen, form, more=int(form.text("do") == "add"))
    parts = _parts(session, by, form, bank_receipts.open_invoices_for(session, seen.line))
    if form.ok:
        try:
            bank_receipts.split(session, line_id, parts, by=by, now=now)
        except Refused as refusal:
            form.refuse("", sentence(refusal))
    if not form.ok:
        return _line(request, session, by, seen, form)
    response = see(f"/bank-receipts/{seen.line.file_id}")
    flash.put(response, N_("Booked as you split it, and the books are up to date."))
    return response


def _parts(session: Session, by: User, form: Form, invoices: Sequence[Open]) -> list[Part]:
    """What was filled in, field by field; what cannot be read is said beside it."""
    parts = []
    for one in invoices:
        name = f"invoice-{one.invoice_id}"
        amount = form.parsed(name, fields.above_zero) if form.text(name) else None
        if amount:
            parts.append(Part(one.deal_id, amount, one.invoice_id))
    for no in range(1, _rows(form) + 1):
        if form.text(f"deal-{no}") or form.text(f"amount-{no}"):
            deal = form.parsed(f"deal-{no}", lambda text: meant(session, by, text))
            amount = form.parsed(f"amount-{no}", fields.above_zero)
            if deal and amount:
                parts.append(Part(deal.id, amount))
    return parts


@router.post("/bank-receipts/lines/{line_id}/set-aside")
def set_aside(request: Request, session: Books, by: By, now: Now, line_id: str, form: Filled) -> Response:
    """Say that a line is no fee, or how it was dealt with."""
    rights.require(by, "fee.record")
    seen = bank_receipts.look(session, line_id, by=by, now=now)
    note = form.required("note")
    if form.ok:
        try:
            bank_receipts.set_aside(session, line_id, note=note, by=by, now=now)
        except Conflict as refusal:
            form.refuse("note", sentence(refusal))
    if not form.ok:
        return _line(request, session, by, seen, form)
    response = see(f"/bank-receipts/{seen.line.file_id}")
    flash.put(response, N_("Set aside; the line waits no longer."))
    return response
