"""Notices: what somebody was told, and where they want to be written to."""

from __future__ import annotations

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_
from api.pages import lists
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import notices
from ledger.core.errors import Invalid
from ledger.users import User

router = pages()


@router.get("/notices")
def listing(request: Request, session: Books, by: By) -> Response:
    """What this person was told, the latest first."""
    return _listing(request, session, by, Form(email=notices.address_of(session, by.id)))


def _listing(request: Request, session: Session, by: User, form: Form) -> Response:
    before = request.query_params.get("before") or None
    found = notices.listing(session, by=by, before=before, limit=lists.SHOWN + 1)
    rows, older = lists.cut(request, found)
    status = 422 if form.errors else 200
    return page(request, "notices/list.html", status=status, notices=rows, older=older, form=form)


@router.post("/notices/read")
def read_all(session: Books, by: By, now: Now) -> Response:
    """They have read everything."""
    notices.read_all(session, by=by, now=now)
    return see("/notices")


@router.post("/notices/address")
def leave_address(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Where they want to be written to."""
    try:
        notices.leave_address(session, form.text("email"), by=by, now=now)
    except Invalid as refusal:
        form.refuse("email", sentence(refusal))
        return _listing(request, session, by, form)
    response = see("/notices")
    flash.put(response, N_("Kept."))
    return response


@router.post("/notices/{notice_id}")
def read(session: Books, by: By, now: Now, notice_id: str) -> Response:
    """They have read it, and go where it leads."""
    return see(notices.read(session, notice_id, by=by, now=now).path)
