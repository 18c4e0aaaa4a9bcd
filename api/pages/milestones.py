"""Milestones: logging one, changing one that was sent back, and verifying them with the evidence in view."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Files, Now
from api.forms import Filled, Form
from api.language import N_
from api.pages import allocations, cards, fields, lists, participants, uploads
from api.pages.changes import change as changed
from api.pages.changes import on
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import (
    accruals,
    agreements,
    deals,
    evidence,
    facts,
    managers,
    milestones,
    needs,
    organisations,
    origins,
    results,
    rights,
    users,
)
from ledger.clock import day_of
from ledger.core import facts as core
from ledger.core.errors import Refused
from ledger.deals import Deal
from ledger.journal import Entry
from ledger.milestones import Milestone
from ledger.users import User

router = pages(body_most=uploads.FORM_MOST)

STATES = ("draft", "submitted", "verified", "rejected", "withdrawn")


@router.get("/milestones")
def listing(
    request: Request, session: Books, by: By, now: Now, state: str = "", before: str | None = None
) -> Response:
    """Milestones the viewer may see: those that wait, the oldest first; all others, the latest first."""
    found = milestones.listing(session, by=by, state=state or None, before=before, limit=lists.SHOWN + 1)
    rows, older = lists.cut(request, found)
    return page(
        request,
        "milestones/list.html",
        cards=cards.milestones_of(session, rows),
        state_shown=state,
        states=STATES,
        older=older,
        now=now,
    )


# Logging one


@router.get("/milestones/new")
def new(
    request: Request, session: Books, by: By, now: Now, deal: str = "", stage: str = "", q: str = ""
) -> Response:
    """First which deal, then the form."""
    if not deal:
        found = deals.listing(session, by=by, text=q.strip(), limit=30)
        alive = [card for card in cards.of(session, found) if card.state == "open"]
        return page(request, "milestones/choose.html", cards=alive, q=q.strip())
    chosen = deals.get(session, deal, by=by)
    rights.require(by, "milestone.log", managers=deals.managers_of(session, deal))
    given = {"reached_on": str(day_of(now)), "deal": deal, "stage": stage}
    if by.manager_id and not _agreed(session, chosen):
        given |= participants.filled(session, {by.manager_id: "1"})
    return _form(request, session, chosen, Form(**given))


@router.post("/milestones")
def log(request: Request, session: Books, store: Files, by: By, now: Now, form: Filled) -> Response:
    """Log a milestone, as a draft or straight to operations."""
    deal = deals.get(session, form.text("deal"), by=by)
    if form.text("do") == "more":
        return _more(request, session, deal, form)
    logged = _logged(session, deal, form, by, now)
    if logged is not None:
        uploads.keep(session, store, form, "files", logged.id, by=by, now=now)
    if logged is None or not form.ok:
        uploads.chosen_again(form, "files")
        return _form(request, session, deal, form, 422)
    response = see(f"/milestones/{logged.id}")
    flash.put(
        response,
        N_("The milestone is kept as a draft.")
        if logged.state == "draft"
        else N_("The milestone is with operations now."),
    )
    return response


def _more(
    request: Request, session: Session, deal: Deal, form: Form, milestone: Milestone | None = None
) -> Response:
    """The same form with more rows for people."""
    uploads.chosen_again(form, "files")
    return _form(request, session, deal, form, milestone=milestone, more=True)


def _logged(session: Session, deal: Deal, form: Form, by: User, now: datetime) -> Milestone | None:
    stage, reached_on = form.required("stage"), _reached_on(form, now)
    people = _people(session, deal.id, stage, form)
    if not form.ok or reached_on is None:
        return None
    try:
        return milestones.log(
            session,
            deal_id=deal.id,
            stage=stage,
            reached_on=reached_on,
            participants=people,
            note=form.text("note"),
            submit=form.text("do") != "draft",
            by=by,
            now=now,
        )
    except Refused as refusal:
        _refuse(form, refusal)
        return None


def _people(session: Session, deal_id: str, stage: str, form: Form) -> dict[str, str]:
    """Who took part; nobody needs to be named where that is agreed."""
    agreed = agreements.in_force(session, deal_id, stage)
    return participants.given(session, form, required=agreed is None)


_FIELDS = {
    "stage_unknown": "stage",
    "participants_weightless": "weight1",
    "participants_missing": "who1",
    "split_agreed": "who1",
}


def _refuse(form: Form, refusal: Refused) -> None:
    """Beside its field, where it has one; else it is the page's, like anybody's."""
    if refusal.code not in _FIELDS:
        raise refusal
    form.refuse(_FIELDS[refusal.code], sentence(refusal))


def _reached_on(form: Form, now: datetime) -> Any:
    return form.parsed("reached_on", lambda text: needs.not_later(fields.day(text), now))


def _form(
    request: Request,
    session: Session,
    deal: Deal,
    form: Form,
    status: int = 200,
    milestone: Milestone | None = None,
    more: bool = False,
) -> Response:
    plan = accruals.plan_of(session, deal)
    reached = milestones.progress(session, [deal.id]).get(deal.id, {})
    return page(
        request,
        "milestones/form.html",
        status=status,
        form=form,
        deal=deal,
        milestone=milestone,
        agreed=_agreed(session, deal),
        client=organisations.names(session, [deal.client_id]).get(deal.client_id, ""),
        plan=plan,
        marks=cards.marks(plan, reached),
        stages=[(stage.id, cards.stage_title(plan, stage.id)) for stage in plan.stages],
        **participants.shown(session, form, more=more),
    )


def _agreed(session: Session, deal: Deal) -> list[cards.SplitCard]:
    """The splits in force, of stages that nobody has reached yet."""
    reached = milestones.progress(session, [deal.id]).get(deal.id, {})
    return [
        card
        for card in cards.splits_of(session, agreements.standing(session, deal.id))
        if card.agreement.state == "binding" and reached.get(card.agreement.stage) != "verified"
    ]


# Looking at one, and deciding


@router.get("/milestones/{id}")
def show(request: Request, id: str, session: Books, by: By, now: Now) -> Response:
    """One milestone: facts beside evidence; for who may verify it, what that will post."""
    return _milestone(request, session, milestones.get(session, id, by=by), by, now, Form())


def _milestone(
    request: Request,
    session: Session,
    milestone: Milestone,
    by: User,
    now: datetime,
    form: Form,
    status: int = 200,
) -> Response:
    deal = deals.get(session, milestone.deal_id, by=by)
    plan = accruals.plan_of(session, deal)
    foreseen, hindrance = _foreseen(session, deal, milestone, by, now)
    return page(
        request,
        "milestones/milestone.html",
        status=status,
        form=form,
        card=cards.milestones_of(session, [milestone])[0],
        deal=cards.of(session, [deal])[0],
        asked_for=next((stage.evidence for stage in plan.stages if stage.id == milestone.stage), ()),
        names=managers.names(session, milestone.participants),
        grades=managers.grades_on(session, milestone.participants, milestone.reached_on),
        users=users.names(session, [milestone.logged_by, milestone.decided_by or ""]),
        evidence=evidence.of(session, milestone.id),
        need_evidence=_of_need(session, deal, milestone, plan.stages[0].id),
        **_brought_together(session, deal),
        may=_may(session, milestone, by),
        foreseen=foreseen,
        hindrance=hindrance,
        following=_following(session, milestone, by),
        entries=_entries(session, milestone, by),
    )


def _of_need(session: Session, deal: Deal, milestone: Milestone, first: str) -> list[evidence.Evidence]:
    """The need's own files show that the first stage was reached."""
    return evidence.of(session, deal.need_id) if deal.need_id and milestone.stage == first else []


def _brought_together(session: Session, deal: Deal) -> dict[str, Any]:
    """Who brought the deal's need together with which results: what sourcing rests on."""
    told = results.pairings(session, need_id=deal.need_id) if deal.need_id else []
    return {
        "pairings": told,
        "paired": results.by_id(session, [one.result_id for one in told]),
        "brought_by": managers.names(session, [one.manager_id for one in told]),
    }


def _may(session: Session, milestone: Milestone, by: User) -> dict[str, bool]:
    """What the viewer may do with the milestone as it stands."""
    taking_part, state = milestone.participants, milestone.state
    may_log = rights.allows(by, "milestone.log", managers=deals.managers_of(session, milestone.deal_id))
    may_decide = rights.allows(by, "milestone.verify", managers=taking_part, made_by=milestone.logged_by)
    return {
        "decide": may_decide and state == "submitted",
        "not_own": state == "submitted" and not may_decide and by.role == "operator",
        "withdraw": state == "verified" and rights.allows(by, "milestone.withdraw", managers=taking_part),
        "share": state == "verified" and rights.allows(by, "milestone.share", managers=taking_part),
        "change": may_log and state in ("draft", "rejected"),
        "submit": may_log and state == "draft",
        "add": may_log and state in ("draft", "rejected", "submitted"),
    }


def _foreseen(
    session: Session, deal: Deal, milestone: Milestone, by: User, now: datetime
) -> tuple[allocations.Foreseen | None, str]:
    """What verifying it would post, or why it cannot be verified."""
    if milestone.state != "submitted" or not rights.allows(by, "books.see"):
        return None, ""
    try:
        drawn = accruals.preview(session, deal, [milestones.as_fact(session, milestone)], now=now)
    except Refused as refusal:
        return None, sentence(refusal)
    return allocations.foreseen(session, deal, drawn), ""


def _entries(session: Session, milestone: Milestone, by: User) -> list[Entry]:
    """What the books hold about its stage, for those who see the books."""
    told = milestone.fact_id is not None and rights.allows(by, "books.see")
    return origins.entries_of(session, milestone) if told else []


def _following(session: Session, milestone: Milestone, by: User) -> Milestone | None:
    """The next one that waits, for who verifies one after another."""
    if by.role != "operator":
        return None
    return next((one for one in milestones.waiting(session, limit=2) if one.id != milestone.id), None)


@router.post("/milestones/{id}/verify")
def verify(request: Request, id: str, session: Books, by: By, now: Now) -> Response:
    """Accept it as true; what everybody earned is brought up to date."""
    milestones.verify(session, id, by=by, now=now)
    response = see(f"/milestones/{id}")
    flash.put(response, N_("Verified. What everybody earned is in the books."))
    return response


@router.post("/milestones/{id}/reject")
def reject(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Send it back with the reason."""
    reason = form.required("reason")
    if not form.ok:
        return _milestone(request, session, milestones.get(session, id, by=by), by, now, form, 422)
    milestones.reject(session, id, reason=reason, by=by, now=now)
    response = see(f"/milestones/{id}")
    flash.put(response, N_("Sent back with your reason."))
    return response


@router.get("/milestones/{id}/withdraw")
def withdrawal(request: Request, id: str, session: Books, by: By, now: Now) -> Response:
    """The form to take a verified milestone back."""
    milestone = milestones.get(session, id, by=by)
    rights.require(by, "milestone.withdraw", managers=milestone.participants)
    deal, form = deals.get(session, milestone.deal_id, by=by), Form(on=str(day_of(now)))
    back = f"/milestones/{id}"
    return page(request, "milestones/withdraw.html", form=form, deal=deal, seen="", foreseen=None, back=back)


@router.post("/milestones/{id}/withdraw")
def withdraw(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Take a verified milestone back: the fact stays, another undoes it from a day on."""
    milestone = milestones.get(session, id, by=by)
    rights.require(by, "milestone.withdraw", managers=milestone.participants)

    def draw(session: Session, deal: Deal, form: Form, now: datetime) -> core.Fact | None:
        form.required("reason")
        day = on(form, now)
        if not form.ok or day is None:
            return None
        return core.MilestoneWithdrawn(day, milestone.stage, facts.next_seq(session, deal.id))

    def record(session: Session, deal: Deal, form: Form, by: User, now: datetime) -> object:
        day, reason = fields.day(form.text("on")), form.text("reason")
        return milestones.withdraw(session, id, reason=reason, on=day, by=by, now=now)

    return changed(
        request,
        session,
        deals.get(session, milestone.deal_id, by=by),
        form,
        by,
        now,
        template="milestones/withdraw.html",
        draw=draw,
        record=record,
        done=N_("The milestone is withdrawn."),
        back=f"/milestones/{id}",
    )


# Others took part after all


@router.get("/milestones/{id}/participants")
def sharing(request: Request, id: str, session: Books, by: By) -> Response:
    """The form to say who took part in a verified milestone after all."""
    milestone = milestones.get(session, id, by=by)
    rights.require(by, "milestone.share", managers=milestone.participants)
    form = Form(**participants.filled(session, milestone.participants))
    return _share_form(request, session, milestone, by, form)


def _share_form(
    request: Request, session: Session, milestone: Milestone, by: User, form: Form, more: bool = False
) -> Response:
    return page(
        request,
        "milestones/share.html",
        form=form,
        deal=deals.get(session, milestone.deal_id, by=by),
        seen="",
        foreseen=None,
        back=f"/milestones/{milestone.id}",
        **participants.shown(session, form, more=more),
    )


@router.post("/milestones/{id}/participants")
def share(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Say who took part after all: looked at with what it will post, then recorded as a new fact."""
    milestone = milestones.get(session, id, by=by)
    rights.require(by, "milestone.share", managers=milestone.participants)
    if form.text("do") == "more":
        return _share_form(request, session, milestone, by, form, more=True)

    def draw(session: Session, deal: Deal, form: Form, now: datetime) -> core.Fact | None:
        people = participants.given(session, form)
        form.required("reason")
        return milestones.as_fact(session, milestone, people) if form.ok else None

    def record(session: Session, deal: Deal, form: Form, by: User, now: datetime) -> object:
        people, reason = participants.given(session, form), form.text("reason")
        return milestones.share(session, id, participants=people, reason=reason, by=by, now=now)

    return changed(
        request,
        session,
        deals.get(session, milestone.deal_id, by=by),
        form,
        by,
        now,
        template="milestones/share.html",
        draw=draw,
        record=record,
        done=N_("It is shared otherwise now; the difference is in the books."),
        back=f"/milestones/{id}",
        **participants.shown(session, form),
    )


# Changing one that was sent back


@router.get("/milestones/{id}/change")
def edit(request: Request, id: str, session: Books, by: By) -> Response:
    """The form again, as it was sent."""
    milestone = milestones.get(session, id, by=by)
    deal = deals.get(session, milestone.deal_id, by=by)
    rights.require(by, "milestone.log", managers=deals.managers_of(session, deal.id))
    given = {"reached_on": str(milestone.reached_on), "note": milestone.note, "stage": milestone.stage}
    given |= participants.filled(session, milestone.participants)
    return _form(request, session, deal, Form(**given), milestone=milestone)


@router.post("/milestones/{id}/change")
def change(
    request: Request, id: str, session: Books, store: Files, by: By, now: Now, form: Filled
) -> Response:
    """Change it and hand it to operations again, or keep the change as a draft."""
    milestone = milestones.get(session, id, by=by)
    deal = deals.get(session, milestone.deal_id, by=by)
    if form.text("do") == "more":
        return _more(request, session, deal, form, milestone)
    reached_on, people = _reached_on(form, now), _people(session, deal.id, milestone.stage, form)
    if form.ok:
        _changed(session, id, form, reached_on, people, by, now)
    if form.ok:
        uploads.keep(session, store, form, "files", id, by=by, now=now)
    if not form.ok:
        uploads.chosen_again(form, "files")
        return _form(request, session, deal, form, 422, milestone)
    response = see(f"/milestones/{id}")
    if form.text("do") == "draft":
        flash.put(response, N_("The milestone is kept as a draft."))
    else:
        milestones.submit(session, id, by=by, now=now)
        flash.put(response, N_("The milestone is with operations now."))
    return response


def _changed(
    session: Session, id: str, form: Form, reached_on: Any, people: dict[str, str], by: User, now: datetime
) -> None:
    note = form.text("note")
    try:
        milestones.change(session, id, reached_on=reached_on, participants=people, note=note, by=by, now=now)
    except Refused as refusal:
        _refuse(form, refusal)


@router.post("/milestones/{id}/submit")
def submit(id: str, session: Books, by: By, now: Now) -> Response:
    """Hand a draft to operations."""
    milestones.submit(session, id, by=by, now=now)
    response = see(f"/milestones/{id}")
    flash.put(response, N_("The milestone is with operations now."))
    return response


@router.post("/milestones/{id}/evidence")
def add_evidence(
    request: Request, id: str, session: Books, store: Files, by: By, now: Now, form: Filled
) -> Response:
    """More files beside a milestone that is not decided yet."""
    milestone = milestones.get(session, id, by=by)
    evidence.require(session, id, by=by)
    if not _may(session, milestone, by)["add"]:
        return see(f"/milestones/{id}")
    uploads.keep(session, store, form, "files", id, by=by, now=now)
    if not form.ok:
        return _milestone(request, session, milestone, by, now, form, 422)
    return see(f"/milestones/{id}")
