"""Control accounts: what an account holds against the papers it stands for, owner by owner.

Receivables against documents, payments against the lines of payouts, tax against what was withheld:
each is counted from its own table, so an entry that is not what was done shows up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, func, select

from ledger.core.entry import ADVANCES, IN_TRANSIT, PAYABLE, RECEIVABLE, WITHHELD_IIT, WITHHELD_VAT
from ledger.deals import Deal
from ledger.facts import Fact
from ledger.journal import Entry, Posting
from ledger.payments import Payout, PayoutLine

Key = tuple[str, str]  # owner, currency
ACCOUNTS = (RECEIVABLE, IN_TRANSIT, PAYABLE, WITHHELD_IIT, WITHHELD_VAT)


@dataclass(frozen=True, slots=True)
class Off:
    """One owner of whom an account and the papers do not say the same; debit positive, minor units."""

    account: str
    owner: str
    currency: str
    booked_minor: int
    told_minor: int


def differences(session: Session) -> Iterator[Off]:
    """Every owner whose account is off, account by account."""
    yield from _off(RECEIVABLE, _of_documents(session), _booked_on_documents(session))
    yield from in_transit(session)
    payments = (col(Entry.kind).in_(("payout_made", "payout_returned")), Posting.account == PAYABLE)
    yield from _off(PAYABLE, _of_lines(session, "manager_id", "gross_minor", _GOING), _by(session, payments))
    kinds = col(Entry.kind).in_(("payout_confirmed", "payout_bounced"))
    for account, column in ((WITHHELD_IIT, "tax_minor"), (WITHHELD_VAT, "vat_minor")):
        told = _of_lines(session, "", column, PayoutLine.state == "paid")
        yield from _off(account, _credit(told), _by(session, (kinds, Posting.account == account)))


def in_transit(session: Session) -> Iterator[Off]:
    """Batches whose money in transit is not that of the lines the bank has not answered."""
    told = _of_lines(session, "payout_id", "gross_minor", PayoutLine.state == "reserved")
    query = (
        select(Posting.owner, Posting.currency, func.sum(Posting.amount_minor))
        .where(Posting.account == IN_TRANSIT)
        .group_by(Posting.owner, Posting.currency)
    )
    booked = _summed(session.exec(query))
    return _off(IN_TRANSIT, _credit(told), booked)


_GOING: Any = col(PayoutLine.state).in_(("reserved", "paid"))


def _off(account: str, told: Mapping[Key, int], booked: Mapping[Key, int]) -> Iterator[Off]:
    for owner, currency in sorted(told.keys() | booked.keys()):
        papers, books = told.get((owner, currency), 0), booked.get((owner, currency), 0)
        if papers != books:
            yield Off(account, owner, currency, books, papers)


def _credit(sums: Mapping[Key, int]) -> dict[Key, int]:
    return {key: -amount for key, amount in sums.items()}


def _summed(rows: Iterable[Any]) -> dict[Key, int]:
    return {(owner, currency): int(amount) for owner, currency, amount in rows if amount}


def _of_documents(session: Session) -> dict[Key, int]:
    """By client: what was invoiced and not received, less what was received and not invoiced."""
    sign = case((col(Fact.type).in_(("fee_invoiced", "fee_refunded")), 1), else_=-1)
    query = (
        select(Deal.client_id, Deal.currency, func.sum(sign * col(Fact.amount_minor)))
        .join(Deal, col(Deal.id) == Fact.deal_id)
        .where(col(Fact.type).in_(("fee_invoiced", "fee_credited", "fee_received", "fee_refunded")))
        .group_by(Deal.client_id, Deal.currency)
    )
    return _summed(session.exec(query))


def _booked_on_documents(session: Session) -> dict[Key, int]:
    """By client: the receivable and the advance together, without what was brought in at cut-over."""
    accounts = col(Posting.account).in_((RECEIVABLE, ADVANCES))
    query = (
        select(Posting.owner, Posting.currency, func.sum(Posting.amount_minor))
        .where(accounts)
        .group_by(Posting.owner, Posting.currency)
    )
    sums = _summed(session.exec(query))
    for key, amount in _by(session, (Entry.kind == "opening", accounts)).items():
        sums[key] = sums.get(key, 0) - amount
    return sums


def _by(session: Session, wanted: Iterable[Any]) -> dict[Key, int]:
    """Postings of some kinds of entry, by owner."""
    query = (
        select(Posting.owner, Posting.currency, func.sum(Posting.amount_minor))
        .join(Entry, col(Entry.id) == Posting.entry_id)
        .where(*wanted)
        .group_by(Posting.owner, Posting.currency)
    )
    return _summed(session.exec(query))


def _of_lines(session: Session, whose: str, amount: str, wanted: Any) -> dict[Key, int]:
    """Lines of payouts in some state, by one of their columns; or all together."""
    by = [col(getattr(PayoutLine, whose))] if whose else []
    query = (
        select_columns(*by, col(Payout.currency), func.sum(col(getattr(PayoutLine, amount))))
        .join(PayoutLine, col(Payout.id) == col(PayoutLine.payout_id))
        .where(wanted)
        .group_by(*by, col(Payout.currency))
    )
    return _summed(row if whose else ("", *row) for row in session.execute(query))
