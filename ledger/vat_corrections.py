"""VAT of payees set right (更正代扣增值税): a payment came back, and others bore its VAT, or it theirs.

What the month owes by what stands, less what was withheld from that: too much goes back from the VAT account
to what is payable to the payee, too little is taken from it. The entry is booked in the open month and names
the month it is of. The next payment's VAT counts it as withheld, so nothing is given back twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, func, select

from ledger import journal, withholding
from ledger.core import entry, period, tax, vat
from ledger.journal import MONTH, Posting
from ledger.payments import GIVEN_BACK, Payout, PayoutLine
from ledger.users import User
from ledger.withholding import CHUNK, PERSONS, Corrected


@dataclass(frozen=True, slots=True)
class _Off:
    """What a payee's month is off by, and the how manieth time it is set right."""

    manager_id: str
    held: vat.Held
    number: int


def settle(
    session: Session, payout: Payout, lines: Sequence[PayoutLine], *, on: date, by: User, now: datetime
) -> None:
    """These payments were answered or came back: set right what their payees' month is off by.

    A month in which nothing came back is left alone. Payments are locked before.
    """
    month = period.of(payout.value_on)
    wanted = _with_returns(session, [line.manager_id for line in lines], month, payout.currency)
    found = list(_off(session, wanted, month, payout.currency)) if wanted else []
    journal.post_many(
        session,
        [_entry(one, month, payout.currency, on) for one in found],
        now=now,
        by=by.id,
        workings=[{"tax": [step.to_data() for step in one.held.because]} for one in found],
    )


def _with_returns(session: Session, manager_ids: list[str], month: str, currency: str) -> list[str]:
    """Of some payees, those to whom a payment of the month did not stand."""
    found: set[str] = set()
    for start in range(0, len(manager_ids), CHUNK):
        query = (
            select(PayoutLine.manager_id)
            .join(Payout, col(Payout.id) == PayoutLine.payout_id)
            .where(
                col(PayoutLine.manager_id).in_(manager_ids[start : start + CHUNK]),
                col(PayoutLine.state).in_(GIVEN_BACK),
                col(PayoutLine.value_on).between(period.first_day(month), period.last_day(month)),
                Payout.currency == currency,
            )
        )
        found.update(session.exec(query.distinct()))
    return sorted(found)


def _off(session: Session, manager_ids: Iterable[str], month: str, currency: str) -> Iterator[_Off]:
    stood: dict[str, list[tax.Paid]] = defaultdict(list)
    for one in withholding.standing(session, manager_ids, int(month[:4]), currency=currency):
        if one.method in PERSONS and period.of(one.paid.on) == month:
            stood[one.manager_id].append(one.paid)
    settings_on, corrected = withholding.vat_through(session), withholding.corrections(session, currency)
    booked = _booked(session, month, currency)
    for manager_id in manager_ids:
        known = corrected.get((manager_id, month), Corrected())
        of = withholding.vat_month(manager_id, month, stood[manager_id], known, settings_on)
        held = vat.off(
            of.turnover_minor, of.had_minor, booked.get(manager_id, 0), of.day, settings_on(of.day)
        )
        if held.vat_minor:
            yield _Off(manager_id, held, known.times + 1)


def _booked(session: Session, month: str, currency: str) -> dict[str, int]:
    """What the VAT account holds of a month, by payee."""
    query = (
        select(Posting.manager_id, func.sum(Posting.amount_minor))
        .where(Posting.account == entry.WITHHELD_VAT, Posting.currency == currency, month == MONTH)
        .group_by(col(Posting.manager_id))
    )
    return {manager_id: -int(minor) for manager_id, minor in session.exec(query)}


def _entry(one: _Off, month: str, currency: str, on: date) -> entry.Entry:
    booked, manager = period.of(on), one.manager_id
    late = "" if booked == month else month
    return entry.Entry(
        kind="vat_corrected",
        source=f"{manager}/{month}/{currency}#{one.number}",
        on=on,
        period=booked,
        currency=currency,
        summary=f"更正{month}代扣增值税",
        postings=(
            entry.Posting(entry.WITHHELD_VAT, -one.held.vat_minor, manager_id=manager, origin=late),
            entry.Posting(entry.PAYABLE, one.held.vat_minor, manager, manager_id=manager, origin=late),
        ),
    )
