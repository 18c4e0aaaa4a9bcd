"""Income tax withheld from what managers are paid (代扣个人所得税), after what the books say was paid.

What was paid, and the tax in it, is read from the entries that confirmed it, by the month of the bank's
value date; what is still on its way counts with the tax its batch was made with. What came back counts
no more. VAT that was set right since is read from the entries that did so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

import sqlalchemy
from sqlmodel import Session, col, func, select

from ledger import managers, settings
from ledger.core import entry, period, tax, vat
from ledger.core.errors import Conflict
from ledger.core.money import parse_rate
from ledger.journal import MONTH, Entry, Posting
from ledger.payments import GIVEN_BACK, Payout, PayoutLine

PERSONS = ("per_payment", "platform_cumulative")  # whose VAT may be withheld
CHUNK = 500  # payees looked up at once


@dataclass(frozen=True, slots=True)
class Taxed:
    """A payment to a manager: by which method it is taxed, and the tax."""

    method: str
    held: tax.Withheld
    gross_minor: int
    vat: vat.Held
    vat_back_minor: int = 0  # in the gross: VAT of an earlier payment, given back

    @property
    def tax_minor(self) -> int:
        """All that is withheld."""
        return self.held.withheld_minor + self.vat.vat_minor

    @property
    def net_minor(self) -> int:
        """What the bank is to pay."""
        return self.gross_minor - self.tax_minor

    @property
    def because(self) -> tuple[tax.Step, ...]:
        """The working of all that is withheld."""
        back = (vat.back(self.vat_back_minor),) if self.vat_back_minor else ()
        return (*back, *self.vat.because, *self.held.because)


@dataclass(frozen=True, slots=True)
class Stands:
    """Something paid or on its way to a manager, by the method it was taxed by."""

    manager_id: str
    method: str
    paid: tax.Paid


@dataclass(frozen=True, slots=True)
class Corrected:
    """By how much the VAT of a payee's month was set right, given back above zero, and how many times."""

    given_back_minor: int = 0
    times: int = 0


@dataclass(frozen=True, slots=True)
class VatMonth:
    """A payee's month as VAT sees it: the turnover that stands, what it owes, what of that was withheld."""

    manager_id: str
    day: date  # the last payment's, whose settings count
    turnover_minor: int
    owed: vat.Due
    had_minor: int

    @property
    def off_minor(self) -> int:
        """What is still to be withheld; below zero: was withheld too much."""
        return self.owed.total_minor - self.had_minor


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
    corrected = corrections(session, currency)
    back = _given_back(session, gross, corrected, currency)
    taxed = {}
    for manager_id, gross_minor in gross.items():
        method = methods[manager_id]
        history = before[manager_id, method]
        _not_before(manager_id, history, on)
        month = period.of(on)
        of_month = [one.paid for one in stood[manager_id] if period.of(one.paid.on) == month]
        this = tax.Paid(on, gross_minor, 0, vat_back_minor=min(back.get(manager_id, 0), gross_minor))
        given_back = corrected.get((manager_id, month), Corrected()).given_back_minor
        own = _vat(method, of_month, this.turnover_minor, given_back, on, vat_on(on))
        counted = income(replace(this, vat_minor=own.vat_minor)).amount_minor
        clamped = [_no_later(one, on) for paid in history if (one := income(paid)).amount_minor > 0]
        held = _held(method, clamped, tax.Payment(on, counted), settings_on)
        taxed[manager_id] = Taxed(method, held, gross_minor, own, this.vat_back_minor)
    return taxed


def _held(
    method: str, history: list[tax.Paid], payment: tax.Payment, settings_on: tax.SettingsOn
) -> tax.Withheld:
    if payment.amount_minor <= 0:  # VAT takes all of it, or all of it is VAT given back
        return tax.Withheld(payment.on, payment.amount_minor, 0, payment.amount_minor, ())
    return tax.withhold_after(method, history, payment, settings_on)


def corrections(session: Session, currency: str = "CNY") -> dict[tuple[str, str], Corrected]:
    """By payee and month, how the VAT of payments was set right where others of the month came back."""
    query = (
        sqlalchemy.select(col(Posting.manager_id), MONTH, func.sum(col(Posting.amount_minor)), func.count())
        .join(Entry, col(Entry.id) == col(Posting.entry_id))
        .where(
            col(Posting.account) == entry.WITHHELD_VAT,
            col(Posting.currency) == currency,
            col(Entry.kind) == "vat_corrected",
        )
        .group_by(col(Posting.manager_id), MONTH)
    )
    return {
        (manager_id, month): Corrected(int(minor), times)
        for manager_id, month, minor, times in session.execute(query)
    }


def _given_back(
    session: Session,
    manager_ids: Iterable[str],
    corrected: Mapping[tuple[str, str], Corrected],
    currency: str,
) -> dict[str, int]:
    """What of VAT given back is in no payment yet, by payee; below zero, where some of it was taken again."""
    left: dict[str, int] = defaultdict(int)
    for (manager_id, _), one in corrected.items():
        left[manager_id] += one.given_back_minor
    wanted = sorted(left.keys() & set(manager_ids))
    query = (
        select(PayoutLine.manager_id, func.sum(PayoutLine.vat_back_minor))
        .join(Payout, col(Payout.id) == PayoutLine.payout_id)
        .where(
            col(PayoutLine.manager_id).in_(wanted),
            col(PayoutLine.state).not_in(GIVEN_BACK),
            Payout.currency == currency,
        )
        .group_by(col(PayoutLine.manager_id))
    )
    for manager_id, minor in session.exec(query) if wanted else ():
        left[manager_id] -= int(minor)
    return {manager_id: left[manager_id] for manager_id in wanted}


def vat_of_month(session: Session, month: str, *, currency: str = "CNY") -> list[VatMonth]:
    """What every payee owes of VAT for a month, by what the bank paid in it, and what was withheld."""
    settings_on, corrected = vat_through(session), corrections(session, currency)
    found: dict[str, list[tax.Paid]] = defaultdict(list)
    for one in paid_of(session, int(month[:4]), month=month, currency=currency):
        if one.method in PERSONS:
            found[one.manager_id].append(one.paid)
    for manager_id, of in corrected:
        if of == month:
            found[manager_id] += []
    return [
        vat_month(manager_id, month, paid, corrected.get((manager_id, month), Corrected()), settings_on)
        for manager_id, paid in sorted(found.items())
    ]


def vat_month(
    manager_id: str, month: str, paid: Iterable[tax.Paid], corrected: Corrected, settings_on: vat.SettingsOn
) -> VatMonth:
    """The month of a payee to whom this was paid in it."""
    stands = list(paid)
    last = max((one.on for one in stands), default=period.last_day(month))
    turnover = sum(one.turnover_minor for one in stands)
    had = sum(one.vat_minor for one in stands) - corrected.given_back_minor
    return VatMonth(manager_id, last, turnover, vat.due(turnover, last, settings_on(last)), had)


def _persons(stands: Iterable[Stands]) -> Mapping[str, list[Stands]]:
    """What was paid to payees whose VAT may be withheld."""
    found: dict[str, list[Stands]] = defaultdict(list)
    for one in stands:
        if one.method in PERSONS:
            found[one.manager_id].append(one)
    return found


def _vat(
    method: str,
    of_month: list[tax.Paid],
    turnover_minor: int,
    given_back_minor: int,
    on: date,
    settings: vat.Settings,
) -> vat.Held:
    if method not in PERSONS:
        return vat.Held()
    before = sum(one.turnover_minor for one in of_month)
    withheld = sum(one.vat_minor for one in of_month) - given_back_minor
    return vat.held(turnover_minor, before, withheld, on, settings)


def vat_is_on(session: Session, day: date) -> bool:
    """Whether the operator withholds payees' VAT on a day."""
    return settings.on(session, settings.VAT, day) == "yes"


def vat_through(session: Session) -> vat.SettingsOn:
    """The operator's settings for payees' VAT, by day."""
    names = (settings.VAT, settings.VAT_AT, settings.VAT_SURCHARGES)
    is_on, at, surcharges = (settings.through(session, name) for name in names)
    return lambda day: vat.Settings(is_on(day) == "yes", at(day) == "taxed", parse_rate(surcharges(day)))


def income_through(session: Session) -> Callable[[tax.Paid], tax.Paid]:
    """A payment as the income tax counts it: without its VAT, unless the operator has decided otherwise.

    VAT given back is income once it is paid, where it was not counted when it was withheld.
    """
    counts = settings.through(session, settings.VAT_IN_INCOME)

    def income(paid: tax.Paid) -> tax.Paid:
        not_income = paid.vat_back_minor if counts(paid.on) == "yes" else paid.vat_minor
        return replace(paid, amount_minor=paid.amount_minor - not_income) if not_income else paid

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
    session: Session,
    year: int,
    *,
    month: str = "",
    currency: str = "CNY",
    manager_ids: Iterable[str] | None = None,
) -> list[Stands]:
    """What the bank paid in a year, or a month of it, as the entries have it: gross, and what stayed here."""
    first, last = f"{year:04d}-01", f"{year:04d}-12"
    days = period.first_day(month or first), period.last_day(month or last)
    query = (
        sqlalchemy.select(
            col(Entry.source),
            col(PayoutLine.manager_id),
            col(PayoutLine.tax_method),
            col(PayoutLine.value_on),
            col(PayoutLine.vat_back_minor),
            col(Posting.account),
            col(Posting.amount_minor),
        )
        .join(Posting, col(Posting.entry_id) == col(Entry.id))
        .join(PayoutLine, col(PayoutLine.id) == col(Entry.source))
        .where(
            col(Entry.kind).in_(("payout_confirmed", "payout_bounced")),
            col(Entry.currency) == currency,
            col(PayoutLine.value_on).between(*days),
            col(Posting.account).in_((entry.IN_TRANSIT, entry.WITHHELD_IIT, entry.WITHHELD_VAT)),
        )
        .order_by(col(PayoutLine.value_on), col(Entry.id))
    )
    if manager_ids is not None:
        query = query.where(col(PayoutLine.manager_id).in_(list(manager_ids)))
    found: dict[str, Stands] = {}
    for line_id, manager_id, method, on, back, account, amount in session.execute(query):
        new = Stands(manager_id, method, tax.Paid(on, 0, 0, vat_back_minor=back))
        known = found.get(line_id, new).paid
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
        paid = tax.Paid(
            line.value_on,
            line.gross_minor,
            line.tax_minor,
            vat_minor=line.vat_minor,
            vat_back_minor=line.vat_back_minor,
        )
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
