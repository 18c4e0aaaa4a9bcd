"""The months of the books: what is open, what is left to do, closing one."""

from __future__ import annotations

from fastapi import Request, Response

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_, gettext
from api.pages.doors import pages, see
from api.rendering import page
from ledger import closing, periods, rights, users
from ledger.closing import Month
from ledger.core import period as months
from ledger.core.errors import Conflict

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
    """What closing means, and what is left to do."""
    rights.require(by, "period.close")
    return _asked(request, closing.month(session, period, now=now, by=by), Form())


def _asked(request: Request, found: Month, form: Form) -> Response:
    if found.period.state == "closed":
        raise Conflict("period_closed", "{period} is closed already", period=found.period.id)
    if not found.is_over:
        raise Conflict(
            "period_not_over",
            "{period} is not over; it can be closed from {day} on",
            period=found.period.id,
            day=months.first_day(months.following(found.period.id)),
        )
    status = 422 if form.errors else 200
    return page(request, "periods/close.html", status=status, month=found, form=form)


@router.post("/periods/{period}/close")
def close(request: Request, session: Books, by: By, now: Now, period: str, form: Filled) -> Response:
    """Close it, and every earlier one."""
    rights.require(by, "period.close")
    if form.text("typed") != period:
        form.refuse("typed", gettext("Type {text} to confirm", text=period))
        return _asked(request, closing.month(session, period, now=now, by=by), form)
    closed = periods.close(session, period, by=by, now=now)
    response = see("/periods")
    flash.put(response, N_("{period} is closed. Its final statements are being made."), period=closed.id)
    return response
