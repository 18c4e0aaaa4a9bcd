"""Tax remitted (缴纳税款): what was withheld from payees goes to the tax office, month by month.

Income tax and the payees' VAT are remitted apart.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlmodel import Session, col, func, or_, select

from ledger import audit, db, journal, needs, periods, rights
from ledger.core import entry
from ledger.core import period as months
from ledger.core.errors import Conflict, Invalid
from ledger.core.money import format_minor
from ledger.fees import BASIC_ACCOUNT
from ledger.journal import MONTH, Entry, Posting
from ledger.users import User

Of = Literal["iit", "vat"]
ACCOUNT: dict[Of, str] = {"iit": entry.WITHHELD_IIT, "vat": entry.WITHHELD_VAT}
_PREFIX: dict[Of, str] = {"iit": "", "vat": "vat/"}
_NAMED: dict[Of, str] = {"iit": "代扣个人所得税", "vat": "代扣增值税及附加"}


@dataclass(frozen=True, slots=True)
class Month:
    """What was withheld for a month and what of it was remitted; minor units."""

    period: str
    withheld_minor: int
    remitted_minor: int

    @property
    def open_minor(self) -> int:
        """What is still to be remitted."""
        return self.withheld_minor - self.remitted_minor


def remit(
    session: Session,
    period: str,
    *,
    amount_minor: int,
    on: date,
    ref: str,
    currency: str = "CNY",
    of: Of = "iit",
    by: User,
    now: datetime,
) -> Entry:
    """The tax of a month was paid to the tax office. The same reference again is the same payment."""
    rights.require(by, "tax.remit")
    months.parse(period)
    number = ref.strip()
    if not number or len(number) > 80 or not number.isprintable():
        raise Invalid(
            "remittance_ref", "a payment of tax has the number of its receipt, of 1 to 80 characters"
        )
    if amount_minor <= 0:
        raise Invalid(
            "amount_not_positive", "{amount} is not above zero", amount=format_minor(amount_minor, currency)
        )
    paid_on = needs.not_later(on, now)
    calendar = periods.hold_open(session)
    db.lock(session, "tax_remitted")
    booked = calendar.landing(months.of(paid_on))
    draft = _entry(period, amount_minor, max(paid_on, months.first_day(booked)), number, currency, of)
    known = journal.find(session, draft.kind, draft.source)
    if known is None:
        _check(session, period, amount_minor, currency, of)
    posted = journal.post(session, draft, now=now, by=by.id)
    if posted.is_new:
        told = {"amount_minor": amount_minor, "on": paid_on.isoformat(), "ref": number}
        audit.note(session, by, "tax.remit", period, after=told, now=now)
    return journal.get(session, posted.entry_id)


def _entry(period: str, amount_minor: int, on: date, ref: str, currency: str, of: Of) -> entry.Entry:
    booked = months.of(on)
    return entry.Entry(
        kind="tax_remitted",
        source=f"{_PREFIX[of]}{period}/{ref}",
        on=on,
        period=booked,
        currency=currency,
        summary=f"缴纳{period}{_NAMED[of]} {ref}",
        postings=(
            entry.Posting(ACCOUNT[of], amount_minor, origin="" if booked == period else period),
            entry.Posting(entry.BANK, -amount_minor, BASIC_ACCOUNT),
        ),
    )


def _check(session: Session, period: str, amount_minor: int, currency: str, of: Of) -> None:
    found = next((one for one in by_month(session, currency, of) if one.period == period), None)
    left = found.open_minor if found else 0
    if amount_minor > left:
        raise Conflict(
            "tax_not_withheld",
            "of the tax withheld for {period}, {left} is still to be remitted, not {amount}",
            period=period,
            left=format_minor(left, currency),
            amount=format_minor(amount_minor, currency),
        )


def standing(session: Session, *, currency: str = "CNY", of: Of = "iit", by: User) -> list[Month]:
    """Every month with its tax withheld and remitted, the latest first."""
    rights.require(by, "tax.see")
    return by_month(session, currency, of)[::-1]


def by_month(session: Session, currency: str, of: Of = "iit") -> list[Month]:
    """The same, the earliest first. What was brought in at cut-over counts for the month before it."""
    query = (
        select(MONTH, Entry.kind, func.sum(Posting.amount_minor))
        .join(Entry, col(Entry.id) == Posting.entry_id)
        .where(Posting.account == ACCOUNT[of], Posting.currency == currency)
        .group_by(MONTH, Entry.kind)
    )
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for period, kind, amount in session.exec(query):
        remitted = kind == "tax_remitted"
        sums[period][remitted] += int(amount) if remitted else -int(amount)
    return [Month(period, *sums[period]) for period in sorted(sums)]


def of_month(session: Session, period: str, *, by: User) -> list[Entry]:
    """The payments of a month's tax."""
    rights.require(by, "tax.see")
    ours = or_(*(col(Entry.source).startswith(f"{prefix}{period}/") for prefix in _PREFIX.values()))
    query = select(Entry).where(Entry.kind == "tax_remitted", ours)
    return list(session.exec(query.order_by(col(Entry.id))))
