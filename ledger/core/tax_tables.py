"""Income tax on what is paid to people, as data: every figure has its dates and its source.

When the law changes, give the row in force an `effective_to` and add its successor. Amounts are in
minor units of CNY.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TypeVar

from ledger.core.errors import Invalid


@dataclass(frozen=True, slots=True)
class Bracket:
    """Up to `upto_minor`, inclusive: `rate` on the whole, less `quick_minor` (速算扣除数)."""

    upto_minor: int | None
    rate: Fraction
    quick_minor: int


@dataclass(frozen=True, slots=True)
class Table:
    """What all tables have: when they are in force, both days included, and where they stand written."""

    effective_from: date
    effective_to: date | None
    source: str
    brackets: tuple[Bracket, ...]
    expense_rate: Fraction


@dataclass(frozen=True, slots=True)
class PerPayment(Table):
    """Each payment by itself: a small one less a fixed sum, a larger one less its expenses."""

    small_upto_minor: int
    small_deduction_minor: int


@dataclass(frozen=True, slots=True)
class Cumulative(Table):
    """Over the year's run of months: less expenses, less a fixed sum for every month with a payment."""

    month_deduction_minor: int


def _brackets(*rows: tuple[int | None, int, int]) -> tuple[Bracket, ...]:
    """From (up to, percent, quick deduction) in whole yuan, as the announcements print them."""
    return tuple(
        Bracket(None if upto is None else upto * 100, Fraction(percent, 100), quick * 100)
        for upto, percent, quick in rows
    )


PER_PAYMENT: tuple[PerPayment, ...] = (
    PerPayment(
        effective_from=date(2019, 1, 1),
        effective_to=None,
        source="国家税务总局公告2018年第61号，附件2，个人所得税预扣率表二",
        brackets=_brackets((20_000, 20, 0), (50_000, 30, 2_000), (None, 40, 7_000)),
        expense_rate=Fraction(1, 5),
        small_upto_minor=4_000_00,
        small_deduction_minor=800_00,
    ),
)

CUMULATIVE: tuple[Cumulative, ...] = (
    Cumulative(
        effective_from=date(2025, 10, 1),
        effective_to=None,
        source="国家税务总局公告2025年第16号",
        brackets=_brackets(
            (36_000, 3, 0),
            (144_000, 10, 2_520),
            (300_000, 20, 16_920),
            (420_000, 25, 31_920),
            (660_000, 30, 52_920),
            (960_000, 35, 85_920),
            (None, 45, 181_920),
        ),
        expense_rate=Fraction(1, 5),
        month_deduction_minor=5_000_00,
    ),
)

_AnyTable = TypeVar("_AnyTable", bound=Table)


def in_force(tables: Sequence[_AnyTable], on: date) -> _AnyTable:
    """The table that counts on a day, or Invalid where there is none."""
    for table in tables:
        if table.effective_from <= on and (table.effective_to is None or on <= table.effective_to):
            return table
    raise Invalid(
        "tax_not_in_force",
        "there is no rule for this tax method on {on}; the first is in force from {first}, by {source}",
        on=on,
        first=tables[0].effective_from,
        source=tables[0].source,
    )


def bracket_of(table: Table, taxable_minor: Fraction) -> Bracket:
    """The bracket an amount falls in."""
    return next(
        bracket
        for bracket in table.brackets
        if bracket.upto_minor is None or taxable_minor <= bracket.upto_minor
    )
