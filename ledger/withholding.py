"""Income tax withheld from what managers are paid (代扣个人所得税), after what the books say was paid.

What was paid, and the tax in it, is read from the entries that confirmed it, by the month of the bank's
value date; what is still on its way counts with the tax its batch was made with. What came back counts
no more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

import sqlalchemy
from sqlmodel import Session, col, select

from ledger import managers, settings
from ledger.core import entry, period, tax, vat
from ledger.core.errors import Conflict
from ledger.core.money import parse_rate
from ledger.journal import Entry, Posting
from ledger.payments import Payout, PayoutLine

PERSONS = ("per_payment", "platform_cumulative")  # whose VAT may be withheld
CHUNK = 500  # payees looked up at once


@dataclass(frozen=True, slots=True)
class Taxed:
    """A payment to a manager: by which method it is taxed, and the tax."""

    method: str
    held: tax.Withheld
    gross_minor: int
    vat: vat.Held

    @property
    def net_minor(self) -> int:
        """What the bank is to pay."""
        return self.gross_minor - self.held.withheld_minor - self.vat.vat_minor

    @property
    def because(self) -> tuple[tax.Step, ...]:
        """The working of all that is withheld."""
        return (*self.vat.because, *self.held.because)


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
    stands = list(standing(session, gross, on.year, currency=currency))
    before, stood = _by_payee(stands), _persons(stands)
    settings_on, vat_on, income = settings_through(session), vat_through(session), income_through(session)
    taxed = {}
    for manager_id, gross_minor in gross.items():
        method = methods[manager_id]
        history = before[manager_id, method]
        _not_before(manager_id, history, on)
        of_month = [one.paid for one in stood[manager_id] if period.of(one.paid.on) == period.of(on)]
        own = _vat(method, of_month, gross_minor, on, vat_on(on))
        clamped = [_no_later(income(paid), on) for paid in history]
        this = income(tax.Paid(on, gross_minor, 0, vat_minor=own.vat_minor))
        held = tax.withhold_after(method, clamped, tax.Payment(on, this.amount_minor), settings_on)
        taxed[manager_id] = Taxed(method, held, gross_minor, own)
    return taxed


def _persons(stands: Iterable[Stands]) -> Mapping[str, list[Stands]]:
    """What was paid to payees whose VAT may be withheld."""
    found: dict[str, list[Stands]] = defaultdict(list)
    for one in stands:
        if one.method in PERSONS:
            found[one.manager_id].append(one)
    return found


def _vat(
    method: str, of_month: list[tax.Paid], gross_minor: int, on: date, settings: vat.Settings
) -> vat.Held:
    if method not in PERSONS:
        return vat.Held()
    before, withheld = sum(one.amount_minor for one in of_month), sum(one.vat_minor for one in of_month)
    return vat.held(gross_minor, before, withheld, on, settings)


def vat_through(session: Session) -> vat.SettingsOn:
    """The operator's settings for payees' VAT, by day."""
    names = (settings.VAT, settings.VAT_AT, settings.VAT_SURCHARGES)
    is_on, at, surcharges = (settings.through(session, name) for name in names)
    return lambda day: vat.Settings(is_on(day) == "yes", at(day) == "taxed", parse_rate(surcharges(day)))


def income_through(session: Session) -> Callable[[tax.Paid], tax.Paid]:
    """A payment as the income tax counts it: without its VAT, unless the operator has decided otherwise."""
    counts = settings.through(session, settings.VAT_IN_INCOME)

    def income(paid: tax.Paid) -> tax.Paid:
        if counts(paid.on) == "yes" or not paid.vat_minor:
            return paid
        return replace(paid, amount_minor=paid.amount_minor - paid.vat_minor)

    return income


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
            col(Posting.account).in_((entry.IN_TRANSIT, entry.WITHHELD_IIT, entry.WITHHELD_VAT)),
        )
        .order_by(col(PayoutLine.value_on), col(Entry.id))
    )
    if manager_ids is not None:
        query = query.where(col(PayoutLine.manager_id).in_(list(manager_ids)))
    found: dict[str, Stands] = {}
    for line_id, manager_id, method, on, account, amount in session.execute(query):
        known = found.get(line_id, Stands(manager_id, method, tax.Paid(on, 0, 0))).paid
        paid = replace(
            known,
            amount_minor=known.amount_minor + (amount if account == entry.IN_TRANSIT else 0),
            withheld_minor=known.withheld_minor - (amount if account == entry.WITHHELD_IIT else 0),
            vat_minor=known.vat_minor - (amount if account == entry.WITHHELD_VAT else 0),
        )
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
        paid = tax.Paid(line.value_on, line.gross_minor, line.tax_minor, vat_minor=line.vat_minor)
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
    return replace(paid, on=min(paid.on, on))
