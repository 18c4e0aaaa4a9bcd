"""Split agreements: proposing one, answering it on a phone, and what operations decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_
from api.pages import cards, lists, participants
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import accruals, agreements, deals, managers, milestones, rights, users
from ledger.agreements import SplitAgreement
from ledger.core.errors import Conflict, Invalid
from ledger.deals import Deal
from ledger.users import User

router = pages()

STATES = ("proposed", "refused", "binding", "countered", "replaced")


@router.get("/agreements")
def listing(request: Request, session: Books, by: By, state: str = "", before: str | None = None) -> Response:
    """Splits the viewer may see: refused ones, the oldest first; all others, the latest first."""
    found = agreements.listing(session, by=by, state=state or None, before=before, limit=lists.SHOWN + 1)
    rows, older = lists.cut(request, found)
    if state == "refused":
        rows.sort(key=lambda one: one.state_at)
    return page(
        request,
        "agreements/list.html",
        cards=cards.splits_of(session, rows),
        state_shown=state,
        states=STATES,
        older=older,
    )


# Proposing one, or another in its place


@router.get("/agreements/new")
def new(request: Request, session: Books, by: By, deal: str, stage: str = "") -> Response:
    """The form to propose a split of a stage."""
    chosen = deals.get(session, deal, by=by)
    rights.require(by, "agreement.propose", managers=deals.managers_of(session, deal))
    mine = participants.filled(session, {by.manager_id: "1"}) if by.manager_id else {}
    return _form(request, session, chosen, Form(deal=deal, stage=stage, **mine))


@router.post("/agreements")
def propose(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Propose a split; everybody named answers it."""
    deal = deals.get(session, form.text("deal"), by=by)
    stage, note = form.required("stage"), form.text("note")

    def record(weights: dict[str, str]) -> SplitAgreement:
        return agreements.propose(session, deal.id, stage=stage, weights=weights, note=note, by=by, now=now)

    return _proposed(request, session, deal, form, record, done=N_("The split is proposed."))


@router.get("/agreements/{id}/counter")
def counter_form(request: Request, id: str, session: Books, by: By) -> Response:
    """The form to propose other weights."""
    agreement = agreements.get(session, id, by=by)
    deal = deals.get(session, agreement.deal_id, by=by)
    form = Form(**participants.filled(session, agreement.weights))
    return _form(request, session, deal, form, instead_of=agreement)


@router.post("/agreements/{id}/counter")
def counter(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Propose other weights instead."""
    agreement = agreements.get(session, id, by=by)
    note = form.text("note")

    def record(weights: dict[str, str]) -> SplitAgreement:
        return agreements.counter(session, id, weights=weights, note=note, by=by, now=now)

    deal = deals.get(session, agreement.deal_id, by=by)
    done = N_("Your proposal takes the place of the other.")
    return _proposed(request, session, deal, form, record, done=done, instead_of=agreement)


@router.get("/agreements/{id}/decide")
def decision(request: Request, id: str, session: Books, by: By) -> Response:
    """The form in which operations settle a split."""
    agreement = agreements.get(session, id, by=by)
    _require_decide(by, agreement)
    deal = deals.get(session, agreement.deal_id, by=by)
    form = Form(**participants.filled(session, agreement.weights))
    return _form(request, session, deal, form, instead_of=agreement, decides=True)


@router.post("/agreements/{id}/decide")
def decide(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Settle a split that the participants do not."""
    agreement = agreements.get(session, id, by=by)
    _require_decide(by, agreement)
    reason = form.text("note") if form.text("do") == "more" else form.required("note")

    def record(weights: dict[str, str]) -> SplitAgreement:
        return agreements.decide(session, id, weights=weights, reason=reason, by=by, now=now)

    deal = deals.get(session, agreement.deal_id, by=by)
    done = N_("Decided; this split is in force.")
    return _proposed(request, session, deal, form, record, done=done, instead_of=agreement, decides=True)


def _require_decide(by: User, agreement: SplitAgreement) -> None:
    rights.require(by, "agreement.decide", managers=agreement.weights, made_by=agreement.proposed_by)


def _proposed(
    request: Request,
    session: Session,
    deal: Deal,
    form: Form,
    record: Callable[[dict[str, str]], SplitAgreement],
    *,
    done: str,
    **shown: Any,
) -> Response:
    """Keep the version, or show the form again with what is wrong."""
    if form.text("do") == "more":
        form.errors.clear()
        return _form(request, session, deal, form, more=True, **shown)
    weights = participants.given(session, form)
    kept = _kept(form, record, weights) if form.ok else None
    if kept is None:
        return _form(request, session, deal, form, status=422, **shown)
    response = see(f"/agreements/{kept.id}")
    flash.put(response, done)
    return response


_FIELDS = {"stage_unknown": "stage", "stage_verified": "stage", "agreement_open": "stage"}


def _kept(
    form: Form, record: Callable[[dict[str, str]], SplitAgreement], weights: dict[str, str]
) -> SplitAgreement | None:
    try:
        return record(weights)
    except (Conflict, Invalid) as refusal:
        form.refuse(_FIELDS.get(refusal.code, ""), sentence(refusal))
        return None


def _form(
    request: Request,
    session: Session,
    deal: Deal,
    form: Form,
    *,
    status: int = 200,
    more: bool = False,
    instead_of: SplitAgreement | None = None,
    decides: bool = False,
) -> Response:
    plan = accruals.plan_of(session, deal)
    reached = milestones.progress(session, [deal.id]).get(deal.id, {})
    return page(
        request,
        "agreements/form.html",
        status=status,
        form=form,
        deal=deal,
        graded=bool(plan.grades),
        instead_of=cards.splits_of(session, [instead_of])[0] if instead_of else None,
        refusals=_refusals(session, instead_of),
        decides=decides,
        stages=[
            (stage.id, cards.stage_title(plan, stage.id))
            for stage in plan.stages
            if reached.get(stage.id) != "verified"
        ],
        **participants.shown(session, form, more=more),
    )


def _refusals(session: Session, agreement: SplitAgreement | None) -> list[tuple[str, str]]:
    """Who refused a version, by name, and why."""
    said = agreements.answers(session, [agreement.id]) if agreement else []
    names = managers.names(session, [one.manager_id for one in said])
    return [
        (names.get(one.manager_id, one.manager_id), one.reason) for one in said if one.answer == "refused"
    ]


# Looking at one, and answering it


@router.get("/agreements/{id}")
def show(request: Request, id: str, session: Books, by: By) -> Response:
    """One version: everybody's part and answer, and what the viewer may do with it."""
    return _agreement(request, session, agreements.get(session, id, by=by), by, Form())


def _agreement(
    request: Request, session: Session, agreement: SplitAgreement, by: User, form: Form, status: int = 200
) -> Response:
    deal = deals.get(session, agreement.deal_id, by=by)
    others = [one for one in agreements.of_deal(session, deal.id, by=by) if one.stage == agreement.stage]
    said = {one.manager_id: one for one in agreements.answers(session, [agreement.id])}
    return page(
        request,
        "agreements/agreement.html",
        status=status,
        form=form,
        card=cards.splits_of(session, [agreement])[0],
        graded=bool(accruals.plan_of(session, deal).grades),
        said=said,
        versions=cards.splits_of(session, others),
        users=users.names(session, [one.proposed_by for one in others]),
        may=_may(session, agreement, said, by),
    )


def _may(session: Session, agreement: SplitAgreement, said: dict[str, Any], by: User) -> dict[str, bool]:
    """What the viewer may do with the version as it stands."""
    concerned, is_open = agreement.weights, agreement.state in agreements.OPEN
    takes_part = deals.managers_of(session, agreement.deal_id)
    may_answer = rights.allows(by, "agreement.answer", managers=concerned)
    return {
        "answer": may_answer and agreement.state == "proposed" and by.manager_id not in said,
        "counter": is_open and rights.allows(by, "agreement.propose", managers=takes_part),
        "decide": is_open
        and rights.allows(by, "agreement.decide", managers=concerned, made_by=agreement.proposed_by),
        "log": agreement.state == "binding"
        and rights.allows(by, "milestone.log", managers=takes_part)
        and milestones.progress(session, [agreement.deal_id]).get(agreement.deal_id, {}).get(agreement.stage)
        is None,
    }


@router.post("/agreements/{id}/accept")
def accept(id: str, session: Books, by: By, now: Now) -> Response:
    """Agree to it."""
    agreement = agreements.accept(session, id, by=by, now=now)
    response = see(f"/agreements/{id}")
    settled = agreement.state == "binding"
    flash.put(response, N_("Everybody agrees; this split is in force.") if settled else N_("Accepted."))
    return response


@router.post("/agreements/{id}/refuse")
def refuse(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Disagree, with the reason."""
    reason = form.required("reason")
    if not form.ok:
        return _agreement(request, session, agreements.get(session, id, by=by), by, form, 422)
    agreements.refuse(session, id, reason=reason, by=by, now=now)
    response = see(f"/agreements/{id}")
    flash.put(response, N_("Refused. Operations decide, unless somebody proposes another split."))
    return response
