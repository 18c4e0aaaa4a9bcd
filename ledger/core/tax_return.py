"""What a withholding return (扣缴申报表) says of one payee's month, read from its payments' workings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ledger.core import period
from ledger.core.money import parse_rate, round_half_away
from ledger.core.tax import Paid, Payment, SettingsOn, Step, Withheld, withhold_each


@dataclass(frozen=True, slots=True)
class Line:
    """One payee's month; minor units. `counted_minor` and `deduction_minor` only of the cumulative method.

    `tax_minor` is what is due on the base, `before_minor` what was withheld towards it in earlier months,
    `withheld_minor` what was withheld in this one.
    """

    method: str
    income_minor: int
    expenses_minor: int
    counted_minor: int | None  # 累计收入额: income so far less expenses
    deduction_minor: int | None  # 累计减除费用
    taxable_minor: int
    rate: str
    quick_minor: int
    tax_minor: int
    before_minor: int
    withheld_minor: int

    @property
    def off_minor(self) -> int:
        """What was withheld more (or less) than is due: a payment came back, or a setting changed."""
        return self.withheld_minor - max(self.tax_minor - self.before_minor, 0)


def line(method: str, paid: Sequence[Paid], month: str, settings_on: SettingsOn) -> Line:
    """The month of a payee who was paid in it, after what was paid earlier in the year."""
    told = [one for one in paid if period.of(one.on) <= month]
    worked = withhold_each(method, [Payment(one.on, one.amount_minor) for one in told], settings_on)
    of_month = [one for one in worked if period.of(one.on) == month]
    withheld = sum(one.withheld_minor for one in told if period.of(one.on) == month)
    income = sum(one.amount_minor for one in of_month)
    numbers = _numbers(of_month[-1])
    tax = numbers["tax"]
    common: dict[str, Any] = {
        "method": method,
        "income_minor": income,
        "taxable_minor": _minor(tax["base"]),
        "rate": tax["rate"],
        "quick_minor": _minor(tax["quick"]),
        "tax_minor": _minor(tax["tax"]),
        "withheld_minor": withheld,
    }
    if method == "per_payment":
        expenses = income - common["taxable_minor"]
        return Line(
            expenses_minor=expenses, counted_minor=None, deduction_minor=None, before_minor=0, **common
        )
    taxable = numbers["cumulative.taxable"]
    since = str(numbers["cumulative.run"]["since"])
    return Line(
        expenses_minor=round_half_away(income * parse_rate(str(taxable["rate"]))),
        counted_minor=_minor(taxable["income"]) - _minor(taxable["expenses"]),
        deduction_minor=_minor(taxable["deduction"]),
        before_minor=sum(one.withheld_minor for one in told if since <= period.of(one.on) < month),
        **common,
    )


def _numbers(held: Withheld) -> dict[str, Mapping[str, Any]]:
    steps: Sequence[Step] = held.because
    return {step.rule: step.numbers for step in steps}


def _minor(text: Any) -> int:
    """A figure of a working in fen; where it lies between two, rounded as tax is."""
    return round_half_away(Fraction(str(text)) * 100)
