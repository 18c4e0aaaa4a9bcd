"""Income tax withheld from people (代扣个人所得税), by the method their settings name.

    platform_cumulative  over the months in a row in which the platform paid the person this year
    per_payment          all payments of one month for one kind of service are one payment
    invoiced             the payee invoices: nothing is withheld
    payroll              the payee is an employee: exported to wages, nothing is withheld here

A payment's month is that of its value date. The tables are `tax_tables`; the tax of each payment is
rounded once, to the fen. Every answer carries its working as steps; `sentences` says them in words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from ledger.core import period
from ledger.core.errors import Invalid
from ledger.core.money import format_minor, format_rate, round_half_away
from ledger.core.tax_tables import CUMULATIVE, PER_PAYMENT, Table, bracket_of, in_force
from ledger.core.tax_words import WORDS

Lang = Literal["zh", "en"]
Method = Literal["platform_cumulative", "per_payment", "invoiced", "payroll"]
METHODS: tuple[Method, ...] = ("platform_cumulative", "per_payment", "invoiced", "payroll")
KIND = "brokerage"  # 经纪代理服务


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator decides. `break_months`: so many empty months restart the cumulative count."""

    break_months: int = 1


DEFAULTS = Settings()
SettingsOn = Callable[[date], Settings]  # which of them counts on a day


@dataclass(frozen=True, slots=True)
class Payment:
    """Something to be paid to a person, gross."""

    on: date
    amount_minor: int
    kind: str = KIND


@dataclass(frozen=True, slots=True)
class Paid:
    """Something that was paid, or is on its way: gross, and the tax in it. One may stand for several of
    one month and kind."""

    on: date
    amount_minor: int
    withheld_minor: int
    kind: str = KIND
    vat_minor: int = 0  # in the amount, where the payee's VAT was withheld
    vat_back_minor: int = 0  # in the amount: VAT of an earlier payment, given back

    @property
    def turnover_minor(self) -> int:
        """What was paid for services, VAT in it: VAT given back was counted when it was first paid."""
        return self.amount_minor - self.vat_back_minor


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a working: its `rule` is a key of WORDS, its `numbers` fill the places there."""

    rule: str
    numbers: Mapping[str, int | str]
    source: str = ""

    def to_data(self) -> dict[str, Any]:
        """The step as JSON takes it."""
        return {"rule": self.rule, "numbers": dict(self.numbers), "source": self.source}


@dataclass(frozen=True, slots=True)
class Withheld:
    """A payment, the tax withheld from it, what is left, and why."""

    on: date
    amount_minor: int
    withheld_minor: int
    net_minor: int
    because: tuple[Step, ...]


def withhold(
    method: str, history: Sequence[Paid], payment: Payment, settings: Settings = DEFAULTS
) -> Withheld:
    """The tax on a payment after those of `history`, none of which is later; or Invalid."""
    check_method(method)
    check_settings(settings)
    _check_payment(history, payment)
    due_minor, steps = _RULES[method](history, payment, settings)
    return Withheld(payment.on, payment.amount_minor, due_minor, payment.amount_minor - due_minor, steps)


def withhold_all(
    method: str, payments: Iterable[Payment], settings: Settings = DEFAULTS
) -> tuple[Withheld, ...]:
    """The tax on all payments to one person, taken by date, then as listed."""
    return _in_turn(method, payments, lambda _: settings)[0]


def withhold_each(method: str, payments: Iterable[Payment], settings_on: SettingsOn) -> tuple[Withheld, ...]:
    """The same, by the settings of each payment's day."""
    return _in_turn(method, payments, settings_on)[0]


def withhold_after(
    method: str, standing: Sequence[Paid], payment: Payment, settings_on: SettingsOn
) -> Withheld:
    """The tax on a payment after those of the year that stand, though others came back since.

    What stands is taxed as if nothing else had ever been paid. Where more or less was withheld from it,
    the difference is taken off this payment's tax or added to it: target minus withheld.
    """
    kept = [Payment(paid.on, paid.amount_minor, paid.kind) for paid in standing]
    right, months = _in_turn(method, kept, settings_on)
    held = withhold(method, months, payment, settings_on(payment.on))
    should = sum(one.withheld_minor for one in right)
    had = sum(paid.withheld_minor for paid in standing)
    if had == should:
        return held
    due_minor = min(max(held.withheld_minor + should - had, 0), payment.amount_minor)
    numbers = {
        "should": _yuan(should),
        "had": _yuan(had),
        "own": _yuan(held.withheld_minor),
        "withheld": _yuan(due_minor),
    }
    because = (*held.because, Step("corrected", numbers))
    return Withheld(payment.on, payment.amount_minor, due_minor, payment.amount_minor - due_minor, because)


def _in_turn(
    method: str, payments: Iterable[Payment], settings_on: SettingsOn
) -> tuple[tuple[Withheld, ...], tuple[Paid, ...]]:
    """The tax on each payment, and what it comes to by month and kind of service."""
    months: dict[tuple[str, str], Paid] = {}
    results = []
    for payment in sorted(payments, key=lambda payment: payment.on):
        held = withhold(method, tuple(months.values()), payment, settings_on(payment.on))
        key = (period.of(payment.on), payment.kind)
        before = months.get(key, Paid(payment.on, 0, 0))
        months[key] = Paid(
            payment.on,
            before.amount_minor + held.amount_minor,
            before.withheld_minor + held.withheld_minor,
            payment.kind,
        )
        results.append(held)
    return tuple(results), tuple(months.values())


def sentences(steps: Iterable[Step], lang: Lang) -> list[str]:
    """Every step in words."""
    return [WORDS[step.rule][lang].format(**step.numbers) for step in steps]


def from_data(steps: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Steps as `Step.to_data` wrote them."""
    return tuple(Step(one["rule"], one["numbers"], one["source"]) for one in steps)


def check_method(method: str) -> None:
    """Invalid unless there is such a method."""
    if method not in _RULES:
        raise Invalid(
            "tax_method_unknown",
            "there is no tax method “{method}”; use one of: {methods}",
            method=method[:40],
            methods=", ".join(METHODS),
        )


def check_settings(settings: Settings) -> None:
    """Invalid unless the settings make sense."""
    if settings.break_months < 1:
        raise Invalid("tax_break_months", "a break is at least one empty month; set it to 1 or more")


def _check_payment(history: Sequence[Paid], payment: Payment) -> None:
    if payment.amount_minor <= 0:
        raise Invalid(
            "tax_nothing_paid",
            "the payment of {on} is not above zero: {amount}",
            on=payment.on,
            amount=_yuan(payment.amount_minor),
        )
    latest = max((paid.on for paid in history), default=payment.on)
    if latest > payment.on:
        raise Invalid(
            "tax_out_of_order",
            "a payment of {latest} was taxed before this one of {on}; take them by date",
            latest=latest,
            on=payment.on,
        )


# -- the rules: (tax to withhold in minor units, working) --------------------------------------------

_Answer = tuple[int, tuple[Step, ...]]


def _per_payment(history: Sequence[Paid], payment: Payment, _: Settings) -> _Answer:
    table = in_force(PER_PAYMENT, payment.on)
    month = period.of(payment.on)
    earlier = [paid for paid in history if period.of(paid.on) == month and paid.kind == payment.kind]
    income = payment.amount_minor + sum(paid.amount_minor for paid in earlier)
    if income <= table.small_upto_minor:
        base = Fraction(max(income - table.small_deduction_minor, 0))
        less = Step(
            "per_payment.small",
            {
                "income": _yuan(income),
                "upto": _yuan(table.small_upto_minor),
                "deduction": _yuan(table.small_deduction_minor),
                "base": _yuan(base),
            },
            table.source,
        )
    else:
        base = income * (1 - table.expense_rate)
        numbers = {"income": _yuan(income), "rate": format_rate(table.expense_rate), "base": _yuan(base)}
        less = Step("per_payment.large", numbers, table.source)
    steps = (*_together(earlier, payment, income), less)
    return _due(table, base, sum(paid.withheld_minor for paid in earlier), steps)


def _together(earlier: Sequence[Paid], payment: Payment, income: int) -> Iterator[Step]:
    if earlier:
        yield Step(
            "per_payment.month",
            {
                "month": period.of(payment.on),
                "before": _yuan(income - payment.amount_minor),
                "amount": _yuan(payment.amount_minor),
                "income": _yuan(income),
            },
        )


def _cumulative(history: Sequence[Paid], payment: Payment, settings: Settings) -> _Answer:
    table = in_force(CUMULATIVE, payment.on)
    first = max(table.effective_from, date(payment.on.year, 1, 1))
    run = _run([paid for paid in history if paid.on >= first], payment.on, settings.break_months)
    months = len({period.of(payment.on), *(period.of(paid.on) for paid in run)})
    income = payment.amount_minor + sum(paid.amount_minor for paid in run)
    expenses = income * table.expense_rate
    deduction = months * table.month_deduction_minor
    taxable = max(income - expenses - deduction, Fraction(0))
    since = min((period.of(paid.on) for paid in run), default=period.of(payment.on))
    steps = (
        Step("cumulative.run", {"since": since, "months": months, "break_months": settings.break_months}),
        Step("cumulative.income", {"income": _yuan(income), "amount": _yuan(payment.amount_minor)}),
        Step(
            "cumulative.taxable",
            {
                "income": _yuan(income),
                "rate": format_rate(table.expense_rate),
                "expenses": _yuan(expenses),
                "months": months,
                "monthly": _yuan(table.month_deduction_minor),
                "deduction": _yuan(deduction),
                "taxable": _yuan(taxable),
            },
            table.source,
        ),
    )
    return _due(table, taxable, sum(paid.withheld_minor for paid in run), steps)


def _run(history: Sequence[Paid], on: date, break_months: int) -> list[Paid]:
    """The payments since the last break: going back from `on`, until too many months were empty."""
    run: list[Paid] = []
    later = on
    for paid in sorted(history, key=lambda paid: paid.on, reverse=True):
        if _month_no(later) - _month_no(paid.on) > break_months:
            break
        run.append(paid)
        later = paid.on
    return run


def _month_no(day: date) -> int:
    return day.year * 12 + day.month


def _due(table: Table, base: Fraction, before_minor: int, steps: tuple[Step, ...]) -> _Answer:
    """The tax on a base by its bracket, less what was withheld before; never below zero."""
    bracket = bracket_of(table, base)
    tax = base * bracket.rate - bracket.quick_minor
    due_minor = max(round_half_away(tax - before_minor), 0)
    numbers = {
        "base": _yuan(base),
        "rate": format_rate(bracket.rate),
        "quick": _yuan(bracket.quick_minor),
        "tax": _yuan(tax),
    }
    last = {"tax": _yuan(tax), "before": _yuan(before_minor), "withheld": _yuan(due_minor)}
    rule = "withheld.nothing" if tax < before_minor else "withheld"
    return due_minor, (*steps, Step("tax", numbers, table.source), Step(rule, last))


def _invoiced(_: Sequence[Paid], payment: Payment, __: Settings) -> _Answer:
    return 0, (Step("invoiced", {"amount": _yuan(payment.amount_minor)}),)


def _payroll(_: Sequence[Paid], payment: Payment, __: Settings) -> _Answer:
    return 0, (Step("payroll", {"amount": _yuan(payment.amount_minor)}),)


_RULES: Mapping[str, Callable[[Sequence[Paid], Payment, Settings], _Answer]] = {
    "platform_cumulative": _cumulative,
    "per_payment": _per_payment,
    "invoiced": _invoiced,
    "payroll": _payroll,
}


def _yuan(minor: int | Fraction) -> str:
    """An amount in words' place: to the fen, or exactly where a step lies between two fen."""
    if minor.denominator == 1:
        return format_minor(int(minor), "CNY")
    return f"{Decimal(minor.numerator) / Decimal(minor.denominator * 100):f}"
