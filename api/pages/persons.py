"""What is kept of somebody: a copy of it, its deletion, and payees who share a number."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Files, Now
from api.forms import Filled, Form
from api.language import N_
from api.pages.doors import pages, see
from api.rendering import page
from api.routes.evidence import download
from api.routes.persons import unkept
from api.words import sentence
from ledger import erasures, extracts, managers, persons, rights
from ledger.core.errors import Conflict, Invalid
from ledger.users import User

router = pages()


@router.get("/persons/shared")
def shared(request: Request, session: Books, by: By) -> Response:
    """Payees with the same account or number as another; nobody's number is opened for it."""
    rights.require(by, "person.shared")
    found = persons.shared(session)
    names = managers.names(session, [one for each in found for one in each.subjects])
    return page(request, "persons/shared.html", found=found, names=names, account=managers.ACCOUNT)


@router.get("/persons/{id}")
def show(request: Request, id: str, session: Books, by: By, now: Now) -> Response:
    """What may be asked for, and until when the data is kept."""
    return _person(request, session, id, by, now, Form())


def _person(request: Request, session: Session, id: str, by: User, now: datetime, form: Form) -> Response:
    return page(
        request,
        "persons/person.html",
        status=422 if form.errors else 200,
        form=form,
        standing=erasures.standing(session, id, by=by, now=now),
        is_own=id == erasures.subject_of(by),
    )


@router.post("/persons/{id}/copy")
def copy(request: Request, id: str, session: Books, store: Files, by: By, now: Now, form: Filled) -> Response:
    """A ZIP of all that is kept of them."""
    try:
        name, content = extracts.make(session, store, id, reason=form.text("why"), by=by, now=now)
    except (Invalid, Conflict) as refusal:
        form.refuse("why", sentence(refusal))
        return _person(request, session, id, by, now, form)
    return unkept(download(content, name, "application/zip"))


@router.post("/persons/{id}/erasure")
def ask(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Ask for the data to be deleted."""
    try:
        erasures.ask(session, id, reason=form.text("reason"), by=by, now=now)
    except (Invalid, Conflict) as refusal:
        form.refuse("reason", sentence(refusal))
        return _person(request, session, id, by, now, form)
    return _noted(id, N_("It is noted. The data goes by itself as soon as the law lets it."))


@router.post("/persons/{id}/erasure/withdraw")
def withdraw(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Take back, before it is done, that the data is to be deleted."""
    try:
        erasures.withdraw(session, id, reason=form.text("kept"), by=by, now=now)
    except (Invalid, Conflict) as refusal:
        form.refuse("kept", sentence(refusal))
        return _person(request, session, id, by, now, form)
    return _noted(id, N_("It is taken back. The data stays."))


def _noted(id: str, text: str) -> Response:
    response = see(f"/persons/{id}")
    flash.put(response, text)
    return response
