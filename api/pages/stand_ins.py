"""Stand-ins: who approves for whom, and until when."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_
from api.pages import fields
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import rights, stand_ins, users
from ledger.clock import day_of
from ledger.core.errors import Conflict, Invalid
from ledger.policies import APPROVERS
from ledger.users import User

router = pages()


@router.get("/stand-ins")
def listing(request: Request, session: Books, by: By, now: Now) -> Response:
    """Everybody's, the latest first."""
    return _listing(request, session, by, now, Form(for_user=by.id))


def _listing(request: Request, session: Session, by: User, now: datetime, form: Form) -> Response:
    found = stand_ins.listing(session, by=by)
    named = [who for one in found for who in (one.for_user, one.by_user, one.put_by)]
    approvers = users.of_roles(session, APPROVERS)
    return page(
        request,
        "stand_ins/list.html",
        status=422 if form.errors else 200,
        form=form,
        found=found,
        today=day_of(now),
        people=users.names(session, named),
        approvers=[(one.id, one.name) for one in approvers],
        may_edit=rights.allows(by, "stand_in.edit"),
    )


@router.post("/stand-ins")
def put(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Name one."""
    rights.require(by, "stand_in.edit")
    first, last = form.parsed("from_on", fields.day), form.parsed("to_on", fields.day)
    away, there, reason = (form.required(name) for name in ("for_user", "by_user", "reason"))
    if form.ok and first and last:
        try:
            stand_ins.put(
                session,
                for_user=away,
                by_user=there,
                from_on=first,
                to_on=last,
                reason=reason,
                by=by,
                now=now,
            )
        except (Invalid, Conflict) as refusal:
            form.refuse("to_on" if refusal.code == "stand_in_days" else "by_user", sentence(refusal))
    if not form.ok:
        return _listing(request, session, by, now, form)
    response = see("/stand-ins")
    flash.put(response, N_("The stand-in is named."))
    return response


@router.post("/stand-ins/{stand_in_id}/end")
def end(session: Books, by: By, now: Now, stand_in_id: str) -> Response:
    """End one before its last day."""
    stand_ins.end(session, stand_in_id, by=by, now=now)
    response = see("/stand-ins")
    flash.put(response, N_("Ended."))
    return response
