"""Holds on payment: what waits, why and until when; putting one and lifting it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_
from api.pages import fields, lists
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import deals, holds, managers, plans, rights, users
from ledger.clock import day_of
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.holds import Hold
from ledger.users import User

router = pages()

BESIDE = {
    "manager_unknown": "manager",
    "manager_ambiguous": "manager",
    "deal_unknown": "deal",
    "hold_scope": "stage",
    "hold_until_past": "until_on",
    "hold_until_missing": "until_on",
    "reason_missing": "reason",
}


@router.get("/holds")
def listing(request: Request, session: Books, by: By, now: Now) -> Response:
    """What waits and what waited, the latest first."""
    form = lists.filters(request)
    found = holds.listing(
        session,
        by=by,
        state=form.text("state"),
        before=form.text("before") or None,
        limit=lists.SHOWN + 1,
        day=day_of(now),
    )
    rows, older = lists.cut(request, found)
    return page(
        request,
        "holds/list.html",
        holds=rows,
        older=older,
        shown=form.text("state"),
        today=day_of(now),
        names=_names(session, rows),
        stages=_stages(session, rows),
        may_put=rights.allows(by, "hold.put"),
    )


def _names(session: Session, found: Sequence[Hold]) -> dict[str, str]:
    """Names of the people in some holds."""
    people = [who for hold in found for who in (hold.put_by, hold.lifted_by or "")]
    return managers.names(session, [hold.manager_id for hold in found]) | users.names(session, people)


def _stages(session: Session, found: Sequence[Hold]) -> dict[str, object]:
    """Titles of the stages in some holds, by “deal stage”."""
    titles: dict[str, object] = {}
    for hold in found:
        deal = session.get(deals.Deal, hold.deal_id) if hold.stage else None
        if deal is not None:
            plan = plans.value(plans.get(session, deal.plan_version_id))
            titles |= {f"{deal.id} {stage.id}": stage.title for stage in plan.stages}
    return titles


@router.get("/holds/new")
def new(request: Request, session: Books, by: By) -> Response:
    """What is to wait? The address may say it."""
    rights.require(by, "hold.put")
    return _new(request, session, lists.filters(request))


def _new(request: Request, session: Session, form: Form) -> Response:
    status = 422 if form.errors else 200
    return page(
        request, "holds/new.html", status=status, form=form, people=managers.search(session, "", limit=200)
    )


@router.post("/holds/new")
def put(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Let it wait."""
    rights.require(by, "hold.put")
    form.required("reason")
    day = form.parsed("until_on", fields.day)
    hold = None
    if form.ok:
        try:
            manager = managers.meant(session, form.text("manager")).id if form.text("manager") else ""
            hold = holds.put(
                session,
                manager_id=manager,
                deal_id=form.text("deal"),
                stage=form.text("stage"),
                reason=form.text("reason"),
                until_on=day,
                by=by,
                now=now,
            )
        except (Invalid, Conflict, NotFound) as refusal:
            form.refuse(BESIDE.get(refusal.code, ""), sentence(refusal))
    if hold is None:
        return _new(request, session, form)
    response = see("/holds?state=standing")
    flash.put(response, N_("It waits until {day}. The rest is paid."), day=hold.until_on)
    return response


@router.get("/holds/{hold_id}/lift")
def ask_lift(request: Request, session: Books, by: By, hold_id: str) -> Response:
    """Why does it wait no longer?"""
    rights.require(by, "hold.put")
    return _lift(request, session, holds.get(session, hold_id), Form())


def _lift(request: Request, session: Session, hold: Hold, form: Form) -> Response:
    return page(
        request,
        "holds/lift.html",
        status=422 if form.errors else 200,
        hold=hold,
        form=form,
        names=_names(session, [hold]),
        stages=_stages(session, [hold]),
    )


@router.post("/holds/{hold_id}/lift")
def lift(request: Request, session: Books, by: By, now: Now, hold_id: str, form: Filled) -> Response:
    """End it before its day."""
    if form.required("reason") and _lifted(session, hold_id, form, by, now):
        response = see("/holds")
        flash.put(response, N_("Lifted; it can be paid with the next run."))
        return response
    return _lift(request, session, holds.get(session, hold_id), form)


def _lifted(session: Session, hold_id: str, form: Form, by: User, now: datetime) -> bool:
    try:
        holds.lift(session, hold_id, reason=form.text("reason"), by=by, now=now)
    except (Conflict, Invalid) as refusal:
        form.refuse("reason", sentence(refusal))
    return form.ok
