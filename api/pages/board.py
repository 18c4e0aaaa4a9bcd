"""Finance's home: the month's money, what stands open, what waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fastapi import Request, Response
from sqlmodel import Session

from api.rendering import page
from ledger import board, clock, closing, documents, notices, payouts
from ledger.core import period as months
from ledger.users import User

SHOWN = 5


def finance(
    request: Request, session: Session, by: User, now: datetime, *, piles: Sequence[dict[str, Any]]
) -> Response:
    """The board of this month, after what waits for somebody."""
    period = months.of(clock.day_of(now))
    found = closing.board(session, now=now, by=by, limit=6)
    batches = payouts.listing(session, by=by, limit=SHOWN)
    return page(
        request,
        "board/finance.html",
        piles=[pile for pile in piles if pile["count"]],
        now=now,
        period=period,
        told=notices.unread(session, by=by),
        board=board.of(session, period, by=by),
        to_close=[one for one in found if one.can_be_closed],
        batches=batches,
        sums=payouts.sums(session, [one.id for one in batches]),
        documents=documents.listing(session, by=by, limit=SHOWN),
    )
