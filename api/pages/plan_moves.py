"""Moving a deal to another version of a plan: looked at with what everybody gets, then done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_, either
from api.pages import allocations, changes
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import deals, managers, plan_moves, plans, rights
from ledger.core.errors import Refused
from ledger.deals import Deal
from ledger.users import User

router = pages()


@router.get("/deals/{id}/move")
def form(request: Request, id: str, session: Books, by: By) -> Response:
    """The form to choose another version."""
    deal = _deal(session, id, by)
    return _shown(request, session, deal, Form())


@router.post("/deals/{id}/move")
def move(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Show what everybody would get; move the deal where that was seen and agreed to."""
    deal = _deal(session, id, by)
    version, reason = form.required("version"), form.required("reason")
    if not form.ok:
        return _shown(request, session, deal, form)
    try:
        if form.text("confirmed") and form.text("seen") == changes.content(form):
            plan_moves.move(session, id, version_id=version, reason=reason, by=by, now=now)
            response = see(f"/deals/{id}")
            flash.put(response, N_("The deal is moved to the other plan."))
            return response
        return _shown(request, session, deal, form, **_preview(session, deal, version, by, now))
    except Refused as refusal:
        form.refuse("version", sentence(refusal))
        return _shown(request, session, deal, form)


def _deal(session: Session, id: str, by: User) -> Deal:
    deal = deals.get(session, id, by=by)
    rights.require(by, "deal.move", managers=deals.managers_of(session, id))
    return deal


def _preview(session: Session, deal: Deal, version: str, by: User, now: datetime) -> dict[str, Any]:
    seen = plan_moves.preview(session, deal.id, version_id=version, by=by, now=now)
    names = managers.names(session, [one.manager_id for one in seen.managers])
    return {
        "managers": [(names.get(one.manager_id, one.manager_id), one) for one in seen.managers],
        "foreseen": allocations.foreseen(session, deal, seen.drawn),
    }


def _shown(request: Request, session: Session, deal: Deal, form: Form, **preview: Any) -> Response:
    versions = [
        (one.id, f"{either(one.title_zh, one.title_en)} v{one.version}")
        for one in plan_moves.choices(session, deal)
    ]
    return page(
        request,
        "deals/move.html",
        status=200 if form.ok else 422,
        form=form,
        deal=deal,
        version=plans.get(session, deal.plan_version_id),
        versions=versions,
        seen=changes.content(form),
        **{"managers": [], "foreseen": None, **preview},
    )
