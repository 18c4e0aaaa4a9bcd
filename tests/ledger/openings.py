"""Opening balances as tests bring them in: the books take none that nobody signed off."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from ledger import cutovers


def signed(session: Session, id: str, period: str, *, currency: str = "CNY", now: datetime) -> str:
    """A cut-over that two people signed; the source of its opening entry."""
    made = cutovers.Cutover(
        id=id,
        period=period,
        currency=currency,
        content=[],
        state="draft",
        drafted_by="us_1",
        drafted_at=now,
    )
    session.add(made)
    session.flush()
    made.state, made.published_by, made.published_at = "published", "us_2", now
    session.flush()
    return id
