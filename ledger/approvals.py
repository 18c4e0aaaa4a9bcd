"""Approval of a batch: somebody other than the maker has seen it and agrees."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, Session, col, select

from ledger import audit, ids, rights
from ledger.core.errors import Conflict
from ledger.core.states import PAYOUT, advance
from ledger.db import Instant, Row
from ledger.payouts import Payout, digest, lines_of, locked
from ledger.users import User


class PayoutApproval(Row, table=True):
    """Somebody other than the maker has looked at the batch of this digest and agreed."""

    __tablename__ = "payout_approval"

    id: str = Field(primary_key=True)
    payout_id: str = Field(index=True)
    approved_by: str
    approved_at: datetime = Field(sa_type=Instant)
    digest: str


def approve(
    session: Session, payout_id: str, *, digest_seen: str | None = None, by: User, now: datetime
) -> Payout:
    """Agree to a batch somebody else made. What was seen must be what is there."""
    payout = locked(session, payout_id)
    lines = lines_of(session, payout_id)
    rights.require(by, "payout.approve", managers=[line.manager_id for line in lines], made_by=payout.made_by)
    if digest(payout, lines) != payout.digest or (digest_seen or payout.digest) != payout.digest:
        raise Conflict("payout_changed", "batch {no} is not what was shown; look at it again", no=payout.no)
    payout.state = advance(PAYOUT, "payout", payout.state, "approve")
    audit.changed(session, by, "payout.approve", payout, now=now)

    session.add(
        PayoutApproval(
            id=ids.new("pa"), payout_id=payout.id, approved_by=by.id, approved_at=now, digest=payout.digest
        )
    )
    session.flush()
    return payout


def of_batch(session: Session, payout_id: str) -> list[PayoutApproval]:
    """Who agreed to a batch."""
    query = select(PayoutApproval).where(PayoutApproval.payout_id == payout_id)
    return list(session.exec(query.order_by(col(PayoutApproval.approved_at))))
