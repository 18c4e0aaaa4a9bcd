"""Money out: who would be paid, batches, their approval, the bank's file and the bank's answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_, current, either, gettext
from api.pages import fields, lists
from api.pages.doors import pages, see
from api.pages.lists import SHOWN
from api.rendering import page
from api.words import sentence
from ledger import (
    approvals,
    clock,
    layouts,
    managers,
    payables,
    payouts,
    rights,
    users,
    withholding,
)
from ledger.core import tax
from ledger.core.errors import Conflict, Invalid, Refused
from ledger.payables import Due
from ledger.payouts import Payout, PayoutLine
from ledger.users import User
from ledger.withholding import Taxed

router = pages()

LINES = 200  # of a batch on one page

WHY_NOT = {
    "nothing_payable": N_("Nothing is payable"),
    "carried_forward": N_("Owes commission that was clawed back; carried forward"),
    "no_bank_account": N_("No bank account is known"),
    "account_unconfirmed": N_("The changed bank account waits for somebody else to confirm it"),
    "held": N_("Everything waits for a hold to end"),
    "below_minimum": N_("Less than the least that is paid"),
    "no_invoice": N_("The invoices on file do not cover what is owed"),
    "no_agreement": N_("No agreement on file is in force"),
}


@router.get("/payouts")
def listing(request: Request, session: Books, by: By) -> Response:
    """Batches, the latest first."""
    form = lists.filters(request)
    found = payouts.listing(
        session,
        by=by,
        state=form.text("state") or None,
        before=form.text("before") or None,
        limit=SHOWN + 1,
    )
    rows, older = lists.cut(request, found)
    return page(
        request,
        "payouts/list.html",
        block="rows",
        form=form,
        payouts=rows,
        older=older,
        sums=payouts.sums(session, [one.id for one in rows]),
        people=users.names(session, [one.made_by for one in rows]),
        may_make=rights.allows(by, "payout.make"),
        to_approve={one.id for one in rows if _may_approve(by, one)},
    )


def _may_approve(by: User, found: Payout) -> bool:
    return found.state == "made" and rights.allows(by, "payout.approve", made_by=found.made_by)


# Making one


@router.get("/payouts/new")
def preview(request: Request, session: Books, by: By, now: Now) -> Response:
    """Who is paid what, who is not and why, before anything is made."""
    return _preview(request, session, by, now, Form(value_on=clock.day_of(now).isoformat()))


def _preview(request: Request, session: Session, by: User, now: datetime, form: Form) -> Response:
    due = payables.preview(session, by=by, now=now)
    paid = [one for one in due if one.why_not is None]
    after = request.query_params.get("after", "")
    rows, more = lists.cut(
        request, [one for one in paid if one.manager_id > after], "manager_id", cursor="after"
    )
    unpaid = [one for one in due if one.why_not is not None]
    waiting = [one for one in due if one.held]
    count, total = payables.payable_sum(due)
    return page(
        request,
        "payouts/new.html",
        status=422 if form.errors else 200,
        form=form,
        rows=[(one, _taxed(session, one, form)) for one in rows],
        more=more,
        waiting=waiting[:SHOWN],
        waiting_count=len(waiting),
        waiting_minor=sum(one.held_minor for one in waiting),
        unpaid=unpaid[:SHOWN],
        unpaid_count=len(unpaid),
        why_not={code: gettext(text) for code, text in WHY_NOT.items()},
        count=count,
        total_minor=total,
        may_make=rights.allows(by, "payout.make"),
    )


def _taxed(session: Session, one: Due, form: Form) -> Taxed | None:
    """The taxes and what is left on the value date of the form; None where it cannot be told."""
    try:
        day = fields.day(form.text("value_on"))
        return withholding.on_payments(session, {one.manager_id: one.payable_minor}, day)[one.manager_id]
    except Refused:
        return None


@router.post("/payouts/new")
def make(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Make a batch of everybody in the preview."""
    rights.require(by, "payout.make")
    value_on = form.parsed("value_on", fields.day)
    made = _made(session, value_on, by, now, form) if value_on else None
    if made is None:
        return _preview(request, session, by, now, form)
    response = see(f"/payouts/{made.id}")
    flash.put(response, N_("Payout {no} is made. Somebody else approves it now."), no=made.no)
    return response


def _made(session: Session, value_on: date, by: User, now: datetime, form: Form) -> Payout | None:
    try:
        return payouts.make(session, value_on=value_on, by=by, now=now)
    except (Invalid, Conflict) as refusal:
        form.refuse("value_on", sentence(refusal))
        return None


# One batch


@dataclass(frozen=True, slots=True)
class Line:
    """One payment as it is shown: the account masked, the tax explained."""

    line: PayoutLine
    account: str
    tax: list[str]


@router.get("/payouts/{payout_id}")
def payout(request: Request, session: Books, by: By, now: Now, payout_id: str) -> Response:
    """A batch, its lines, and what happened to it."""
    return shown(request, session, by, now, payouts.get(session, payout_id, by=by), Form())


def shown(request: Request, session: Session, by: User, now: datetime, found: Payout, form: Form) -> Response:
    """The page of a batch, with a form that may have to be mended."""
    after = request.query_params.get("after", "")
    lines = payouts.lines_page(session, found.id, after=after, limit=LINES + 1)
    case = approvals.case(session, found, now)
    standing = case.standing
    form.defaults.setdefault("value_on", found.value_on.isoformat())
    return page(
        request,
        "payouts/payout.html",
        status=422 if form.errors else 200,
        form=form,
        payout=found,
        lines=[_line(line) for line in lines[:LINES]],
        more=lists.address(request, after=lines[LINES - 1].manager_id) if len(lines) > LINES else "",
        sums=payouts.sums(session, [found.id])[found.id],
        case=case,
        able=approvals.able(session, case) if case.awaits else [],
        places=approvals.places(session, case, by) if case.awaits else [],
        layouts=_layouts(session, by) if found.state == "approved" else [],
        look=approvals.look(session, found),
        why_not=_why_not,
        people=users.names(session, _people(found, standing)),
        may=_may(by, found),
    )


def _people(found: Payout, standing: approvals.Standing) -> list[str]:
    agreed = (*standing.given, *standing.stale)
    return [found.made_by, found.sent_by or "", *(x for one in agreed for x in (one.approved_by, one.seat))]


def _layouts(session: Session, by: User) -> list[tuple[str, str]]:
    return [(one.id, either(one.title_zh, one.title_en)) for one in layouts.listing(session, by=by)]


def _why_not(refusal: Refused | None) -> str:
    return sentence(refusal) if refusal else ""


def _line(line: PayoutLine) -> Line:
    steps = tax.from_data(line.tax_working)
    return Line(line, managers.masked(line.bank_account), tax.sentences(steps, current()))


def _may(by: User, found: Payout) -> set[str]:
    """The steps this person can take now."""
    steps = {
        "change": found.state in ("made", "approved") and rights.allows(by, "payout.make"),
        "send": found.state == "approved" and rights.allows(by, "payout.send"),
        "file": found.file_sha256 is not None and rights.allows(by, "payout.send"),
        "confirm": found.state == "sent" and rights.allows(by, "payout.confirm"),
        "bounce": found.state in ("sent", "settled") and rights.allows(by, "payout.confirm"),
    }
    return {step for step, allowed in steps.items() if allowed}


# Changing it before it is sent


@router.post("/payouts/{payout_id}/take-out")
def take_out(request: Request, session: Books, by: By, now: Now, payout_id: str, form: Filled) -> Response:
    """Take the ticked lines out: asked first, then done."""
    rights.require(by, "payout.make")
    found = payouts.get(session, payout_id, by=by)
    form.required("reason")
    chosen = ticked(session, found, form)
    if form.ok and form.text("confirmed") != "yes":
        kept = [("reason", form.text("reason")), *(("line", line.id) for line in chosen)]
        sums, some = payouts.sum_of(chosen), chosen[:LINES]
        return page(
            request, "payouts/take_out.html", payout=found, sums=sums, form=form, fields=kept, lines=some
        )
    if not form.ok or not _taken_out(session, found, form, by, now):
        return shown(request, session, by, now, found, form)
    response = see(f"/payouts/{found.id}")
    flash.put(response, N_("Taken out; the money is payable again. What was approved before counts no more."))
    return response


def _taken_out(session: Session, found: Payout, form: Form, by: User, now: datetime) -> bool:
    try:
        reason, line_ids = form.text("reason"), form.texts("line")
        payouts.take_out(session, found.id, line_ids=line_ids, reason=reason, by=by, now=now)
    except (Invalid, Conflict) as refusal:
        form.refuse("line", sentence(refusal))
    return form.ok


def ticked(session: Session, found: Payout, form: Form) -> list[PayoutLine]:
    """The lines somebody ticked; where there are none, the form says so."""
    chosen = set(form.texts("line"))
    if not chosen:
        form.refuse("line", gettext("Tick the lines you mean."))
    return [line for line in payouts.lines_of(session, found.id) if line.id in chosen]


@router.get("/payouts/{payout_id}/void")
def ask_void(request: Request, session: Books, by: By, payout_id: str) -> Response:
    """Why is it given up?"""
    rights.require(by, "payout.make")
    return _void(request, session, payouts.get(session, payout_id, by=by), Form())


def _void(request: Request, session: Session, found: Payout, form: Form) -> Response:
    sums = payouts.sums(session, [found.id])[found.id][""]
    status = 422 if form.errors else 200
    return page(request, "payouts/void.html", status=status, payout=found, sums=sums, form=form)


@router.post("/payouts/{payout_id}/void")
def void(request: Request, session: Books, by: By, now: Now, payout_id: str, form: Filled) -> Response:
    """Give the batch up; the money is payable again."""
    if not form.required("reason"):
        return _void(request, session, payouts.get(session, payout_id, by=by), form)
    found = payouts.void(session, payout_id, reason=form.text("reason"), by=by, now=now)
    response = see(f"/payouts/{found.id}")
    flash.put(response, N_("Payout {no} is voided; the money is payable again."), no=found.no)
    return response
