"""Who may sign in: the list, a new person, another password, the second person's word, an end to it."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request, Response
from sqlmodel import Session

from api import flash, labels
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_
from api.pages import lists
from api.pages.doors import pages, see
from api.pages.lists import SHOWN
from api.rendering import page
from api.words import sentence
from ledger import managers, rights, users
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.users import User

router = pages()

FIELDS = {
    "phone_invalid": "phone",
    "phone_taken": "phone",
    "role_unknown": "role",
    "role_manager": "manager",
    "manager_unknown": "manager",
    "password_short": "password",
    "password_weak": "password",
}


@router.get("/users")
def listing(request: Request, session: Books, by: By, after: str = "") -> Response:
    """Everybody."""
    rights.require(by, "user.see")
    rows, more = lists.cut(request, users.page(session, after=after, limit=SHOWN + 1), cursor="after")
    return page(
        request,
        "users/list.html",
        users=rows,
        more=more,
        managers=managers.names(session, [one.manager_id for one in rows if one.manager_id]),
        people=users.names(session, [one.asked_by for one in rows if one.asked_by]),
        may_edit=rights.allows(by, "user.edit"),
        may_agree={one.id for one in rows if _may_agree(by, one)},
    )


def _may_agree(by: User, user: User) -> bool:
    return user.state == "waiting" and rights.allows(by, "user.agree", made_by=user.asked_by)


@router.get("/users/new")
def new(request: Request, by: By) -> Response:
    """An empty form."""
    rights.require(by, "user.edit")
    return _form(request, Form(role="manager"))


def _form(request: Request, form: Form) -> Response:
    status = 422 if form.errors else 200
    roles = [(role, labels.role(role)) for role in rights.ROLES]
    return page(request, "users/new.html", status=status, form=form, roles=roles)


@router.post("/users/new")
def add(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Add a person."""
    rights.require(by, "user.edit")
    for name in ("name", "phone", "role", "password"):
        form.required(name)
    added = _added(session, by, now, form) if form.ok else None
    return _form(request, form) if added is None else _seen(added)


def _seen(user: User) -> Response:
    """The list again, and whether the user can sign in now."""
    response = see("/users")
    if user.state == "waiting":
        flash.put(response, N_("{name} can sign in once somebody else has agreed."), name=user.name)
    else:
        flash.put(response, N_("{name} can sign in now, with {phone}."), name=user.name, phone=user.phone)
    return response


def _added(session: Session, by: User, now: datetime, form: Form) -> User | None:
    try:
        return users.add(
            session,
            phone=form.text("phone"),
            name=form.text("name"),
            role=form.text("role"),
            password=form.text("password"),
            manager_id=form.text("manager") or None,
            by=by,
            now=now,
        )
    except (Invalid, Conflict, NotFound) as refusal:
        form.refuse(FIELDS.get(refusal.code, ""), sentence(refusal))
        return None


@router.get("/users/{user_id}/reset")
def ask_reset(request: Request, session: Books, by: By, user_id: str) -> Response:
    """Another password."""
    rights.require(by, "user.edit", made_by=user_id)
    return page(request, "users/reset.html", user=users.get(session, user_id), form=Form())


@router.post("/users/{user_id}/reset")
def reset(request: Request, session: Books, by: By, now: Now, user_id: str, form: Filled) -> Response:
    """Give it; open sessions end."""
    rights.require(by, "user.edit", made_by=user_id)
    found = users.get(session, user_id)
    try:
        return _seen(users.reset(session, user_id, password=form.text("password"), by=by, now=now))
    except Invalid as refusal:
        form.refuse("password", sentence(refusal))
        return page(request, "users/reset.html", status=422, user=found, form=form)


@router.post("/users/{user_id}/agree")
def agree(session: Books, by: By, now: Now, user_id: str) -> Response:
    """Be the second of two people."""
    return _seen(users.agree(session, user_id, by=by, now=now))


@router.get("/users/{user_id}/disable")
def ask_disable(request: Request, session: Books, by: By, user_id: str) -> Response:
    """Asked before it is done."""
    rights.require(by, "user.edit", made_by=user_id)
    return page(request, "users/disable.html", user=users.get(session, user_id))


@router.post("/users/{user_id}/disable")
def disable(session: Books, by: By, now: Now, user_id: str) -> Response:
    """Nobody signs in as this person any more."""
    found = users.disable(session, user_id, by=by, now=now)
    response = see("/users")
    flash.put(response, N_("{name} cannot sign in any more."), name=found.name)
    return response
