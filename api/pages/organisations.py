"""Organisations: enterprises with needs, universities and institutes with results."""

from __future__ import annotations

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By
from api.forms import Filled, Form
from api.language import N_
from api.pages import cards
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import deals, needs, organisations, rights
from ledger.core.errors import Conflict, Invalid
from ledger.organisations import Organisation
from ledger.users import User

router = pages()
MOST = 100


@router.get("/organisations")
def listing(request: Request, session: Books, by: By, q: str = "") -> Response:
    """Organisations by name, or those a text is found in."""
    rights.require(by, "organisation.edit")
    found = organisations.search(session, q.strip(), limit=MOST + 1)
    return page(
        request, "organisations/list.html", organisations=found[:MOST], more=len(found) > MOST, q=q.strip()
    )


@router.get("/organisations/{id}")
def show(request: Request, id: str, session: Books, by: By) -> Response:
    """One organisation with its needs and deals."""
    rights.require(by, "organisation.edit")
    found = organisations.get(session, id)
    return _organisation(
        request, session, found, by, Form(name=found.name, credit_code=found.credit_code or "")
    )


def _organisation(
    request: Request, session: Session, found: Organisation, by: User, form: Form, status: int = 200
) -> Response:
    return page(
        request,
        "organisations/organisation.html",
        status=status,
        organisation=found,
        needs=needs.listing(session, by=by, client_id=found.id, limit=20),
        deals=cards.of(session, deals.listing(session, by=by, client_id=found.id, limit=20)),
        may_edit=rights.allows(by, "organisation.edit"),
        form=form,
    )


@router.post("/organisations/{id}")
def change(request: Request, id: str, session: Books, by: By, form: Filled) -> Response:
    """Another name, or the credit code."""
    rights.require(by, "organisation.edit")
    found = organisations.get(session, id)
    try:
        organisations.change(session, id, name=form.text("name"), credit_code=form.text("credit_code"), by=by)
    except (Invalid, Conflict) as refusal:
        form.refuse(_FIELDS.get(refusal.code, ""), sentence(refusal))
        return _organisation(request, session, found, by, form, 422)
    response = see(f"/organisations/{id}")
    flash.put(response, N_("The organisation is kept."))
    return response


_FIELDS = {
    "organisation_name": "name",
    "credit_code_invalid": "credit_code",
    "organisation_exists": "name",
}
