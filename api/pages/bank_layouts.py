"""Bank layouts: what there is, one's own as YAML, and from whose account is paid."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_, either
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import layouts, rights, sending, settings
from ledger.clock import day_of
from ledger.core.errors import Conflict, Invalid
from ledger.users import User

router = pages()

PAYER = {
    "name": settings.PAYER_NAME,
    "bank": settings.PAYER_BANK,
    "account": settings.PAYER_ACCOUNT,
    "cnaps": settings.PAYER_CNAPS,
}


def layout_title(session: Session, name: str) -> str:
    """What a layout is called, in the language at hand."""
    found = layouts.get(session, name)
    return either(found.title_zh, found.title_en)


@router.get("/bank-layouts")
def listing(request: Request, session: Books, by: By, now: Now) -> Response:
    """Every layout; the address may name one to begin one's own with."""
    known = request.query_params.get("from", "")
    text = layouts.text_of(session, known, by=by) if known else ""
    return _listing(request, session, by, now, Form(text=text))


def _listing(request: Request, session: Session, by: User, now: datetime, form: Form) -> Response:
    payer = sending.payer(session, day_of(now))
    for name in PAYER:
        form.defaults.setdefault(name, getattr(payer, name))
    return page(
        request,
        "bank_layouts/list.html",
        status=422 if form.errors else 200,
        form=form,
        found=layouts.listing(session, by=by),
        shipped=layouts.SHIPPED,
        may_edit=rights.allows(by, "bank_layout.edit"),
        may_decide=rights.allows(by, "setting.decide"),
    )


@router.post("/bank-layouts")
def add(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Add a layout of one's own, or a later version of it."""
    rights.require(by, "bank_layout.edit")
    text = form.required("text")
    if form.ok:
        try:
            layouts.add(session, text.replace("\r\n", "\n"), by=by, now=now)
        except (Invalid, Conflict) as refusal:
            form.refuse("text", sentence(refusal))
    if not form.ok:
        return _listing(request, session, by, now, form)
    response = see("/bank-layouts")
    flash.put(response, N_("The layout is kept."))
    return response


@router.post("/bank-layouts/payer")
def pay_from(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """From whose account is paid, from today on."""
    rights.require(by, "setting.decide")
    payer, today = sending.payer(session, day_of(now)), day_of(now)
    for name, setting in PAYER.items():
        value = form.text(name)
        if value and value != getattr(payer, name):
            try:
                settings.decide(
                    session, setting, value=value, from_on=today, reason=form.text("reason"), by=by, now=now
                )
            except Invalid as refusal:
                form.refuse("reason" if refusal.code == "reason_missing" else name, sentence(refusal))
    if not form.ok:
        return _listing(request, session, by, now, form)
    response = see("/bank-layouts")
    flash.put(response, N_("Kept; it counts from today on."))
    return response
