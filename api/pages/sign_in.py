"""Signing in with phone number and password, and out again."""

from __future__ import annotations

from fastapi import Request, Response

from api import flash
from api.doors import COOKIE, Books, Now, Viewer, entered, secret_of
from api.forms import Filled, Form
from api.language import N_
from api.pages.doors import local, pages, see
from api.problems import status_of
from api.rendering import page
from api.words import sentence
from ledger import entrance, sign_ins
from ledger.core.errors import Forbidden, TooMany

router = pages()
KNOWN = "yongjin_known"  # the mark of a session this browser had


@router.get("/sign-in")
def show(request: Request, viewer: Viewer, next: str = "/") -> Response:
    """The form; who is signed in already goes on."""
    if viewer is not None:
        return see(local(next))
    return _form(request, Form(next=local(next)))


@router.post("/sign-in")
def sign_in(request: Request, session: Books, now: Now, form: Filled) -> Response:
    """Sign in, and go on to where the person wanted to be. One answer for every failure."""
    phone, password = form.required("phone"), form.required("password")
    if not form.ok:
        return _form(request, form, 422)
    browser = request.cookies.get(KNOWN, "")
    try:
        _, secret = entered(
            request,
            session,
            phone=phone,
            password=password,
            code=form.text("code"),
            browser=browser,
            now=now,
        )
    except (Forbidden, TooMany) as refusal:
        form.refuse("code" if refusal.code.startswith("second_factor") else "", sentence(refusal))
        return _form(request, form, status_of(refusal))
    sign_ins.sign_out(session, secret_of(request), now=now)  # whatever this browser was signed in with
    return remembering(see(local(form.text("next"))), secret)


def remembering(response: Response, secret: str) -> Response:
    """The answer, with which a browser keeps the secret of its session, and for longer that it had one."""
    for name, value, kept in (
        (COOKIE, secret, sign_ins.LONGEST),
        (KNOWN, sign_ins.mark(secret), entrance.KNOWN_FOR),
    ):
        seconds = int(kept.total_seconds())
        response.set_cookie(name, value, max_age=seconds, secure=True, httponly=True, samesite="lax")
    return response


@router.post("/sign-out")
def sign_out(request: Request, session: Books, now: Now) -> Response:
    """End this browser's session."""
    sign_ins.sign_out(session, secret_of(request), now=now)
    response = see("/sign-in")
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax")
    flash.put(response, N_("You are signed out."))
    return response


def _form(request: Request, form: Form, status: int = 200) -> Response:
    request.state.viewer = None
    shown = getattr(request.app.state, "demonstration", None) or ()
    return page(request, "sign_in/sign_in.html", status=status, form=form, demonstration=shown)
