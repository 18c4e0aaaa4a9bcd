"""A payee's papers: the document for the tax office, and the invoices they are paid against."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request, Response
from sqlmodel import Session

from api import codes, flash
from api.doors import Books, By, Files, Now
from api.forms import Filled, Form
from api.language import N_, gettext
from api.pages import fields, uploads
from api.pages.doors import pages, see
from api.rendering import page
from api.routes.evidence import download
from api.words import sentence
from ledger import identities, invoices, managers, payee_agreements, rights, settings
from ledger.clock import day_of
from ledger.core.errors import Conflict, Invalid
from ledger.users import User

router = pages(body_most=uploads.FORM_MOST)


@router.get("/payee")
def mine(by: By) -> Response:
    """One's own papers; for whoever is no payee, the managers."""
    return see(f"/managers/{by.manager_id}/papers" if by.manager_id else "/managers")


@router.get("/managers/{id}/papers")
def show(request: Request, id: str, session: Books, by: By, now: Now) -> Response:
    """What is on file of a payee."""
    return _papers(request, session, id, by, now, Form())


def _papers(request: Request, session: Session, id: str, by: User, now: datetime, form: Form) -> Response:
    manager, known = managers.seen(session, id, by=by), identities.of(session, [id]).get(id)
    defaults = {"issued_on": str(day_of(now)), "kind": known.kind if known else "resident_id"}
    form.defaults = defaults | form.defaults
    return page(
        request,
        "payees/papers.html",
        status=422 if form.errors else 200,
        form=form,
        manager=manager,
        method=managers.tax_methods_on(session, [id], day_of(now))[id],
        identity=known,
        years=(day_of(now).year, day_of(now).year - 1),
        number=identities.masked(known.identity_number) if known else "",
        kinds=codes.choices("identity"),
        invoices=invoices.standing(session, id, by=by),
        agreements=payee_agreements.on_file(session, id, by=by),
        today=day_of(now),
        is_required=settings.on(session, settings.AGREEMENT_REQUIRED, day_of(now)) == "yes",
        may_agree=rights.allows(by, "payee_agreement.record", managers=[id]),
        may_record=rights.allows(by, "identity.record", managers=[id]),
        may_add=rights.allows(by, "invoice.record", managers=[id]),
        may_take_back=rights.allows(by, "invoice.take_back", managers=[id]),
    )


@router.post("/managers/{id}/identity")
def record(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Keep the document, or correct it."""
    managers.seen(session, id, by=by)
    rights.require(by, "identity.record", managers=[id])
    number = form.required("number")
    if number:
        try:
            identities.record(
                session,
                id,
                kind=form.text("kind"),
                number=number,
                is_resident=not form.text("non_resident"),
                by=by,
                now=now,
            )
        except Invalid as refusal:
            form.refuse("kind" if refusal.code == "identity_kind" else "number", sentence(refusal))
    if not form.ok:
        return _papers(request, session, id, by, now, form)
    response = see(f"/managers/{id}/papers")
    flash.put(response, N_("The document is kept. On screen only its first and last digits are shown."))
    return response


BESIDE = {
    "invoice_number": "invoice",
    "invoice_known": "invoice",
    "day_in_future": "issued_on",
    "evidence_empty": "file",
    "evidence_large": "file",
}


@router.post("/managers/{id}/invoices")
def add_invoice(
    request: Request, id: str, session: Books, store: Files, by: By, now: Now, form: Filled
) -> Response:
    """Put an invoice on file."""
    managers.seen(session, id, by=by)
    rights.require(by, "invoice.record", managers=[id])
    number, minor = form.required("invoice"), form.parsed("amount", fields.above_zero)
    issued_on, files = form.parsed("issued_on", fields.day), form.files("file")
    if not files:
        form.refuse("file", gettext("Please choose the file."))
    if form.ok and minor is not None and issued_on is not None:
        try:
            invoices.add(
                session,
                store,
                id,
                number=number,
                issued_on=issued_on,
                amount_minor=minor,
                file_name=files[0].filename or "file",
                content=files[0].file.read(),
                by=by,
                now=now,
            )
        except (Invalid, Conflict) as refusal:
            form.refuse(BESIDE.get(refusal.code, ""), sentence(refusal))
    if not form.ok:
        uploads.chosen_again(form, "file")
        return _papers(request, session, id, by, now, form)
    response = see(f"/managers/{id}/papers")
    flash.put(response, N_("The invoice is on file."))
    return response


AGREEMENT = {
    "agreement_number": "agreement",
    "agreement_known": "agreement",
    "agreement_days": "until_on",
    "day_in_future": "signed_on",
    "evidence_empty": "paper",
    "evidence_large": "paper",
}


@router.post("/managers/{id}/payee-agreements")
def add_agreement(
    request: Request, id: str, session: Books, store: Files, by: By, now: Now, form: Filled
) -> Response:
    """Put an agreement on file."""
    managers.seen(session, id, by=by)
    rights.require(by, "payee_agreement.record", managers=[id])
    number, papers = form.required("agreement"), form.files("paper")
    signed_on, from_on = form.parsed("signed_on", fields.day), form.parsed("from_on", fields.day)
    until_on = form.parsed("until_on", fields.day) if form.text("until_on") else None
    if not papers:
        form.refuse("paper", gettext("Please choose the file."))
    if form.ok and signed_on is not None and from_on is not None:
        try:
            payee_agreements.add(
                session,
                store,
                id,
                number=number,
                signed_on=signed_on,
                from_on=from_on,
                until_on=until_on,
                file_name=papers[0].filename or "file",
                content=papers[0].file.read(),
                by=by,
                now=now,
            )
        except (Invalid, Conflict) as refusal:
            form.refuse(AGREEMENT.get(refusal.code, ""), sentence(refusal))
    if not form.ok:
        uploads.chosen_again(form, "paper")
        return _papers(request, session, id, by, now, form)
    response = see(f"/managers/{id}/papers")
    flash.put(response, N_("The agreement is on file."))
    return response


@router.get("/payee-agreements/{id}/file")
def agreement_file(id: str, session: Books, store: Files, by: By) -> Response:
    """What shows an agreement, as a download."""
    agreement = payee_agreements.get(session, id, by=by)
    return download(store.get(agreement.sha256), agreement.file_name)


@router.post("/payee-agreements/{id}/end")
def end_agreement(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """It ends on a day: what is paid later needs another."""
    agreement = payee_agreements.get(session, id, by=by)
    last_on, reason = form.parsed("last_on", fields.day), form.required("reason")
    if form.ok and last_on is not None:
        try:
            payee_agreements.end(session, id, last_on=last_on, reason=reason, by=by, now=now)
        except (Invalid, Conflict) as refusal:
            form.refuse("reason", sentence(refusal))
    if not form.ok:
        return _papers(request, session, agreement.manager_id, by, now, form)
    response = see(f"/managers/{agreement.manager_id}/papers")
    flash.put(response, N_("It ends on {day}."), day=last_on)
    return response


@router.get("/invoices/{id}/file")
def file(id: str, session: Books, store: Files, by: By) -> Response:
    """What shows an invoice, as a download."""
    invoice = invoices.get(session, id, by=by)
    return download(store.get(invoice.sha256), invoice.file_name)


@router.post("/invoices/{id}/take-back")
def take_back(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """It is wrong or was cancelled and counts no more."""
    invoice = invoices.get(session, id, by=by)
    try:
        invoices.take_back(session, id, reason=form.required("reason"), by=by, now=now)
    except (Invalid, Conflict) as refusal:
        form.refuse("reason", sentence(refusal))
        return _papers(request, session, invoice.manager_id, by, now, form)
    response = see(f"/managers/{invoice.manager_id}/papers")
    flash.put(response, N_("The invoice counts no more."))
    return response
