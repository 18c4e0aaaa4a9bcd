"""The reconciliation of a month: every tie with its two sides, what differs, and the batches."""

from __future__ import annotations

from fastapi import Request, Response
from sqlmodel import Session

from api.doors import Books, By, Files, Now
from api.language import N_, gettext
from api.pages import lists
from api.pages.doors import pages
from api.rendering import page
from ledger import managers, payouts, reconciliation
from ledger.clock import day_of
from ledger.core import period
from ledger.core.errors import Invalid
from ledger.reconciliation import Reconciliation

router = pages()

SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHOWN = 100  # differences of one tie
TITLES = {
    "transit_and_batches": (N_("In transit, by the books"), N_("Payments the bank has not answered")),
    "vat_and_payments": (N_("VAT withheld, by the books"), N_("VAT of the payments")),
    "vat_and_turnover": (
        N_("VAT withheld, by the books, corrections in it"),
        N_("VAT that the payees' month owes"),
    ),
    "bounces_and_payments": (
        N_("Given back by the bank, by the books"),
        N_("Payments given back in the month, net"),
    ),
    "bank_and_payments": (N_("Left the bank, by the books"), N_("Payments of the month, net")),
    "tax_and_payments": (N_("Tax withheld, by the books"), N_("Payments of the month, tax")),
    "payments_and_answers": (N_("Payments of the month, net"), N_("Told by the bank's files")),
    "files_and_batches": (N_("Files that went to the bank"), N_("Batches, net")),
    "books_and_statements": (N_("Paid, by the books, before tax"), N_("Paid, by final statements")),
}
WHY = {
    "differs": N_("The amounts differ"),
    "by_hand": N_("Confirmed by hand; no file of the bank's tells of it"),
    "no_statement": N_("There is no final statement yet"),
    "file_missing": N_("The file is missing"),
    "file_damaged": N_("The file is damaged"),
}


@router.get("/reconciliation")
def show(request: Request, session: Books, store: Files, by: By, now: Now) -> Response:
    """A month, this one unless the address names another."""
    form = lists.filters(request)
    this = period.of(day_of(now))
    try:
        month = period.parse(form.text("period") or this)
    except Invalid:
        month = this
    found = reconciliation.of_month(session, store, month, by=by)
    return page(
        request,
        "reconciliation/month.html",
        form=form,
        found=found,
        earlier=period.preceding(month),
        later=period.following(month) if month < this else "",
        titles={code: tuple(map(gettext, pair)) for code, pair in TITLES.items()},
        why={code: gettext(text) for code, text in WHY.items()},
        owners=_owners(session, found),
        limit=SHOWN,
        none=payouts.Sum(),
    )


def _owners(session: Session, found: Reconciliation) -> dict[str, str]:
    """What the owners of differences are called: payments by payee and batch, batches by number."""
    ids = [one.owner for tie in found.ties for one in tie.differences[:SHOWN]]
    return (
        managers.names(session, ids)
        | payouts.numbers(session, ids)
        | payouts.payees(session, [one for one in ids if one.startswith("pl_")])
    )


@router.get("/reconciliation/{month}.xlsx")
def report(session: Books, store: Files, by: By, month: str) -> Response:
    """The same as a workbook."""
    found = reconciliation.of_month(session, store, period.parse(month), by=by)
    name = f"reconciliation-{found.period}.xlsx"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(reconciliation.report(found), media_type=SHEET, headers=headers)
