"""Leaving: open deals handed to others, and what is owed either way; owings, for finance."""

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
from ledger import leavings, managers, owings, rights
from ledger.clock import day_of
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from ledger.users import User

router = pages()


@router.get("/managers/{id}/leaving")
def show(request: Request, id: str, session: Books, by: By, now: Now) -> Response:
    """What somebody who leaves has still to settle."""
    return _leaving(request, session, id, by, Form(from_on=str(day_of(now))))


def _leaving(request: Request, session: Session, id: str, by: User, form: Form) -> Response:
    rights.require(by, "books.see")
    manager = managers.seen(session, id, by=by)
    others = [one for one in managers.search(session, "", limit=300) if one.id != id]
    return page(
        request,
        "leavings/leaving.html",
        status=422 if form.errors else 200,
        form=form,
        manager=manager,
        leaving=leavings.of(session, id, by=by),
        others=[(one.id, f"{one.name} ({one.id})") for one in others],
        may_hand_over=rights.allows(by, "deal.hand_over", managers=[id]),
        may_settle=rights.allows(by, "owing.settle", managers=[id]),
    )


@router.post("/managers/{id}/hand-over")
def hand_over(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Hand the deals over for which somebody was chosen."""
    rights.require(by, "deal.hand_over", managers=[id])
    reason, from_on = form.required("reason"), form.parsed("from_on", fields.day)
    chosen = {name.removeprefix("deal:"): form.text(name) for name in form.fields if name.startswith("deal:")}
    chosen = {deal_id: heir for deal_id, heir in chosen.items() if heir}
    if not chosen:
        form.refuse("", sentence(Invalid("handover_nobody", "choose who takes over a deal")))
    if form.ok and from_on is not None:
        try:
            for deal_id, heir in sorted(chosen.items()):
                given = {"from_manager": id, "to_manager": heir, "from_on": from_on, "reason": reason}
                leavings.hand_over(session, deal_id, **given, by=by, now=now)  # type: ignore[arg-type]
        except (Invalid, Conflict, NotFound, Forbidden) as refusal:
            form.refuse("", sentence(refusal))
    if not form.ok:
        return _leaving(request, session, id, by, form)
    response = see(f"/managers/{id}/leaving")
    flash.put(response, N_("Handed over. What was earned stays with who earned it."))
    return response


@router.get("/owings")
def listing(request: Request, session: Books, by: By, now: Now) -> Response:
    """Everybody against whom something stands."""
    return _owings(request, session, by, Form(on=str(day_of(now))))


def _owings(request: Request, session: Session, by: User, form: Form) -> Response:
    found = owings.listing(session, by=by)
    return page(
        request,
        "leavings/owings.html",
        status=422 if form.errors else 200,
        form=form,
        found=found,
        names=managers.names(session, [one.manager_id for one in found]),
        owed_minor=sum(one.owed_minor for one in found),
        against_minor=sum(one.against_minor for one in found),
        may_settle={one.manager_id for one in found if _may_settle(by, one.manager_id)},
    )


def _may_settle(by: User, manager_id: str) -> bool:
    return rights.allows(by, "owing.settle", managers=[manager_id])


@router.post("/owings/{id}/{step}")
def settle(request: Request, id: str, step: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """They leave owing, paid something back, or it is given up."""
    rights.require(by, "owing.settle", managers=[id])
    try:
        _settle(session, id, step, form, by, now)
    except Refused as refusal:
        form.refuse("", sentence(refusal))
    if not form.ok:
        if not form.error(""):
            form.refuse("", next(iter(form.errors.values())))
        return _owings(request, session, by, form)
    response = see("/owings")
    flash.put(response, N_("It is booked."))
    return response


def _settle(session: Session, id: str, step: str, form: Form, by: User, now: datetime) -> None:
    reason = form.required("reason")
    if step == "leave":
        if form.ok:
            owings.leave(session, id, reason=reason, by=by, now=now)
        return
    minor = form.parsed("amount", fields.above_zero)
    if step == "write-off" and form.ok and minor is not None:
        owings.write_off(session, id, amount_minor=minor, reason=reason, by=by, now=now)
    elif step == "repay":
        on = form.parsed("on", fields.day)
        if form.ok and minor is not None and on is not None:
            owings.repay(session, id, amount_minor=minor, on=on, ref=reason, by=by, now=now)
    elif step not in ("write-off", "repay"):
        raise NotFound("page_unknown", "there is no such step")
