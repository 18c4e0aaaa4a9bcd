"""VAT of payees (代扣代缴增值税), where the operator has decided that the platform files it for them.

A person's month is exempt up to a threshold; once that is reached, the whole month is taxed, not what is
above it (the cliff). A later payment of the month that reaches it bears the tax of the earlier ones too:
due for the month less withheld in it. Where one of them comes back, the month is set right by the same
difference. Surcharges are a rate on the VAT, and go with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from ledger.core import period
from ledger.core.errors import Invalid
from ledger.core.money import format_minor, format_rate, round_half_away
from ledger.core.tax import Step


@dataclass(frozen=True, slots=True)
class Rule:
    """What counts between two days, both included."""

    effective_from: date
    effective_to: date | None
    threshold_minor: int
    rate: Fraction
    source: str


RULES = (
    Rule(
        date(2025, 10, 1),
        None,
        100_000_00,
        Fraction(1, 100),
        "征收率3%减按1%；个人月收入10万元以下由平台办理申报的免征，达到后就全额计税（2025-10-01起；以主管税务机关口径为准）",
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator decides. `taxed_at`: whether a month of just the threshold is taxed, for the sources
    say both "up to" it and "once reached"; `surcharge_rate`: of the VAT, for what goes with it."""

    is_withheld: bool = False
    taxed_at: bool = False
    surcharge_rate: Fraction = Fraction(0)


OFF = Settings()
SettingsOn = Callable[[date], Settings]


@dataclass(frozen=True, slots=True)
class Due:
    """What a person's month owes; minor units."""

    vat_minor: int = 0
    surcharge_minor: int = 0

    @property
    def total_minor(self) -> int:
        """Both together."""
        return self.vat_minor + self.surcharge_minor


@dataclass(frozen=True, slots=True)
class Held:
    """What a payment bears of its month, or what the month is off by; below zero: too much was borne."""

    vat_minor: int = 0
    because: tuple[Step, ...] = ()


def due(gross_minor: int, day: date, settings: Settings) -> Due:
    """What a person owes who was paid so much, VAT in it, in the month of a day."""
    if not settings.is_withheld:
        return Due()
    rule = in_force(day)
    at_it = gross_minor == rule.threshold_minor and settings.taxed_at
    if gross_minor <= rule.threshold_minor and not at_it:
        return Due()
    vat_minor = round_half_away(gross_minor * rule.rate / (1 + rule.rate))
    return Due(vat_minor, round_half_away(vat_minor * settings.surcharge_rate))


def held(gross_minor: int, before_minor: int, withheld_minor: int, day: date, settings: Settings) -> Held:
    """What a payment bears, after `before_minor` that was paid in the month and `withheld_minor` of it."""
    if not settings.is_withheld and not withheld_minor:
        return Held()
    income_minor = before_minor + gross_minor
    owed = due(income_minor, day, settings)
    vat_minor = owed.total_minor - withheld_minor
    steps = [_of_month(income_minor, owed, day, settings)]
    if owed.total_minor or withheld_minor:
        steps.append(_less("vat.withheld", owed, withheld_minor, "withheld"))
    return Held(vat_minor, tuple(steps))


def off(income_minor: int, withheld_minor: int, booked_minor: int, day: date, settings: Settings) -> Held:
    """What a month owes of which a payment came back, less `withheld_minor` of it that stands.

    `booked_minor` of it is in the books: no more is given back, for the rest is still on its way.
    """
    owed = due(income_minor, day, settings)
    off_minor = max(owed.total_minor - withheld_minor, -max(booked_minor, 0))
    if not off_minor:
        return Held()
    month = _of_month(income_minor, owed, day, settings)
    return Held(off_minor, (month, _less("vat.corrected", owed, withheld_minor, "off")))


def back(minor: int) -> Step:
    """That so much of a payment is VAT set right, and no new income."""
    return Step("vat.back", {"back": _yuan(minor)})


def _of_month(income_minor: int, owed: Due, day: date, settings: Settings) -> Step:
    rule = in_force(day)
    numbers: dict[str, int | str] = {
        "month": period.of(day),
        "income": _yuan(income_minor),
        "threshold": _yuan(rule.threshold_minor),
        "rate": format_rate(rule.rate),
        "vat": _yuan(owed.vat_minor),
        "surcharge_rate": format_rate(settings.surcharge_rate),
        "surcharge": _yuan(owed.surcharge_minor),
    }
    return Step("vat.due" if owed.vat_minor else "vat.exempt", numbers, rule.source)


def _less(rule: str, owed: Due, withheld_minor: int, named: str) -> Step:
    numbers: dict[str, int | str] = {
        "due": _yuan(owed.total_minor),
        "before": _yuan(withheld_minor),
        named: _yuan(owed.total_minor - withheld_minor),
    }
    return Step(rule, numbers)


def in_force(day: date) -> Rule:
    """The rule of a day, or Invalid."""
    for rule in RULES:
        if rule.effective_from <= day and (rule.effective_to is None or day <= rule.effective_to):
            return rule
    raise Invalid(
        "vat_not_in_force",
        "no rule for a payee's VAT is known for {day}; there is one from {since}",
        day=day,
        since=RULES[0].effective_from,
    )


def _yuan(minor: int) -> str:
    return format_minor(minor, "CNY")
