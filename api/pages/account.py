"""One's own account: the password, and what one is signed in with."""

from __future__ import annotations

from datetime import datetime

import segno
from fastapi import Request, Response
from sqlmodel import Session

from api import devices, flash
from api.doors import Books, By, Now, Somebody, address_of, program_of, secret_of
from api.forms import Filled, Form
from api.language import N_, gettext
from api.pages.doors import pages, see
from api.pages.sign_in import remembering
from api.rendering import page
from api.words import sentence
from ledger import access_tokens, second_factors, sign_ins, users
from ledger.core.errors import Forbidden, Invalid
from ledger.users import User

router = pages()


@router.get("/account")
def show(request: Request, session: Books, by: By, now: Now) -> Response:
    """Password, second factor, sessions, tokens."""
    return _account(request, session, by, now, Form(days="90"))


def _account(
    request: Request, session: Session, by: User, now: datetime, form: Form, told: str = ""
) -> Response:
    return page(
        request,
        "account/account.html",
        status=422 if form.errors else 200,
        device=devices.named,
        sessions=sign_ins.of(session, by.id, now=now),
        own=sign_ins.standing(session, secret_of(request), now=now),
        second=second_factors.of(session, by.id),
        codes_left=second_factors.codes_left(session, by.id),
        tokens=access_tokens.of(session, by.id),
        may=[("read", gettext("only read")), ("write", gettext("read and write"))],
        now=now,
        form=form,
        told=told,
    )


@router.post("/account/tokens")
def make_token(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """A token for a program, its secret shown on this answer only."""
    name, days = form.required("name"), form.text("days")
    scopes = ["*:read", "*:write"] if form.text("may") == "write" else ["*:read"]
    try:
        if form.ok:
            count = int(days) if days.isascii() and days.isdigit() and len(days) < 5 else 0
            _, secret = access_tokens.make(session, by, name=name, scopes=scopes, days=count, now=now)
            return _account(request, session, by, now, Form(days="90"), told=secret)
    except Invalid as refusal:
        form.refuse("days" if refusal.code == "token_days" else "", sentence(refusal))
    return _account(request, session, by, now, form)


@router.post("/account/tokens/{token_id}/revoke")
def revoke_token(session: Books, by: By, now: Now, token_id: str) -> Response:
    """An end to one."""
    access_tokens.revoke(session, token_id, by=by, now=now)
    response = see("/account")
    flash.put(response, N_("That token opens nothing any more."))
    return response


@router.get("/account/password")
def ask_password(request: Request, by: Somebody) -> Response:
    """The form; also where somebody begins whose password was given to them."""
    return _password(request, by, Form())


def _password(request: Request, by: User, form: Form) -> Response:
    status = 422 if form.errors else 200
    return page(request, "account/password.html", status=status, form=form, given=by.password_given_by)


_FIELDS = {
    "password_wrong": "old",
    "password_same": "new",
    "password_short": "new",
    "password_weak": "new",
}


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
    response = remembering(request, see("/"), _begun(request, session, by, now))
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


@router.get("/account/second-factor")
def ask_second_factor(request: Request, session: Books, by: Somebody) -> Response:
    """Where a phone is to be shown the picture; the secret is made when it is asked for."""
    return page(request, "account/second.html", secret="", picture="", form=Form(), codes=[])


@router.post("/account/second-factor")
def begin_second_factor(request: Request, session: Books, by: Somebody, now: Now) -> Response:
    """A secret, as a picture and as text."""
    return _second(request, by, second_factors.begin(session, by, now=now), Form())


def _second(request: Request, by: User, secret: str, form: Form) -> Response:
    picture = segno.make(second_factors.address(secret, by.phone), error="m").svg_data_uri(scale=5)
    status = 422 if form.errors else 200
    return page(
        request, "account/second.html", status=status, secret=secret, picture=picture, form=form, codes=[]
    )


@router.post("/account/second-factor/confirm")
def confirm_second_factor(request: Request, session: Books, by: Somebody, now: Now, form: Filled) -> Response:
    """A first code; then the codes to print, shown once. Everywhere else this person is signed out."""
    try:
        codes = second_factors.confirm(session, by, code=form.required("code"), now=now)
    except Forbidden as refusal:
        form.refuse("code", sentence(refusal))
        return _second(request, by, second_factors.begin(session, by, now=now), form)
    shown = page(request, "account/second.html", secret="", picture="", form=form, codes=codes)
    return remembering(request, shown, _begun(request, session, by, now))


@router.post("/account/second-factor/give-up")
def give_up_second_factor(session: Books, by: By, now: Now, form: Filled) -> Response:
    """Do without, with a last code."""
    second_factors.take(session, by, code=form.text("code"), now=now)
    second_factors.give_up(session, by.id, by=by, now=now)
    response = see("/sign-in")
    flash.put(response, N_("Your second factor is gone. Sign in again."))
    return response


@router.post("/account/sessions/{sign_in_id}/end")
def end(session: Books, by: By, now: Now, sign_in_id: str) -> Response:
    """End one session."""
    sign_ins.end(session, by.id, sign_in_id, now=now)
    response = see("/account")
    flash.put(response, N_("That session is ended."))
    return response
