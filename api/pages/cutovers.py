"""Cut-over: opening balances brought in, looked at against the books, signed off by somebody else."""

from __future__ import annotations

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import cutovers, rights, users
from ledger.core import period as months
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.users import User

router = pages()
BESIDE = {"cutover_not_over": "period"}


@router.get("/cutovers")
def listing(request: Request, session: Books, by: By) -> Response:
    """Every cut-over, and the form for one."""
    return _listing(request, session, by, Form())


def _listing(request: Request, session: Session, by: User, form: Form) -> Response:
    found = cutovers.listing(session, by=by)
    who = [one for made in found for one in (made.drafted_by, made.published_by or "")]
    return page(
        request,
        "cutovers/list.html",
        status=422 if form.errors else 200,
        form=form,
        found=found,
        people=users.names(session, who),
        may_edit=rights.allows(by, "cutover.edit"),
    )


@router.post("/cutovers")
def draft(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Bring balances in."""
    rights.require(by, "cutover.edit")
    period, text = form.parsed("period", months.parse), form.required("text")
    if not form.ok or period is None:
        return _listing(request, session, by, form)
    try:
        made = cutovers.draft(session, period=period, text=text, by=by, now=now)
    except (Invalid, Conflict, NotFound) as refusal:
        form.refuse(BESIDE.get(refusal.code, "text"), sentence(refusal))
        return _listing(request, session, by, form)
    response = see(f"/cutovers/{made.id}")
    flash.put(response, N_("The balances are kept. Somebody else looks at them and signs them off."))
    return response


@router.get("/cutovers/{cutover_id}")
def show(request: Request, session: Books, by: By, cutover_id: str) -> Response:
    """One cut-over: what was given, what is booked, what will be posted."""
    return _shown(request, session, by, cutover_id, Form())


def _shown(request: Request, session: Session, by: User, cutover_id: str, form: Form) -> Response:
    made = cutovers.get(session, cutover_id, by=by)
    drawn = cutovers.draw(session, made)
    return page(
        request,
        "cutovers/cutover.html",
        status=422 if form.errors else 200,
        form=form,
        cutover=made,
        drawn=drawn,
        owners=cutovers.owners(session, drawn.compared),
        people=users.names(session, [made.drafted_by, made.published_by or ""]),
        may_sign=made.state == "draft" and rights.allows(by, "cutover.sign", made_by=made.drafted_by),
    )


@router.post("/cutovers/{cutover_id}/sign")
def sign(request: Request, session: Books, by: By, now: Now, cutover_id: str, form: Filled) -> Response:
    """Sign off what was seen."""
    try:
        cutovers.sign(session, cutover_id, seen=form.text("seen"), by=by, now=now)
    except Conflict as refusal:
        form.refuse("", sentence(refusal))
        return _shown(request, session, by, cutover_id, form)
    response = see(f"/cutovers/{cutover_id}")
    flash.put(response, N_("Signed off. The opening entry is in the books."))
    return response
