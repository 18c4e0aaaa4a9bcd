"""The bank's answers: sending a file in, its rows, and the list of those that wait for a person."""

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
from api.rendering import page
from api.words import sentence
from ledger import bank_returns, layouts, payouts, rights, users
from ledger.bank_returns import BankReturn, BankReturnRow
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.files import Store
from ledger.managers import masked
from ledger.users import User

router = pages()

ROWS = 200  # of a file on one page
OPEN_SHOWN = 20  # rows that wait, above the list of files

WHY = {
    "no_reference": N_("The row has no reference of ours"),
    "several_references": N_("The row has several references of ours"),
    "reference_unknown": N_("No payment of this reference was sent"),
    "amount_unreadable": N_("The amount cannot be read"),
    "amount_differs": N_("The amount is not the payment's"),
    "account_differs": N_("The account is not the payment's"),
    "result_unknown": N_("The layout does not know what this result means"),
    "day_missing": N_("The row does not say on which day the bank paid"),
    "day_unreadable": N_("The day cannot be read"),
    "answered_otherwise": N_("The payment was answered otherwise before"),
    "bounced_before_paid": N_("Given back before the day it was paid"),
    "file_contradicts": N_("The file says two things about this payment"),
    "value_month_differs": N_("Paid in another month than the batch was taxed for"),
    "day_in_future": N_("The day is in the future"),
    "paid_before_made": N_("The day is before the batch was made"),
}
OUTCOMES = {
    "paid": (N_("Paid"), "good"),
    "returned": (N_("Returned by the bank"), "bad"),
    "bounced": (N_("Given back after payment"), "bad"),
    "known": (N_("Known before"), "neutral"),
    "unmatched": (N_("For a person"), "warn"),
}


@router.get("/bank-returns")
def listing(request: Request, session: Books, by: By) -> Response:
    """The files, what waits for a person, and the form to send another in."""
    return _listing(request, session, by, Form(layout=layouts.FIRST))


def _listing(request: Request, session: Session, by: User, form: Form) -> Response:
    before = request.query_params.get("before")
    found = bank_returns.listing(session, by=by, before=before, limit=lists.SHOWN + 1)
    rows, older = lists.cut(request, found)
    waiting = bank_returns.waiting(session, limit=OPEN_SHOWN + 1)
    return page(
        request,
        "bank_returns/list.html",
        status=422 if form.errors else 200,
        form=form,
        found=rows,
        older=older,
        outcomes=bank_returns.outcomes(session, [one.id for one in rows]),
        people=users.names(session, [one.imported_by for one in rows]),
        layouts=_layouts(session, by),
        may_import=rights.allows(by, "payout.confirm"),
        waiting=waiting[:OPEN_SHOWN],
        more_waiting=len(waiting) > OPEN_SHOWN,
        **_words(session, waiting),
    )


def _layouts(session: Session, by: User) -> list[tuple[str, str]]:
    found = layouts.listing(session, by=by)
    return [(one.id, either(one.title_zh, one.title_en)) for one in found if one.answer]


def _words(session: Session, rows: Sequence[BankReturnRow]) -> dict[str, Any]:
    """What a table of rows needs beside them."""
    return {
        "why": {code: gettext(text) for code, text in WHY.items()},
        "outcome": {code: (gettext(text), tone) for code, (text, tone) in OUTCOMES.items()},
        "masked": masked,
        "numbers": payouts.numbers(session, [row.payout_id for row in rows]),
        "done": users.names(session, [row.done_by or "" for row in rows]),
    }


@router.post("/bank-returns")
def take(request: Request, session: Books, store: Files, by: By, now: Now, form: Filled) -> Response:
    """Read a file the bank sent."""
    rights.require(by, "payout.confirm")
    kept = _taken(session, store, by, now, form)
    if kept is None:
        return _listing(request, session, by, form)
    response = see(f"/bank-returns/{kept.id}")
    if kept.imported_at == now:
        flash.put(response, N_("The bank's answer is applied, row by row."))
    else:
        flash.put(response, N_("This file was imported before. Nothing was changed."))
    return response


def _taken(session: Session, store: Store, by: User, now: datetime, form: Form) -> BankReturn | None:
    day = form.parsed("paid_on", fields.day) if form.text("paid_on") else None
    files = form.files("file")
    if not files:
        form.refuse("file", gettext("Please choose a file."))
    if not form.ok:
        return None
    try:
        return bank_returns.take(
            session,
            store,
            files[0].file.read(),
            name=fields.plainly(files[0].filename or ""),
            layout=form.text("layout") or layouts.FIRST,
            paid_on=day,
            by=by,
            now=now,
        )
    except (Invalid, Conflict, NotFound) as refusal:
        form.refuse("file", sentence(refusal))
        return None


@router.get("/bank-returns/{return_id}")
def show(request: Request, session: Books, by: By, return_id: str) -> Response:
    """One file, row by row."""
    return _show(request, session, by, bank_returns.get(session, return_id, by=by), Form())


def _show(request: Request, session: Session, by: User, kept: BankReturn, form: Form) -> Response:
    outcome = request.query_params.get("outcome", "")
    after = request.query_params.get("after", "0")
    found = bank_returns.rows_of(
        session,
        kept.id,
        outcome=outcome if outcome in OUTCOMES else "",
        after=int(after) if after.isascii() and after.isdigit() and len(after) < 9 else 0,
        limit=ROWS + 1,
    )
    rows = found[:ROWS]
    return page(
        request,
        "bank_returns/return.html",
        status=422 if form.errors else 200,
        form=form,
        kept=kept,
        rows=rows,
        shown=outcome,
        more=lists.address(request, after=str(rows[-1].row)) if len(found) > ROWS else "",
        outcomes=bank_returns.outcomes(session, [kept.id])[kept.id],
        people=users.names(session, [kept.imported_by]),
        layout=layout_title(session, kept.layout),
        may_import=rights.allows(by, "payout.confirm"),
        **_words(session, rows),
    )


@router.post("/bank-returns/{return_id}/rows/{row_id}")
def set_aside(
    request: Request, session: Books, by: By, now: Now, return_id: str, row_id: str, form: Filled
) -> Response:
    """Say how a row that did not match was dealt with."""
    kept = bank_returns.get(session, return_id, by=by)
    form.required("note")
    if form.ok:
        try:
            bank_returns.set_aside(session, row_id, note=form.text("note"), by=by, now=now)
        except (Invalid, Conflict) as refusal:
            form.refuse("note", sentence(refusal))
    if not form.ok:
        return _show(request, session, by, kept, form)
    response = see(f"/bank-returns/{kept.id}?outcome=unmatched")
    flash.put(response, N_("Noted; the row waits no longer."))
    return response
