"""Needs: the list, one need, logging one, opening a deal from one."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from sqlmodel import Session

from api import codes, flash
from api.doors import Books, By, Files, Now
from api.forms import Filled, Form
from api.language import N_, either
from api.pages import cards, fields, lists, uploads
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import claims, deals, evidence, managers, milestones, needs, organisations, plans, results, rights
from ledger.clock import day_of
from ledger.core.errors import Conflict, Invalid
from ledger.needs import Need
from ledger.users import User

router = pages(body_most=uploads.FORM_MOST)

STATES = ("open", "matched", "closed")


@router.get("/needs")
def listing(
    request: Request, session: Books, by: By, now: Now, state: str = "", before: str | None = None
) -> Response:
    """Needs the viewer may see, the latest first."""
    found = needs.listing(session, by=by, state=state or None, before=before, limit=lists.SHOWN + 1)
    rows, older = lists.cut(request, found)
    return page(
        request,
        "needs/list.html",
        cards=cards.needs_of(session, rows),
        state_shown=state,
        states=STATES,
        older=older,
        now=now,
        may_log=rights.allows(by, "need.log"),
    )


@router.get("/needs/new")
def new(request: Request, session: Books, by: By, now: Now) -> Response:
    """The form to log a need."""
    rights.require(by, "need.log")
    return _form(request, session, Form(found_on=str(day_of(now))))


@router.post("/needs")
def log(request: Request, session: Books, store: Files, by: By, now: Now, form: Filled) -> Response:
    """Log a need, with what shows it."""
    need = _logged(session, form, by, now)
    if need is not None:
        uploads.keep(session, store, form, "files", need.id, by=by, now=now)
    if need is None or not form.ok:
        uploads.chosen_again(form, "files")
        return _form(request, session, form, 422)
    response = see(f"/needs/{need.id}")
    flash.put(response, N_("The need is logged."))
    return response


def _logged(session: Session, form: Form, by: User, now: Now) -> Need | None:
    title, client = form.required("title"), form.required("client")
    found_on = form.parsed("found_on", fields.day)
    finder = None
    if by.role != "manager" and form.text("manager"):
        finder = form.parsed("manager", lambda text: managers.meant(session, text))
    if not form.ok:
        return None
    try:
        return needs.log(
            session,
            title=title,
            client=client,
            detail=form.text("detail"),
            found_on=found_on,
            manager_id=finder.id if finder else None,
            by=by,
            now=now,
        )
    except Invalid as refusal:
        form.refuse(_FIELDS.get(refusal.code, ""), sentence(refusal))
        return None


_FIELDS = {"need_title": "title", "day_in_future": "found_on", "organisation_name": "client"}


def _form(request: Request, session: Session, form: Form, status: int = 200) -> Response:
    return page(
        request,
        "needs/new.html",
        status=status,
        form=form,
        clients=organisations.search(session, "", limit=200),
        people=managers.search(session, "", limit=300),
    )


@router.get("/needs/{id}")
def show(request: Request, id: str, session: Books, by: By) -> Response:
    """One need: what is looked for, by whom, its evidence, and the deal it became."""
    return _need(request, session, needs.get(session, id, by=by), by, Form())


def _need(
    request: Request, session: Session, need: Need, by: User, form: Form, status: int = 200
) -> Response:
    return page(
        request,
        "needs/need.html",
        status=status,
        card=cards.needs_of(session, [need])[0],
        evidence=evidence.of(session, need.id),
        deal=deals.of_need(session, need.id),
        may_open=need.state == "open" and rights.allows(by, "deal.open"),
        may_add=rights.allows(by, "need.log"),
        likely=results.likely_for(session, need, by=by),
        **_together(session, need, by),
        form=form,
    )


def _together(session: Session, need: Need, by: User) -> dict[str, Any]:
    """Who brought it together with what; which needs may be the same, and whose claim it is."""
    told, alike = results.pairings(session, need_id=need.id), claims.alike(session, need)
    return {
        "pairings": told,
        "paired": results.by_id(session, [one.result_id for one in told]),
        "names": managers.names(
            session, [one.manager_id for one in told] + [one.need.manager_id or "" for one in alike]
        ),
        "alike": alike,
        "is_holder": claims.holder(session, need).id == need.id,
        "contested": claims.of_need(session, need.id),
        "may_contest": rights.allows(by, "claim.contest", managers=[need.manager_id or ""]),
    }


@router.post("/needs/{id}/evidence")
def add_evidence(
    request: Request, id: str, session: Books, store: Files, by: By, now: Now, form: Filled
) -> Response:
    """More files beside a need."""
    need = needs.get(session, id, by=by)
    rights.require(by, "need.log")
    uploads.keep(session, store, form, "files", need.id, by=by, now=now)
    if not form.ok:
        return _need(request, session, need, by, form, 422)
    return see(f"/needs/{id}")


@router.get("/needs/{id}/deal")
def offer(request: Request, id: str, session: Books, by: By, now: Now) -> Response:
    """The form to open a deal from a need."""
    rights.require(by, "deal.open")
    need = needs.get(session, id, by=by)
    known = deals.of_need(session, id)
    if known is not None:
        return see(f"/deals/{known.id}")
    return _deal_form(request, session, need, Form(title=need.title, first="yes"), now)


@router.post("/needs/{id}/deal")
def open_deal(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Open a deal; if wanted, with the stage that the need itself reached, ready to be verified."""
    need = needs.get(session, id, by=by)
    rights.require(by, "deal.open")
    deal = _opened(session, need, form, by, now)
    if deal is None:
        return _deal_form(request, session, need, form, now, 422)
    if form.text("first") and need.manager_id:
        milestones.log_first(session, deal, need, by=by, now=now)
    response = see(f"/deals/{deal.id}")
    flash.put(response, N_("The deal is open."))
    return response


def _opened(session: Session, need: Need, form: Form, by: User, now: Now) -> deals.Deal | None:
    plan_id, title = form.required("plan"), form.required("title")
    fee_minor = form.parsed("expected_fee", fields.above_zero)
    tax_rate = form.parsed("tax_rate", fields.rate) if form.text("tax_rate") else None
    if not form.ok or fee_minor is None:
        return None
    try:
        return claims.open_deal(
            session,
            need,
            plan_id=plan_id,
            expected_fee_minor=fee_minor,
            source=form.text("source") or None,
            category=form.text("category") or None,
            mode=form.text("mode") or None,
            tax_rate=tax_rate,
            title=title,
            by=by,
            now=now,
        )
    except (Invalid, Conflict) as refusal:
        form.refuse({"plan_refuses_deal": "plan"}.get(refusal.code, ""), sentence(refusal))
        return None


def _deal_form(
    request: Request, session: Session, need: Need, form: Form, now: Now, status: int = 200
) -> Response:
    offered = plans.offered(session, day_of(now))
    context: dict[str, Any] = {
        "card": cards.needs_of(session, [need])[0],
        "plans": [
            (plan.plan_id, f"{either(plan.title_zh, plan.title_en)} v{plan.version}") for plan in offered
        ],
        "categories": codes.choices("category"),
        "modes": codes.choices("mode"),
        "sources": organisations.search(session, "", limit=200),
    }
    return page(request, "needs/deal.html", status=status, form=form, **context)
