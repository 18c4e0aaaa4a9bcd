"""The tie-out (勾稽): what a month's statements add up to against the payable account, payee by payee."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session, col, func, select

from ledger import statements
from ledger.core.entry import PAYABLE
from ledger.journal import Posting


@dataclass(frozen=True, slots=True)
class Row:
    """One payee's closing balance: on the latest statement, and in the account."""

    manager_id: str
    number: str  # of the statement; empty where there is none
    kind: str
    statement_minor: int
    account_minor: int

    @property
    def difference_minor(self) -> int:
        """Zero where they agree."""
        return self.statement_minor - self.account_minor


@dataclass(frozen=True, slots=True)
class Tieout:
    """All of a month's payees in one currency."""

    period: str
    currency: str
    rows: tuple[Row, ...]

    @property
    def statements_minor(self) -> int:
        """What the statements add up to."""
        return sum(row.statement_minor for row in self.rows)

    @property
    def account_minor(self) -> int:
        """What the payable account stands at."""
        return sum(row.account_minor for row in self.rows)

    @property
    def differing(self) -> tuple[Row, ...]:
        """Payees whose statement is missing though they have a balance, or says another."""
        return tuple(row for row in self.rows if row.difference_minor)


def of(session: Session, period: str, currency: str = "CNY") -> Tieout:
    """The tie-out of a period."""
    booked = closing(session, period, currency)
    printed = {
        kept.manager_id: kept for kept in statements.latest_of(session, period) if kept.currency == currency
    }
    return Tieout(
        period,
        currency,
        tuple(
            Row(
                manager_id=manager_id,
                number=printed[manager_id].number if manager_id in printed else "",
                kind=printed[manager_id].kind if manager_id in printed else "",
                statement_minor=printed[manager_id].closing_minor if manager_id in printed else 0,
                account_minor=booked.get(manager_id, 0),
            )
            for manager_id in sorted(booked.keys() | printed.keys())
        ),
    )


def closing(session: Session, period: str, currency: str) -> dict[str, int]:
    """What is payable to each payee at the end of a period, by the account alone."""
    query = (
        select(Posting.owner, func.sum(Posting.amount_minor))
        .where(Posting.account == PAYABLE, Posting.currency == currency, Posting.period <= period)
        .group_by(Posting.owner)
        .order_by(col(Posting.owner))
    )
    return {owner: -int(amount) for owner, amount in session.exec(query) if amount}


def currencies(session: Session, period: str) -> list[str]:
    """The currencies in which anything is payable to anybody, ours first."""
    query = select(Posting.currency).where(Posting.account == PAYABLE, Posting.period <= period).distinct()
    return sorted({statements.HOME, *session.exec(query)}, key=lambda code: (code != statements.HOME, code))
