"""The months of the books: what is open, what is left to do, closing one."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_, gettext
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import closing, periods, reopenings, rights, users
from ledger.closing import Month
from ledger.core.errors import Conflict
from ledger.users import User

router = pages()


@router.get("/periods")
def board(request: Request, session: Books, by: By, now: Now) -> Response:
    """Every month, the latest first."""
    found = closing.board(session, now=now, by=by)
    return page(
        request,
        "periods/board.html",
        months=found,
        people=users.names(session, [one.period.closed_by or "" for one in found]),
        may_close=rights.allows(by, "period.close"),
    )


@router.get("/periods/{period}/close")
def ask_close(request: Request, session: Books, by: By, now: Now, period: str) -> Response:
    """What closing means, what was found in the month, and only then the button."""
    rights.require(by, "period.close")
    return _asked(request, session, by, now, period, Form())


# Where each finding is mended.
MENDED: dict[str, str] = {
    "deals_unsettled": "/deals",
    "receivable_differs": "/accounts/1122",
    "payable_differs": "/accounts/2202.01",
    "in_transit_differs": "/accounts/2202.03",
    "withheld_differs": "/accounts/2221.12",
    "milestones_undecided": "/milestones?state=submitted",
    "payments_in_transit": "/payouts?state=sent",
}


def _asked(request: Request, session: Session, by: User, now: datetime, period: str, form: Form) -> Response:
    found = closing.look(session, period, by=by, now=now)
    return page(
        request,
        "periods/close.html",
        status=422 if form.errors else 200,
        month=closing.month(session, period, now=now, by=by),
        blocking=[(sentence(one.says), MENDED[one.code]) for one in found if one.blocks],
        remaining=[(one.code, sentence(one.says), MENDED[one.code]) for one in found if not one.blocks],
        form=form,
    )


@router.post("/periods/{period}/close")
def close(request: Request, session: Books, by: By, now: Now, period: str, form: Filled) -> Response:
    """Close it, and every earlier one."""
    rights.require(by, "period.close")
    if form.text("typed") != period:
        form.refuse("typed", gettext("Type {text} to confirm", text=period))
        return _asked(request, session, by, now, period, form)
    try:
        closed = closing.close(session, period, accept=form.texts("accept"), by=by, now=now)
    except Conflict as refusal:
        if refusal.code not in ("closing_blocked", "closing_unaccepted"):
            raise
        form.refuse("", sentence(refusal))
        return _asked(request, session, by, now, period, form)
    response = see("/periods")
    flash.put(response, N_("{period} is closed. Its final statements are being made."), period=closed.id)
    return response


@router.post("/periods/{period}/review")
def review(session: Books, by: By, now: Now, period: str) -> Response:
    """Its figures are being looked at."""
    closing.review(session, period, by=by, now=now)
    response = see(f"/periods/{period}")
    flash.put(
        response, N_("{period} is in review. Its preliminary statements are being made."), period=period
    )
    return response


@router.post("/periods/{period}/resume")
def resume(session: Books, by: By, now: Now, period: str) -> Response:
    """There is still work to do in it."""
    closing.resume(session, period, by=by, now=now)
    return see(f"/periods/{period}")


# One month, and reopening it


@router.get("/periods/{period}")
def show(request: Request, session: Books, by: By, now: Now, period: str) -> Response:
    """One month: its state, who closed it, every time somebody asked to reopen it."""
    return _month(request, session, by, now, period, Form())


def _month(request: Request, session: Session, by: User, now: datetime, period: str, form: Form) -> Response:
    month = closing.month(session, period, now=now, by=by)
    asked = reopenings.of(session, [period])
    waits = next((one for one in asked if one.state == "asked"), None)
    people = [month.period.closed_by or "", *(one.reopening.asked_by for one in asked)]
    people += [one.answer.answered_by for one in asked if one.answer]
    closed = [one.id for one in periods.listing(session) if one.state == "closed"]
    return page(
        request,
        "periods/period.html",
        status=422 if form.errors else 200,
        month=month,
        asked=asked,
        waits=waits,
        people=users.names(session, people),
        may=_may(by, month, waits),
        later=sorted(one for one in closed if one > period),
        form=form,
    )


def _may(by: User, month: Month, waits: reopenings.Asked | None) -> dict[str, bool]:
    """What the viewer may do with the month as it stands."""
    is_closed = month.period.state == "closed"
    asker = waits.reopening.asked_by if waits else None
    return {
        "close": rights.allows(by, "period.close") and month.can_be_closed,
        "ask": rights.allows(by, "period.reopen") and is_closed and waits is None,
        "agree": asker is not None and rights.allows(by, "period.agree_reopening", made_by=asker),
        "take_back": asker == by.id,
    }


@router.post("/periods/{period}/reopenings")
def ask(request: Request, session: Books, by: By, now: Now, period: str, form: Filled) -> Response:
    """Ask for it to be reopened; somebody else has to agree."""
    reason = form.required("reason")
    if not form.ok:
        return _month(request, session, by, now, period, form)
    reopenings.ask(session, period, reason=reason, by=by, now=now)
    response = see(f"/periods/{period}")
    flash.put(response, N_("Asked. {period} opens once somebody else agrees."), period=period)
    return response


@router.post("/periods/{period}/reopenings/{id}")
def answer(
    request: Request, session: Books, by: By, now: Now, period: str, id: str, form: Filled
) -> Response:
    """Agree, or refuse with the reason."""
    rights.require_role(by, "period.agree_reopening")
    reopenings.get(session, id, period=period)
    if form.text("do") == "agree":
        reopenings.agree(session, id, by=by, now=now)
        response = see(f"/periods/{period}")
        flash.put(response, N_("{period} is open again."), period=period)
        return response
    reason = form.required("refusal")
    if not form.ok:
        return _month(request, session, by, now, period, form)
    reopenings.refuse(session, id, reason=reason, by=by, now=now)
    return see(f"/periods/{period}")
