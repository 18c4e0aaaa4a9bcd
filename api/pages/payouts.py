"""Money out: who would be paid, batches, their approval, the bank's file and the bank's answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Files, Now
from api.forms import Filled, Form
from api.language import N_, current, gettext
from api.pages import fields, lists
from api.pages.doors import pages, see
from api.pages.lists import SHOWN
from api.rendering import page
from api.words import sentence
from ledger import approvals, bank_answers, clock, managers, payables, payouts, rights, users, withholding
from ledger.core import tax
from ledger.core.errors import Conflict, Invalid, Refused
from ledger.core.tax import Withheld
from ledger.payables import Due
from ledger.payouts import Payout, PayoutLine
from ledger.users import User

router = pages()

LINES = 200  # of a batch on one page

WHY_NOT = {
    "nothing_payable": N_("Nothing is payable"),
    "carried_forward": N_("Owes commission that was clawed back; carried forward"),
    "no_bank_account": N_("No bank account is known"),
    "held": N_("Everything waits for a hold to end"),
    "below_minimum": N_("Less than the least that is paid"),
    "no_invoice": N_("The invoices on file do not cover what is owed"),
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
    )


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
        rows=[(one, _net(session, one, form)) for one in rows],
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


def _net(session: Session, one: Due, form: Form) -> Withheld | None:
    """The tax and what is left on the value date of the form; None where it cannot be told."""
    try:
        day = fields.day(form.text("value_on"))
        return withholding.on_payments(session, {one.manager_id: one.payable_minor}, day)[one.manager_id].held
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
def payout(request: Request, session: Books, by: By, payout_id: str) -> Response:
    """A batch, its lines, and what happened to it."""
    return _payout(request, session, by, payouts.get(session, payout_id, by=by), Form())


def _payout(request: Request, session: Session, by: User, found: Payout, form: Form) -> Response:
    after = request.query_params.get("after", "")
    lines = payouts.lines_page(session, found.id, after=after, limit=LINES + 1)
    agreed = approvals.of_batch(session, found.id)
    people = [found.made_by, found.sent_by or "", *(one.approved_by for one in agreed)]
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
        approvals=agreed,
        people=users.names(session, people),
        may=_may(by, found),
    )


def _line(line: PayoutLine) -> Line:
    steps = tax.from_data(line.tax_working)
    return Line(line, managers.masked(line.bank_account), tax.sentences(steps, current()))


def _may(by: User, found: Payout) -> set[str]:
    """The steps this person can take now."""
    steps = {
        "approve": found.state == "made" and rights.allows(by, "payout.approve", made_by=found.made_by),
        "void": found.state in ("made", "approved") and rights.allows(by, "payout.make"),
        "send": found.state == "approved" and rights.allows(by, "payout.send"),
        "file": found.file_sha256 is not None and rights.allows(by, "payout.send"),
        "confirm": found.state == "sent" and rights.allows(by, "payout.confirm"),
    }
    return {step for step, allowed in steps.items() if allowed}


# Approving and voiding


@router.get("/payouts/{payout_id}/approve")
def ask_approve(request: Request, session: Books, by: By, payout_id: str) -> Response:
    """What is approved: how many, how much, and the fingerprint of the whole."""
    found = payouts.get(session, payout_id, by=by)
    rights.require(by, "payout.approve", made_by=found.made_by)
    sums = payouts.sums(session, [found.id])[found.id][""]
    maker = users.names(session, [found.made_by]).get(found.made_by, "")
    return page(request, "payouts/approve.html", payout=found, sums=sums, maker=maker)


@router.post("/payouts/{payout_id}/approve")
def approve(session: Books, by: By, now: Now, payout_id: str, form: Filled) -> Response:
    """Agree to what was shown."""
    found = approvals.approve(session, payout_id, digest_seen=form.required("digest"), by=by, now=now)
    response = see(f"/payouts/{found.id}")
    flash.put(response, N_("Payout {no} is approved. It can be sent to the bank."), no=found.no)
    return response


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


# The bank


@router.post("/payouts/{payout_id}/send")
def send(session: Books, by: By, now: Now, store: Files, payout_id: str) -> Response:
    """Make the bank's file; from now on the batch is with the bank."""
    found, _ = payouts.send(session, store, payout_id, by=by, now=now)
    response = see(f"/payouts/{found.id}")
    flash.put(response, N_("The bank file of {no} is ready to download."), no=found.no)
    return response


@router.get("/payouts/{payout_id}/file")
def download(session: Books, by: By, store: Files, payout_id: str) -> Response:
    """The bank's file, the same bytes every time."""
    found = payouts.get(session, payout_id, by=by)
    content = payouts.file_of(session, store, payout_id, by=by)
    headers = {"Content-Disposition": f'attachment; filename="{found.no}.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/payouts/{payout_id}/bank")
def answer(request: Request, session: Books, by: By, now: Now, payout_id: str, form: Filled) -> Response:
    """What the bank did: paid all or the chosen lines on a day, or refused the chosen ones."""
    rights.require(by, "payout.confirm")
    found = payouts.get(session, payout_id, by=by)
    chosen = _chosen(session, found, form)
    if form.ok and form.text("confirmed") != "yes":
        return _ask(request, found, form, chosen)
    done = _answered(session, found, form, by, now) if form.ok else None
    if done is None:
        return _payout(request, session, by, found, form)
    response = see(f"/payouts/{found.id}")
    if form.text("do") == "return":
        flash.put(response, N_("Taken back; the money is payable again."))
    else:
        flash.put(response, N_("Confirmed, and booked on the bank's day."))
    return response


def _chosen(session: Session, found: Payout, form: Form) -> Sequence[PayoutLine]:
    """The lines meant, and what is missing beside them."""
    lines = payouts.lines_of(session, found.id)
    if form.text("do") == "return":
        form.required("reason")
    else:
        form.parsed("value_on", fields.day)
    if form.text("do") == "all":
        return [line for line in lines if line.state == "reserved"]
    ticked = set(form.texts("line"))
    if not ticked:
        form.refuse("line", gettext("Tick the lines you mean."))
    return [line for line in lines if line.id in ticked]


def _ask(request: Request, found: Payout, form: Form, lines: Sequence[PayoutLine]) -> Response:
    sums = payouts.sum_of(lines)
    kept = [(name, form.text(name)) for name in ("do", "value_on", "reason")]
    return page(
        request,
        "payouts/answer.html",
        payout=found,
        sums=sums,
        form=form,
        fields=[*kept, *(("line", line_id) for line_id in form.texts("line"))],
        lines=lines[:LINES],
    )


REFUSED_BESIDE = {"value_month_differs": "value_on", "day_in_future": "value_on", "reason_missing": "reason"}


def _answered(session: Session, found: Payout, form: Form, by: User, now: datetime) -> Payout | None:
    """The batch after the bank's answer; None where that cannot be, which the form then says."""
    line_ids = None if form.text("do") == "all" else form.texts("line")
    try:
        if form.text("do") == "return":
            return bank_answers.return_lines(
                session, found.id, line_ids=line_ids or [], reason=form.text("reason"), by=by, now=now
            )
        day = fields.day(form.text("value_on"))
        return bank_answers.confirm(session, found.id, value_on=day, line_ids=line_ids, by=by, now=now)
    except (Invalid, Conflict) as refusal:
        form.refuse(REFUSED_BESIDE.get(refusal.code, ""), sentence(refusal))
        return None
