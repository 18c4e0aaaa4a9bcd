"""Finance's board: the month's money in and cost, and what stands open now, account by account."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from ledger import accounts
from ledger.core.entry import (
    ADVANCES,
    COMMISSION_COST,
    EXPECTED,
    HELD,
    IN_TRANSIT,
    PAYABLE,
    RECEIVABLE,
    WITHHELD_IIT,
)
from ledger.users import User


@dataclass(frozen=True, slots=True)
class Board:
    """Figures as people read them, above zero where there is something; minor units."""

    received_minor: int  # in the month, less what was refunded
    cost_minor: int  # in the month
    payable_minor: int
    held_minor: int
    expected_minor: int
    in_transit_minor: int
    receivable_minor: int
    advances_minor: int
    withheld_minor: int


def of(session: Session, period: str, *, currency: str = "CNY", by: User) -> Board:
    """The board of a month; what stands open is as of now."""
    now = {
        one.account: one.balance_minor
        for one in accounts.trial_balance(session, by=by)
        if one.currency == currency
    }
    month = accounts.turnover(session, period, currency)
    debited, credited = month.get(COMMISSION_COST, (0, 0))
    return Board(
        received_minor=accounts.received(session, period, currency),
        cost_minor=debited - credited,
        payable_minor=-now.get(PAYABLE, 0),
        held_minor=-now.get(HELD, 0),
        expected_minor=now.get(EXPECTED, 0),
        in_transit_minor=-now.get(IN_TRANSIT, 0),
        receivable_minor=now.get(RECEIVABLE, 0),
        advances_minor=-now.get(ADVANCES, 0),
        withheld_minor=-now.get(WITHHELD_IIT, 0),
    )
