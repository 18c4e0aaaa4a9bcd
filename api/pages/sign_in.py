"""Signing in with phone number and password, or through the company, and out again."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request, Response
from sqlmodel import Session
from starlette.responses import RedirectResponse

from api import flash
from api.doors import (
    COOKIE,
    Books,
    Now,
    Tried,
    Viewer,
    address_of,
    cookie_of,
    entered,
    program_of,
    secret_of,
)
from api.forms import Filled, Form
from api.language import N_
from api.pages.doors import local, pages, see
from api.problems import status_of
from api.rendering import page
from api.words import sentence
from ledger import audit, clock, company, company_identities, config, entrance, sign_ins
from ledger.company import Identity, Journey
from ledger.core.errors import Forbidden, TooMany
from ledger.db import Database

router = pages()
abroad = APIRouter()  # what asks the company's machine, and therefore holds no transaction meanwhile
KNOWN = "yongjin_known"  # the mark of a session this browser had
CARRIED = "yongjin_company"  # what a browser takes along to the company


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
    browser = _known(request)
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
    return remembering(request, see(local(form.text("next"))), secret)


def remembering(request: Request, response: Response, secret: str) -> Response:
    """The answer, with which a browser keeps the secret of its session, and for longer that it had one."""
    for name, value, kept in (
        (cookie_of(request, COOKIE), secret, sign_ins.LONGEST),
        (cookie_of(request, KNOWN), sign_ins.mark(secret), entrance.KNOWN_FOR),
    ):
        seconds = int(kept.total_seconds())
        response.set_cookie(name, value, max_age=seconds, secure=True, httponly=True, samesite="lax")
    return response


# By the company's word


@abroad.get("/sign-in/company")
def begin(request: Request, next: str = "/") -> Response:
    """To the company's sign-in. A link and not a form: our forms lead nowhere else."""
    try:
        there = company.provider(config.from_environment())
        url, journey = there.begin(local(next), now=clock.now())
    except Forbidden as refusal:
        return _refused(request, refusal, local(next))
    return _carrying(_away(url), journey)


@abroad.get("/sign-in/company/callback")
def come_back(request: Request) -> Response:
    """From the company: who it is is asked of the company, and then whom we know by it."""
    now, after = clock.now(), "/"
    try:
        there = company.provider(config.from_environment())
        journey = company.opened(Journey, request.cookies.get(CARRIED, ""), now=now)
        after = journey.after
        who = there.identity(journey, request.query_params, now=now)
        database: Database = request.app.state.database
        secret = database.run(lambda session: _let_in(request, session, who, now))
    except Forbidden as refusal:
        if refusal.code == "second_factor_needed":
            return _carrying(_code(request, Form()), who)
        return _not_carrying(_refused(request, refusal, after))
    return _not_carrying(remembering(request, see(local(who.after)), secret))


def _let_in(request: Request, session: Session, who: Identity, now: datetime) -> str:
    """No door was gone through: the trail is told here where from."""
    audit.acting(session, by=audit.NOBODY, address=address_of(request))
    return _enter(request, session, who, "", now)


@router.post("/sign-in/company/code")
def give_code(request: Request, session: Books, now: Now, form: Filled) -> Response:
    """The second factor of whom the company named."""
    try:
        who = company.opened(Identity, request.cookies.get(CARRIED, ""), now=now)
        if not form.required("code"):
            return _code(request, form, 422)
        secret = _enter(request, session, who, form.text("code"), now)
    except (Forbidden, TooMany) as refusal:
        if refusal.code not in ("second_factor_wrong", "sign_in_wait"):
            return _not_carrying(_refused(request, refusal, "/"))
        if refusal.code == "second_factor_wrong":
            number = company_identities.recognised(session, who, now=now).phone
            known = entrance.known_browser(session, number, _known(request), now=now)
            request.state.tried = Tried(number, address_of(request), known, now)
        form.refuse("code", sentence(refusal))
        return _code(request, form, status_of(refusal))
    return _not_carrying(remembering(request, see(local(who.after)), secret))


def _enter(request: Request, session: Session, who: Identity, code: str, now: datetime) -> str:
    """The secret of a new session; whatever this browser was signed in with ends."""
    _, secret = entrance.sign_in_by_company(
        session,
        who,
        code=code,
        address=address_of(request),
        program=program_of(request),
        browser=_known(request),
        now=now,
    )
    sign_ins.sign_out(session, secret_of(request), now=now)
    return secret


def _known(request: Request) -> str:
    return request.cookies.get(cookie_of(request, KNOWN), "")


def _refused(request: Request, refusal: Forbidden | TooMany, after: str) -> Response:
    form = Form(next=after)
    form.refuse("", sentence(refusal))
    return _form(request, form, status_of(refusal))


def _code(request: Request, form: Form, status: int = 200) -> Response:
    request.state.viewer = None
    return page(request, "sign_in/code.html", status=status, form=form)


def _carrying(response: Response, carried: Journey | Identity) -> Response:
    """The answer, with which the browser takes something along, and shows it to the sign-in only."""
    seconds, path = int(company.GOOD_FOR.total_seconds()), "/sign-in/company"
    response.set_cookie(
        CARRIED, company.sealed(carried), seconds, path=path, secure=True, httponly=True, samesite="lax"
    )
    return response


def _not_carrying(response: Response) -> Response:
    response.delete_cookie(CARRIED, path="/sign-in/company", secure=True, httponly=True, samesite="lax")
    return response


def _away(url: str) -> Response:
    return RedirectResponse(url, 303)


# Out again


@router.post("/sign-out")
def sign_out(request: Request, session: Books, now: Now) -> Response:
    """End this browser's session; who came through the company may end that one too."""
    by_company = request.state.means in (sign_ins.COMPANY, sign_ins.COMPANY_STRONG)
    sign_ins.sign_out(session, secret_of(request), now=now)
    response = see("/sign-in?left=company" if by_company else "/sign-in")
    response.delete_cookie(cookie_of(request, COOKIE), secure=True, httponly=True, samesite="lax")
    flash.put(response, N_("You are signed out."))
    return response


@abroad.get("/sign-in/company/out")
def leave(request: Request) -> Response:
    """To where one signs out of the company; home again where it has no such page."""
    try:
        url = company.provider(config.from_environment()).leave_url(now=clock.now())
    except Forbidden as refusal:
        return _refused(request, refusal, "/")
    return _away(url) if url else see("/sign-in")


def _form(request: Request, form: Form, status: int = 200) -> Response:
    request.state.viewer = None
    return page(
        request,
        "sign_in/sign_in.html",
        status=status,
        form=form,
        demonstration=getattr(request.app.state, "demonstration", None) or (),
        by_company=bool(config.from_environment().oidc_issuer),
        left_company=request.query_params.get("left") == "company",
    )
