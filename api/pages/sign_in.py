"""Signing in with phone number and password, and out again."""

from __future__ import annotations

from fastapi import Request, Response

from api import flash
from api.doors import COOKIE, Books, Now, Viewer, address_of, program_of, secret_of
from api.forms import Filled, Form
from api.language import N_
from api.pages.doors import local, pages, see
from api.problems import status_of
from api.rendering import page
from api.words import sentence
from ledger import sign_ins, users
from ledger.core.errors import Forbidden

router = pages()


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
    try:
        _, secret = users.sign_in(
            session,
            phone=phone,
            password=password,
            address=address_of(request),
            program=program_of(request),
            now=now,
        )
    except Forbidden as refusal:
        form.refuse("", sentence(refusal))
        return _form(request, form, status_of(refusal))
    sign_ins.sign_out(session, secret_of(request), now=now)  # whatever this browser was signed in with
    return remembering(see(local(form.text("next"))), secret)


def remembering(response: Response, secret: str) -> Response:
    """The answer, with which a browser keeps the secret of its session."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(sign_ins.LONGEST.total_seconds()),
        secure=True,
        httponly=True,
        samesite="lax",
    )
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
