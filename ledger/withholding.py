"""Income tax withheld from what managers are paid (代扣个人所得税), after what the books say was paid.

What was paid, and the tax in it, is read from the entries that confirmed it, by the month of the bank's
value date; what is still on its way counts with the tax its batch was made with. What came back counts
no more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy
from sqlmodel import Session, col, select

from ledger import managers, settings
from ledger.core import entry, period, tax
from ledger.core.errors import Conflict
from ledger.journal import Entry, Posting
from ledger.payments import Payout, PayoutLine

CHUNK = 500  # payees looked up at once


@dataclass(frozen=True, slots=True)
class Taxed:
    """A payment to a manager: by which method it is taxed, and the tax."""

    method: str
    held: tax.Withheld


@dataclass(frozen=True, slots=True)
class Stands:
    """Something paid or on its way to a manager, by the method it was taxed by."""

    manager_id: str
    method: str
    paid: tax.Paid


def on_payments(
    session: Session, gross: Mapping[str, int], on: date, *, currency: str = "CNY"
) -> dict[str, Taxed]:
    """The tax on payments to managers on one value date, each after what was paid before in the year.

    Payments of one month are one payment to the rules, so those planned for later in it count too.
    """
    methods = managers.tax_methods_on(session, gross, on)
    before = _by_payee(standing(session, gross, on.year, currency=currency))
    settings_on = settings_through(session)
    taxed = {}
    for manager_id, gross_minor in gross.items():
        method = methods[manager_id]
        history = before[manager_id, method]
        _not_before(manager_id, history, on)
        clamped = [_no_later(paid, on) for paid in history]
        held = tax.withhold_after(method, clamped, tax.Payment(on, gross_minor), settings_on)
        taxed[manager_id] = Taxed(method, held)
    return taxed


def settings_through(session: Session) -> tax.SettingsOn:
    """The operator's settings for the tax, by day."""
    break_months = settings.through(session, settings.BREAK_MONTHS)
    return lambda day: tax.Settings(break_months=int(break_months(day)))


def standing(
    session: Session, manager_ids: Iterable[str], year: int, *, currency: str = "CNY"
) -> Iterator[Stands]:
    """What was paid to managers in a year and what is on its way, by value date."""
    wanted = sorted(set(manager_ids))
    found: list[Stands] = []
    for start in range(0, len(wanted), CHUNK):
        some = wanted[start : start + CHUNK]
        found += paid_of(session, year, currency=currency, manager_ids=some)
        found += _on_the_way(session, some, year, currency)
    yield from sorted(found, key=lambda one: one.paid.on)


def paid_of(
    session: Session, year: int, *, currency: str = "CNY", manager_ids: Iterable[str] | None = None
) -> list[Stands]:
    """What the bank paid in a year, as the entries have it: gross, and the tax that stayed here."""
    query = (
        sqlalchemy.select(
            col(Entry.source),
            col(PayoutLine.manager_id),
            col(PayoutLine.tax_method),
            col(PayoutLine.value_on),
            col(Posting.account),
            col(Posting.amount_minor),
        )
        .join(Posting, col(Posting.entry_id) == col(Entry.id))
        .join(PayoutLine, col(PayoutLine.id) == col(Entry.source))
        .where(
            col(Entry.kind).in_(("payout_confirmed", "payout_bounced")),
            col(Entry.currency) == currency,
            col(PayoutLine.value_on).between(date(year, 1, 1), date(year, 12, 31)),
            col(Posting.account).in_((entry.IN_TRANSIT, entry.WITHHELD_IIT)),
        )
        .order_by(col(PayoutLine.value_on), col(Entry.id))
    )
    if manager_ids is not None:
        query = query.where(col(PayoutLine.manager_id).in_(list(manager_ids)))
    found: dict[str, Stands] = {}
    for line_id, manager_id, method, on, account, amount in session.execute(query):
        known = found.get(line_id, Stands(manager_id, method, tax.Paid(on, 0, 0))).paid
        gross, held = (amount, 0) if account == entry.IN_TRANSIT else (0, -amount)
        paid = tax.Paid(on, known.amount_minor + gross, known.withheld_minor + held)
        found[line_id] = Stands(manager_id, method, paid)
    return [one for one in found.values() if one.paid.amount_minor]  # but what the bank gave back since


def _on_the_way(session: Session, manager_ids: list[str], year: int, currency: str) -> Iterator[Stands]:
    lines = session.exec(
        select(PayoutLine)
        .join(Payout, col(Payout.id) == PayoutLine.payout_id)
        .where(
            col(PayoutLine.manager_id).in_(manager_ids),
            PayoutLine.state == "reserved",
            PayoutLine.value_on >= date(year, 1, 1),
            PayoutLine.value_on <= date(year, 12, 31),
            Payout.currency == currency,
        )
        .order_by(col(PayoutLine.value_on), col(PayoutLine.id))
    )
    for line in lines:
        paid = tax.Paid(line.value_on, line.gross_minor, line.tax_minor)
        yield Stands(line.manager_id, line.tax_method, paid)


def _by_payee(stands: Iterable[Stands]) -> Mapping[tuple[str, str], list[tax.Paid]]:
    found: dict[tuple[str, str], list[tax.Paid]] = defaultdict(list)
    for one in stands:
        found[one.manager_id, one.method].append(one.paid)
    return found


def _not_before(manager_id: str, history: list[tax.Paid], on: date) -> None:
    if history and period.of(history[-1].on) > period.of(on):
        raise Conflict(
            "paid_later_month",
            "{manager} has a payment in {later} already; one in {month} would change its tax",
            manager=manager_id,
            later=period.of(history[-1].on),
            month=period.of(on),
        )


def _no_later(paid: tax.Paid, on: date) -> tax.Paid:
    return tax.Paid(min(paid.on, on), paid.amount_minor, paid.withheld_minor, paid.kind)
