"""One's own account: the password, and what one is signed in with."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now, Somebody, address_of, program_of, secret_of
from api.forms import Filled, Form
from api.language import N_
from api.pages.doors import pages, see
from api.pages.sign_in import remembering
from api.rendering import page
from api.words import sentence
from ledger import sign_ins, users
from ledger.core.errors import Invalid
from ledger.users import User

router = pages()


@router.get("/account")
def show(request: Request, session: Books, by: By, now: Now) -> Response:
    """Password and sessions."""
    return page(
        request,
        "account/account.html",
        sessions=sign_ins.of(session, by.id, now=now),
        own=sign_ins.standing(session, secret_of(request), now=now),
    )


@router.get("/account/password")
def ask_password(request: Request, by: Somebody) -> Response:
    """The form; also where somebody begins whose password was given to them."""
    return _password(request, by, Form())


def _password(request: Request, by: User, form: Form) -> Response:
    status = 422 if form.errors else 200
    return page(request, "account/password.html", status=status, form=form, given=by.password_given_by)


_FIELDS = {"password_wrong": "old", "password_same": "new", "password_short": "new"}


@router.post("/account/password")
def choose_password(request: Request, session: Books, by: Somebody, now: Now, form: Filled) -> Response:
    """Another password. Everything else this person is signed in with ends."""
    old, new = form.required("old"), form.required("new")
    if new and form.text("again") != new:
        form.refuse("again", sentence(Invalid("password_again", "this is not the same as above")))
    if form.ok:
        _choose(session, by, form, old, new, now)
    if not form.ok:
        return _password(request, by, form)
    response = remembering(see("/"), _begun(request, session, by, now))
    flash.put(response, N_("Your password is changed. Everywhere else you are signed out."))
    return response


def _choose(session: Session, by: User, form: Form, old: str, new: str, now: datetime) -> None:
    try:
        users.choose_password(session, by, old=old, new=new, now=now)
    except Invalid as refusal:
        form.refuse(_FIELDS.get(refusal.code, ""), sentence(refusal))


def _begun(request: Request, session: Session, by: User, now: datetime) -> str:
    """A new secret for this browser: the old one ended with what it stood for."""
    address, program = address_of(request), program_of(request)
    return sign_ins.begin(session, by.id, address=address, program=program, now=now)


@router.post("/account/sessions/{sign_in_id}/end")
def end(session: Books, by: By, now: Now, sign_in_id: str) -> Response:
    """End one session."""
    sign_ins.end(session, by.id, sign_in_id, now=now)
    response = see("/account")
    flash.put(response, N_("That session is ended."))
    return response
