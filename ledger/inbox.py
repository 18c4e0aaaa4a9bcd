"""The inbox: what waits for somebody, how much of it, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select

from ledger import rights
from ledger.agreements import SplitAgreement
from ledger.claims import Claim
from ledger.disputes import WAITING, Dispute
from ledger.invitations import Invitation
from ledger.jobs import JobRun
from ledger.milestones import Milestone
from ledger.needs import Need
from ledger.payouts import Payout
from ledger.receipt_lines import BankReceiptLine
from ledger.users import User


@dataclass(frozen=True, slots=True)
class Waiting:
    """So many things wait for one step; `since` is when the oldest began to, None where none does."""

    what: str
    count: int
    since: datetime | None


# what waits: the right it takes, the table, the state or states, since when
PILES: tuple[tuple[str, str, Any, str | tuple[str, ...], Any], ...] = (
    ("milestones", "milestone.verify", Milestone, "submitted", Milestone.submitted_at),
    ("splits", "agreement.decide", SplitAgreement, "refused", SplitAgreement.state_at),
    ("disputes", "dispute.decide", Dispute, WAITING, Dispute.raised_at),
    ("claims", "claim.decide", Claim, "contested", Claim.contested_at),
    ("needs", "deal.open", Need, "open", Need.logged_at),
    ("joining", "manager.invite", Invitation, "entered", Invitation.entered_at),
    ("receipts", "fee.record", BankReceiptLine, "open", BankReceiptLine.taken_at),
    ("payouts", "payout.approve", Payout, "made", Payout.made_at),
    ("jobs", "job.run", JobRun, "failed", JobRun.ended_at),
)


def of(session: Session, *, by: User) -> list[Waiting]:
    """What waits for what the user may do."""
    return [
        _counted(session, what, table, state, since)
        for what, right, table, state, since in PILES
        if rights.RIGHTS[right].get(by.role)  # type: ignore[call-overload]
    ]


def everything(session: Session) -> list[Waiting]:
    """What waits for anybody."""
    return [_counted(session, what, table, state, since) for what, _, table, state, since in PILES]


def _counted(session: Session, what: str, table: Any, state: str | tuple[str, ...], since: Any) -> Waiting:
    wanted = (state,) if isinstance(state, str) else state
    query = select(func.count(), func.min(since)).where(col(table.state).in_(wanted))
    count, oldest = session.exec(query).one()
    return Waiting(what, count, oldest)
