"""What operations add to a deal by hand: written, looked at with what it will post, then recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, get_args

from fastapi import Request, Response
from sqlmodel import Session

from api import codes, flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_, gettext
from api.pages import allocations, cards, fields
from api.pages.doors import pages, see
from api.rendering import page, plain
from api.words import sentence
from ledger import accruals, deals, facts, managers, needs, rights
from ledger.clock import day_of
from ledger.core import facts as core
from ledger.core.errors import Invalid, Refused
from ledger.db import fingerprint
from ledger.deals import Deal
from ledger.users import User

router = pages()

Draw = Callable[[Session, Deal, Form, datetime], core.Fact | None]
Record = Callable[[Session, Deal, Form, User, datetime], object]


def change(
    request: Request,
    session: Session,
    deal: Deal,
    form: Form,
    by: User,
    now: datetime,
    *,
    template: str,
    draw: Draw,
    record: Record,
    done: str,
    back: str = "",
    **context: Any,
) -> Response:
    """Show what a fact would post; record it where that was seen and agreed to."""
    new, preview = draw(session, deal, form, now), None
    try:
        if new is not None and form.ok:
            preview = accruals.preview(session, deal, [new], now=now)
            if form.text("confirmed") and form.text("seen") == content(form):
                record(session, deal, form, by, now)
                response = see(back or f"/deals/{deal.id}")
                flash.put(response, done)
                return response
    except Refused as refusal:
        form.refuse("", sentence(refusal))
    return page(
        request,
        template,
        status=200 if form.ok else 422,
        form=form,
        deal=deal,
        seen=content(form),
        foreseen=allocations.foreseen(session, deal, preview) if preview and form.ok else None,
        **context,
    )


def content(form: Form) -> str:
    """The fingerprint of what was written, so that nothing else is recorded than what was looked at."""
    names = sorted(set(form.fields) - {"confirmed", "seen"})
    return fingerprint("\n".join(f"{name}={form.text(name)}" for name in names).encode())


def _blank(request: Request, template: str, deal: Deal, form: Form, **context: Any) -> Response:
    return page(request, template, form=form, deal=deal, seen="", foreseen=None, **context)


def on(form: Form, now: datetime) -> Any:
    """The field `on` as a day that is not in the future."""
    return form.parsed("on", lambda text: needs.not_later(fields.day(text), now))


# The contract's figures

FIGURES = get_args(core.Statement)


def _figures() -> list[tuple[str, str]]:
    return codes.choices("fact", FIGURES)


@router.get("/deals/{id}/amounts")
def amounts(request: Request, id: str, session: Books, by: By, now: Now) -> Response:
    """The form to state an amount of the contract."""
    rights.require(by, "deal.open")
    deal = deals.get(session, id, by=by)
    return _blank(request, "deals/amounts.html", deal, Form(on=str(day_of(now))), figures=_figures())


@router.post("/deals/{id}/amounts")
def state_amount(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """State an amount of the contract, as known from a day on."""
    rights.require(by, "deal.open")
    deal = deals.get(session, id, by=by)

    def draw(session: Session, deal: Deal, form: Form, now: datetime) -> core.Fact | None:
        what, day = form.parsed("what", _figure), on(form, now)
        minor = form.parsed("amount", lambda text: fields.amount(text, deal.currency))
        if what is None or day is None or minor is None:
            return None
        return core.Stated(day, what, minor, facts.next_seq(session, deal.id))

    def record(session: Session, deal: Deal, form: Form, by: User, now: datetime) -> object:
        return deals.state_amount(
            session,
            deal.id,
            what=_figure(form.text("what")),
            amount_minor=fields.amount(form.text("amount"), deal.currency),
            on=fields.day(form.text("on")),
            by=by,
            now=now,
        )

    return change(
        request,
        session,
        deal,
        form,
        by,
        now,
        template="deals/amounts.html",
        draw=draw,
        record=record,
        done=N_("The amount is recorded."),
        figures=_figures(),
    )


def _figure(text: str) -> core.Statement:
    for known in FIGURES:
        if text == known:
            figure: core.Statement = known
            return figure
    raise Invalid("figure_unknown", "choose which amount it is")


@router.get("/deals/{id}/expected-fee")
def expectation(request: Request, id: str, session: Books, by: By) -> Response:
    """The form to expect another fee."""
    rights.require(by, "deal.open")
    deal = deals.get(session, id, by=by)
    known = plain(deal.expected_fee_minor, deal.currency) if deal.expected_fee_minor is not None else ""
    return page(request, "deals/expected_fee.html", deal=deal, form=Form(expected_fee=known))


@router.post("/deals/{id}/expected-fee")
def expect(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """The fee the deal is now expected to bring."""
    rights.require(by, "deal.open")
    deal = deals.get(session, id, by=by)
    fee_minor = form.parsed("expected_fee", lambda text: fields.above_zero(text, deal.currency))
    if fee_minor is None:
        return page(request, "deals/expected_fee.html", status=422, deal=deal, form=form)
    deals.expect(session, id, expected_fee_minor=fee_minor, by=by, now=now)
    response = see(f"/deals/{id}")
    flash.put(response, N_("The expected fee is kept."))
    return response


# Adjusting by hand


@router.get("/deals/{id}/adjust")
def adjustment(
    request: Request, id: str, session: Books, by: By, now: Now, manager: str = "", stage: str = ""
) -> Response:
    """The form to adjust somebody's amount."""
    rights.require(by, "deal.adjust")
    deal = deals.get(session, id, by=by)
    form = Form(on=str(day_of(now)), manager=manager, stage=stage)
    return _blank(request, "deals/adjust.html", deal, form, **_lines(session, deal))


@router.post("/deals/{id}/adjust")
def adjust(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Adjust somebody's amount, with the reason."""
    rights.require(by, "deal.adjust")
    deal = deals.get(session, id, by=by)
    lines = _lines(session, deal)

    def draw(session: Session, deal: Deal, form: Form, now: datetime) -> core.Fact | None:
        manager, stage, reason = form.required("manager"), form.required("stage"), form.required("reason")
        minor = form.parsed("amount", lambda text: fields.amount(text, deal.currency))
        day = on(form, now)
        if minor == 0:
            form.refuse("amount", gettext("an adjustment is not zero"))
        if manager not in dict(lines["people"]) or stage not in dict(lines["stages"]) or len(reason) > 500:
            form.refuse("manager", gettext("Choose a manager and a stage of this deal."))
        if not form.ok or minor is None or day is None:
            return None
        return core.Adjustment(day, manager, stage, minor, reason)

    def record(session: Session, deal: Deal, form: Form, by: User, now: datetime) -> object:
        return deals.adjust(
            session,
            deal.id,
            manager_id=form.text("manager"),
            stage=form.text("stage"),
            amount_minor=fields.amount(form.text("amount"), deal.currency),
            reason=form.text("reason"),
            on=fields.day(form.text("on")),
            by=by,
            now=now,
        )

    return change(
        request,
        session,
        deal,
        form,
        by,
        now,
        template="deals/adjust.html",
        draw=draw,
        record=record,
        done=N_("The adjustment is recorded."),
        **lines,
    )


def _lines(session: Session, deal: Deal) -> dict[str, Any]:
    """The managers and stages of a deal, as choices."""
    plan, people = (
        accruals.plan_of(session, deal),
        managers.names(session, deals.managers_of(session, deal.id)),
    )
    return {
        "people": sorted((id, f"{name} ({id})") for id, name in people.items()),
        "stages": [(stage.id, cards.stage_title(plan, stage.id)) for stage in plan.stages],
    }


# The end of a deal, and its return


@router.get("/deals/{id}/cancel")
def cancellation(request: Request, id: str, session: Books, by: By, now: Now) -> Response:
    """The form to cancel a deal."""
    rights.require(by, "deal.cancel")
    deal = deals.get(session, id, by=by)
    form = Form(on=str(day_of(now)))
    return _blank(request, "deals/cancel.html", deal, form, reasons=_reasons(session, deal))


@router.post("/deals/{id}/cancel")
def cancel(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Cancel a deal; what that takes back is in its plan."""
    rights.require(by, "deal.cancel")
    deal = deals.get(session, id, by=by)
    reasons = _reasons(session, deal)

    def draw(session: Session, deal: Deal, form: Form, now: datetime) -> core.Fact | None:
        reason, day = form.required("reason"), on(form, now)
        if reason and reason not in dict(reasons):
            form.refuse("reason", gettext("Choose one of the reasons."))
        if not form.ok or day is None:
            return None
        return core.Cancelled(day, reason, facts.next_seq(session, deal.id))

    def record(session: Session, deal: Deal, form: Form, by: User, now: datetime) -> object:
        day = fields.day(form.text("on"))
        return deals.cancel(session, deal.id, reason=form.text("reason"), on=day, by=by, now=now)

    return change(
        request,
        session,
        deal,
        form,
        by,
        now,
        template="deals/cancel.html",
        draw=draw,
        record=record,
        done=N_("The deal is cancelled."),
        reasons=reasons,
    )


def _reasons(session: Session, deal: Deal) -> list[tuple[str, str]]:
    """The reasons the deal's plan knows, and one for the rest."""
    own = [reason for reason in accruals.plan_of(session, deal).clawback if reason != "default"]
    return codes.choices("reason", [*own, "other"])


@router.get("/deals/{id}/fail-gate")
def gate(request: Request, id: str, session: Books, by: By, now: Now) -> Response:
    """The form to say that a gate was not passed."""
    rights.require(by, "deal.cancel")
    deal = deals.get(session, id, by=by)
    form = Form(on=str(day_of(now)))
    return _blank(request, "deals/gate.html", deal, form, gates=gates_of(session, deal))


@router.post("/deals/{id}/fail-gate")
def fail_gate(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """A gate was not passed: the deal ends, and the plan says what stays."""
    rights.require(by, "deal.cancel")
    deal = deals.get(session, id, by=by)
    gates = gates_of(session, deal)

    def draw(session: Session, deal: Deal, form: Form, now: datetime) -> core.Fact | None:
        stage, day = form.required("stage"), on(form, now)
        if stage and stage not in dict(gates):
            form.refuse("stage", gettext("Choose one of the gates."))
        if not form.ok or day is None:
            return None
        return core.GateFailed(day, stage, facts.next_seq(session, deal.id))

    def record(session: Session, deal: Deal, form: Form, by: User, now: datetime) -> object:
        day = fields.day(form.text("on"))
        return deals.fail_gate(session, deal.id, stage=form.text("stage"), on=day, by=by, now=now)

    return change(
        request,
        session,
        deal,
        form,
        by,
        now,
        template="deals/gate.html",
        draw=draw,
        record=record,
        done=N_("The gate was not passed; the deal has ended."),
        gates=gates,
    )


def gates_of(session: Session, deal: Deal) -> list[tuple[str, str]]:
    plan = accruals.plan_of(session, deal)
    return [(stage.id, cards.stage_title(plan, stage.id)) for stage in plan.stages if stage.gate]


@router.get("/deals/{id}/reinstate")
def reinstatement(request: Request, id: str, session: Books, by: By, now: Now) -> Response:
    """The form to bring a cancelled deal back."""
    rights.require(by, "deal.cancel")
    deal = deals.get(session, id, by=by)
    return _blank(request, "deals/reinstate.html", deal, Form(on=str(day_of(now))))


@router.post("/deals/{id}/reinstate")
def reinstate(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Bring a cancelled deal back."""
    rights.require(by, "deal.cancel")
    deal = deals.get(session, id, by=by)

    def draw(session: Session, deal: Deal, form: Form, now: datetime) -> core.Fact | None:
        day = on(form, now)
        return core.Reinstated(day, facts.next_seq(session, deal.id)) if day else None

    def record(session: Session, deal: Deal, form: Form, by: User, now: datetime) -> object:
        return deals.reinstate(session, deal.id, on=fields.day(form.text("on")), by=by, now=now)

    return change(
        request,
        session,
        deal,
        form,
        by,
        now,
        template="deals/reinstate.html",
        draw=draw,
        record=record,
        done=N_("The deal goes on."),
    )
