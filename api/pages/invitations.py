"""Joining: operations invite by phone number and confirm; the invited person's own page, on a phone."""

from __future__ import annotations

from datetime import date, datetime

from fastapi import Request, Response
from sqlmodel import Session

from api import codes, flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_
from api.pages import fields, lists
from api.pages.doors import pages, see
from api.pages.managers import grades_offered
from api.problems import status_of
from api.rendering import page
from api.words import sentence
from ledger import bank_accounts, config, identities, invitations, managers, rights, users
from ledger.clock import day_of
from ledger.core.errors import Conflict, Invalid, NotFound, Refused
from ledger.invitations import Invitation
from ledger.managers import masked
from ledger.users import User

router = pages()

_INVITED = {
    "phone_invalid": "phone",
    "phone_taken_by": "phone",
    "invited_already": "phone",
    "email_invalid": "email",
    "no_mail": "email",
    "no_public_url": "email",
    "manager_unknown": "manager",
    "manager_signs_in": "manager",
}
_ENTERED = {
    "manager_name": "name",
    "identity_number": "identity_number",
    "identity_other": "identity_number",
    "account_number": "bank_account",
    "cnaps_number": "bank_cnaps",
    "bank_name_missing": "bank_name",
    "password_short": "password",
    "password_weak": "password",
}
KINDS = ("resident_id", "passport", "other")  # of people; an organisation is taken on by operations


# --- for operations


@router.get("/invitations")
def listing(request: Request, session: Books, by: By, now: Now, before: str | None = None) -> Response:
    """Who was invited, the latest first."""
    found = invitations.listing(session, by=by, before=before, limit=lists.SHOWN + 1)
    rows, older = lists.cut(request, found)
    people = users.names(session, [one.invited_by for one in rows])
    return page(request, "invitations/list.html", invitations=rows, people=people, older=older, now=now)


@router.get("/invitations/new")
def new(request: Request, by: By, manager: str = "", phone: str = "") -> Response:
    """The form."""
    rights.require(by, "manager.invite")
    return page(request, "invitations/new.html", form=Form(manager=manager, phone=phone))


@router.post("/invitations/new")
def invite(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Invite, and show the link this once."""
    rights.require(by, "manager.invite")
    phone, email = form.required("phone"), form.text("email")
    manager_id = form.text("manager") or None
    if form.ok:
        try:
            made, code = invitations.invite(
                session, phone=phone, manager_id=manager_id, email=email, by=by, now=now
            )
            return _told(request, made, code, email)
        except (Conflict, Invalid, NotFound) as refusal:
            form.refuse(_INVITED.get(refusal.code, ""), sentence(refusal))
    return page(request, "invitations/new.html", status=422, form=form)


def _told(request: Request, made: Invitation, code: str, email: str) -> Response:
    base = config.from_environment().public_url or str(request.base_url).rstrip("/")
    response = page(
        request,
        "invitations/told.html",
        invitation=made,
        link=f"{base}{invitations.path_of(code)}",
        email=email,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@router.get("/invitations/{id}")
def show(request: Request, id: str, session: Books, by: By, now: Now) -> Response:
    """One invitation: what was entered, and what comes of it."""
    return _invitation(request, session, invitations.get(session, id, by=by), now, Form())


@router.post("/invitations/{id}/reveal")
def reveal(request: Request, id: str, session: Books, by: By, now: Now) -> Response:
    """The same with its numbers in clear, on this answer only."""
    found = invitations.reveal(session, id, by=by, now=now)
    response = _invitation(request, session, found, now, Form(), in_clear=True)
    response.headers["Cache-Control"] = "no-store"
    return response


def _invitation(
    request: Request,
    session: Session,
    found: Invitation,
    now: datetime,
    form: Form,
    *,
    in_clear: bool = False,
) -> Response:
    number, account = found.identity_number or "", found.bank_account or ""
    form.defaults = {"tax_method": "per_payment", "from_on": str(day_of(now))} | form.defaults
    who = [one for one in (found.invited_by, found.decided_by) if one]
    return page(
        request,
        "invitations/invitation.html",
        status=422 if form.errors else 200,
        invitation=found,
        number=number if in_clear else identities.masked(number),
        account=account if in_clear else masked(account),
        in_clear=in_clear,
        looks_wrong=bank_accounts.looks_wrong(account),
        people=users.names(session, who),
        invited=managers.names(session, [found.manager_id] if found.manager_id else []),
        form=form,
        grades=grades_offered(session, now),
        tax_methods=codes.choices("tax_method", managers.TAX_METHODS),
        now=now,
    )


@router.post("/invitations/{id}/confirm")
def confirm(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """What was entered is right."""
    found = invitations.get(session, id, by=by)
    from_on = form.parsed("from_on", fields.day) if form.text("grade") else managers.BEGINNING
    if form.ok and from_on is not None:
        try:
            return _confirmed(session, id, by, now, form, from_on)
        except Invalid as refusal:
            form.refuse("tax_method" if refusal.code == "tax_method_unknown" else "", sentence(refusal))
    return _invitation(request, session, found, now, form)


def _confirmed(session: Session, id: str, by: User, now: datetime, form: Form, from_on: date) -> Response:
    manager = invitations.confirm(
        session,
        id,
        tax_method=form.text("tax_method"),
        grade=form.text("grade") or None,
        grade_from=from_on,
        by=by,
        now=now,
    )
    response = see(f"/managers/{manager.id}")
    flash.put(response, N_("{name} has joined and can sign in now."), name=manager.name)
    return response


@router.post("/invitations/{id}/withdraw")
def withdraw(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Nothing comes of it."""
    found, reason = invitations.get(session, id, by=by), form.required("reason")
    if not form.ok:
        return _invitation(request, session, found, now, form)
    invitations.withdraw(session, id, reason=reason, by=by, now=now)
    response = see("/invitations")
    flash.put(response, N_("The invitation is withdrawn; its link opens nothing any more."))
    return response


# --- for whoever was invited


@router.get("/join")
def open_link(request: Request, session: Books, now: Now, code: str = "") -> Response:
    """What to fill in. Looking at it uses nothing."""
    try:
        invitations.opened(session, code, now=now)
    except Refused as refusal:
        return _closed(request, refusal)
    return _join(request, Form(code=code, identity_kind="resident_id"))


@router.post("/join")
def enter(request: Request, session: Books, now: Now, form: Filled) -> Response:
    """What somebody says of themselves; the link is used with it."""
    code, password, again = form.text("code"), form.required("password"), form.required("again")
    for name in ("name", "identity_kind", "identity_number", "bank_name", "bank_account"):
        form.required(name)
    if password and again and password != again:
        form.refuse("again", sentence(Invalid("passwords_differ", "write the same password twice")))
    try:
        invitations.opened(session, code, now=now)
        if form.ok:
            _enter(session, form, code, password, now)
    except Invalid as refusal:
        form.refuse(_ENTERED.get(refusal.code, ""), sentence(refusal))
    except Refused as refusal:
        return _closed(request, refusal)
    if not form.ok:
        return _join(request, form)
    return page(request, "invitations/entered.html")


def _enter(session: Session, form: Form, code: str, password: str, now: datetime) -> None:
    invitations.enter(
        session,
        code,
        password=password,
        name=form.text("name"),
        identity_kind=form.text("identity_kind"),
        identity_number=fields.plainly(form.text("identity_number")),
        is_resident=not form.text("non_resident"),
        bank_name=form.text("bank_name"),
        bank_account=fields.plainly(form.text("bank_account")),
        bank_cnaps=fields.plainly(form.text("bank_cnaps")) or None,
        now=now,
    )


def _join(request: Request, form: Form) -> Response:
    request.state.viewer = None
    status = 422 if form.errors else 200
    response = page(
        request,
        "invitations/join.html",
        status=status,
        form=form,
        kinds=codes.choices("identity", KINDS),
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _closed(request: Request, refusal: Refused) -> Response:
    request.state.viewer = None
    return page(request, "invitations/closed.html", status=status_of(refusal), why=sentence(refusal))
