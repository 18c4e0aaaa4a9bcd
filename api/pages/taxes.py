"""Tax, for finance: what was withheld month by month, its return and other lists, and remitting it."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_
from api.pages import fields
from api.pages.doors import pages, see
from api.rendering import page
from api.routes.taxes import MEDIA
from api.words import sentence
from ledger import remittances, tax_returns
from ledger.clock import day_of
from ledger.core import money
from ledger.core import period as months
from ledger.core.errors import Conflict, Invalid
from ledger.users import User

router = pages()


@router.get("/tax")
def listing(request: Request, session: Books, by: By, now: Now) -> Response:
    """Every month with tax, and the quarter's report."""
    return _listing(request, session, by, Form(span=_quarter(now)))


def _listing(request: Request, session: Session, by: User, form: Form) -> Response:
    status = 422 if form.errors else 200
    found = remittances.standing(session, by=by)
    return page(request, "tax/list.html", status=status, months=found, form=form)


def _quarter(now: datetime) -> str:
    """The quarter that is over: its report is due now."""
    last = months.preceding(months.of(day_of(now)))
    while int(last[5:]) % 3:
        last = months.preceding(last)
    return f"{last[:4]}Q{int(last[5:]) // 3}"


@router.get("/tax/{period}")
def month(request: Request, session: Books, by: By, now: Now, period: str) -> Response:
    """One month's return, payee by payee, and what was remitted."""
    return _month(request, session, by, now, period, Form())


def _month(
    request: Request,
    session: Session,
    by: User,
    now: datetime,
    period: str,
    form: Form,
    of: remittances.Of = "iit",
) -> Response:
    """`form` is what was sent to remit tax `of` a kind; the other kind's form is as it was."""
    found = remittances.standing(session, by=by)
    none = remittances.Month(period, 0, 0)
    one = next((one for one in found if one.period == period), none)
    vats = remittances.standing(session, of="vat", by=by)
    vat = next((one for one in vats if one.period == period), none)
    forms = {"iit": Form(), "vat": Form()} | {of: form}
    for kind, standing in (("iit", one), ("vat", vat)):
        amount = money.format_minor(max(standing.open_minor, 0), "CNY")
        forms[kind].defaults = {"amount": amount, "on": str(day_of(now))} | forms[kind].defaults
    return page(
        request,
        "tax/month.html",
        status=422 if form.errors else 200,
        month=one,
        vat=vat,
        rows=tax_returns.rows(session, period, by=by),
        remitted=remittances.of_month(session, period, by=by),
        waiting=tax_returns.on_the_way(session, period),
        form=forms["iit"],
        vat_form=forms["vat"],
    )


@router.post("/tax/exports")
def export(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """A list as a file; that it was taken is noted, for it has numbers of documents in clear."""
    kind, how = form.text("kind"), form.text("format")
    if kind not in ("withholding", "platform", "wages", "vat") or how not in MEDIA:
        return see("/tax")
    try:
        name, content = tax_returns.export(session, kind, form.text("span"), how, by=by, now=now)  # type: ignore[arg-type]
    except Invalid as refusal:
        form.refuse("span", sentence(refusal))
        return _listing(request, session, by, form)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(content, media_type=MEDIA[how], headers=headers)


BESIDE = {
    "remittance_ref": "ref",
    "entry_exists": "ref",
    "tax_not_withheld": "amount",
    "amount_not_positive": "amount",
    "day_in_future": "on",
}


@router.post("/tax/{period}/remit")
def remit(request: Request, session: Books, by: By, now: Now, period: str, form: Filled) -> Response:
    """The tax of a month was paid to the tax office."""
    months.parse(period)
    of: remittances.Of = "vat" if form.text("of") == "vat" else "iit"
    minor, on = form.parsed("amount", fields.above_zero), form.parsed("on", fields.day)
    ref = form.required("ref")
    if minor is not None and on is not None and ref:
        try:
            remittances.remit(session, period, amount_minor=minor, on=on, ref=ref, of=of, by=by, now=now)
        except (Conflict, Invalid) as refusal:
            form.refuse(BESIDE.get(refusal.code, ""), sentence(refusal))
    if not form.ok:
        return _month(request, session, by, now, period, form, of)
    response = see(f"/tax/{period}")
    flash.put(response, N_("Remitted. What was withheld is cleared in the books."))
    return response
