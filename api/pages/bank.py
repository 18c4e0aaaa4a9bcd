"""A batch and the bank: sending it, its file, and what the bank did with its lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Aside, Books, By, Files, Now
from api.forms import Filled, Form
from api.language import N_
from api.pages import fields
from api.pages import payouts as batches
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import bank_answers, bounces, layouts, payouts, rights, sending
from ledger.core.errors import Conflict, Invalid
from ledger.payouts import Payout, PayoutLine
from ledger.users import User

router = pages()


@router.post("/payouts/{payout_id}/send")
def send(
    request: Request, session: Books, by: By, now: Now, store: Files, payout_id: str, form: Filled
) -> Response:
    """Make the bank's file; from now on the batch is with the bank."""
    found = payouts.get(session, payout_id, by=by)
    layout = form.text("layout") or layouts.FIRST
    try:
        sending.send(session, store, payout_id, layout=layout, by=by, now=now)
    except (Invalid, Conflict) as refusal:
        form.refuse("layout", sentence(refusal))
        return batches.shown(request, session, by, now, found, form)
    response = see(f"/payouts/{found.id}")
    flash.put(response, N_("The bank file of {no} is ready to download."), no=found.no)
    return response


@router.get("/payouts/{payout_id}/file")
def download(session: Books, by: By, now: Now, store: Files, aside: Aside, payout_id: str) -> Response:
    """The bank's file, the same bytes every time."""
    found = payouts.get(session, payout_id, by=by)
    content = sending.file_of(session, store, payout_id, by=by)
    aside.run(lambda apart: sending.note_read(apart, payout_id, by=by, now=now))
    kind = sending.kind_of(session, found)
    headers = {"Content-Disposition": f'attachment; filename="{found.no}.{kind.suffix}"'}
    return Response(content, media_type=kind.media_type, headers=headers)


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
        return batches.shown(request, session, by, now, found, form)
    response = see(f"/payouts/{found.id}")
    if form.text("do") == "return":
        flash.put(response, N_("Taken back; the money is payable again."))
    else:
        flash.put(response, N_("Confirmed, and booked on the bank's day."))
    return response


def _chosen(session: Session, found: Payout, form: Form) -> Sequence[PayoutLine]:
    """The lines meant, and what is missing beside them."""
    if form.text("do") == "return":
        form.required("reason")
    else:
        form.parsed("value_on", fields.day)
    if form.text("do") == "all":
        return payouts.reserved(payouts.lines_of(session, found.id))
    return batches.ticked(session, found, form)


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
        lines=lines[: batches.LINES],
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


_BOUNCE_BESIDE = {"bounced_before_paid": "back_on", "day_in_future": "back_on", "reason_missing": "why"}


@router.post("/payouts/{payout_id}/bounce")
def bounce(request: Request, session: Books, by: By, now: Now, payout_id: str, form: Filled) -> Response:
    """The bank gave back payments it had made."""
    rights.require(by, "payout.confirm")
    found = payouts.get(session, payout_id, by=by)
    day, why = form.parsed("back_on", fields.day), form.required("why")
    chosen = batches.ticked(session, found, form)
    if form.ok and day is not None:
        try:
            reasons = dict.fromkeys((line.id for line in chosen), why)
            bounces.record(session, found.id, reasons, on=day, by=by, now=now)
        except (Invalid, Conflict) as refusal:
            form.refuse(_BOUNCE_BESIDE.get(refusal.code, ""), sentence(refusal))
    if not form.ok:
        return batches.shown(request, session, by, now, found, form)
    response = see(f"/payouts/{found.id}")
    flash.put(response, N_("Booked: the bank gave them back; the money is payable again."))
    return response
