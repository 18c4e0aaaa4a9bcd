"""Money: reading it, writing it, rounding it, sharing it out. Nothing else in the product rounds.

Amounts are whole minor units of a currency (分 for CNY), rates are exact fractions; no float comes near.
Every division of an amount among several is `split`, which keeps five laws: it adds up, stays within
one unit of each exact share, gives nothing to a zero weight, mirrors itself, and takes nothing from
anyone when the total grows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm

from moneyed import CURRENCIES, Money

from ledger.core.errors import Invalid

_AMOUNT = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,9}))?")
_PERCENT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)%")
_RATIO = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
_PLAIN = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
FARTHEST = 10**8  # the least weight's part of the whole; four digits of a weight times four of a grade
_SHOWN = 40  # characters of a wrong input that a message repeats


@lru_cache
def digits(currency: str) -> int:
    """How many decimals the currency has: 2 for CNY, 0 for JPY, 3 for KWD."""
    known = CURRENCIES.get(currency)
    count = len(str(known.sub_unit)) - 1 if known else 0
    if known is None or known.sub_unit != 10**count:
        raise Invalid(
            "currency_unknown",
            "“{currency}” is no currency kept here; write its ISO 4217 code, such as CNY",
            currency=_shown(currency),
        )
    return count


def parse_minor(text: str | int, currency: str) -> int:
    """Whole minor units from plain decimal text: `"1409.50"` is 140950. An int counts major units."""
    if type(text) is int:
        text = str(text) if abs(text) < 10**15 else "too long"
    places = digits(currency)
    match = _AMOUNT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise Invalid(
            "amount_invalid",
            "“{amount}” is not an amount; write plain digits in quotes, at most {places} after the point,"
            ' such as "{example}"',
            amount=_shown(text),
            places=places,
            example=format_minor(1409 * 10**places + 5 * 10**places // 10, currency),
        )
    sign, whole, part = match[1], match[2], match[3] or ""
    if len(part) > places:
        raise Invalid(
            "amount_too_fine",
            "{amount} has more than the {places} decimals of {currency}; round it first",
            amount=text,
            places=places,
            currency=currency,
        )
    minor = int(whole + part.ljust(places, "0"))
    return -minor if sign else minor


def format_minor(minor: int, currency: str) -> str:
    """The amount as text with all the currency's digits: 140950 is "1409.50"."""
    places = digits(currency)
    figures = str(abs(minor)).rjust(places + 1, "0")
    sign = "-" if minor < 0 else ""
    return f"{sign}{figures[:-places]}.{figures[-places:]}" if places else sign + figures


def to_money(minor: int, currency: str) -> Money:
    """The amount as the library's value, for the edges."""
    return Money(Decimal(format_minor(minor, currency)), currency)


def from_money(money: Money) -> int:
    """Whole minor units; Invalid where the value is finer than its currency."""
    return parse_minor(f"{money.amount:f}", money.currency.code)


def round_half_away(value: Fraction) -> int:
    """The nearest whole number, halves away from zero: 5/2 is 3, -5/2 is -3."""
    return round_ratio(value.numerator, value.denominator)


def round_ratio(numerator: int, denominator: int) -> int:
    """The same for numerator / denominator (above zero), without the cost of making a Fraction."""
    nearest = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -nearest if numerator < 0 else nearest


def parse_rate(text: str) -> Fraction:
    """An exact rate of zero or more from "40%", "12.5%" or "1/3"; the caller knows how high it may be."""
    if isinstance(text, str):
        if match := _PERCENT.fullmatch(text):
            return Fraction(match[1]) / 100
        if (match := _RATIO.fullmatch(text)) and int(match[2]):
            return Fraction(int(match[1]), int(match[2]))
    raise Invalid(
        "rate_invalid",
        "“{rate}” is not a rate; write {example}",
        rate=_shown(text),
        example=_meant(str(text)) or 'a percentage such as "12.5%" or a fraction such as "1/3"',
    )


def _meant(text: str) -> str:
    """What somebody who left out the % probably meant: "0.4" and "40" both as 40%."""
    if not _PLAIN.fullmatch(text):
        return ""
    value = Fraction(text)
    return f'"{format_rate(value if value <= 1 else value / 100)}"'


@lru_cache(maxsize=4096)
def format_rate(rate: Fraction) -> str:
    """The rate as `parse_rate` reads it: "12.5%", or "1/3" where no short percentage is exact."""
    percent = rate * 100
    for places in range(5):
        if (scaled := percent * 10**places).denominator == 1:
            return f"{Decimal(scaled.numerator).scaleb(-places):f}%"
    return f"{rate.numerator}/{rate.denominator}"


def _shown(value: object) -> str:
    """A wrong input as a message repeats it, cut where it is long."""
    text = str(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def coprime(weights: Sequence[int | Fraction]) -> tuple[int, ...]:
    """The same proportions in the smallest whole numbers: 1/2, 1/3 is 3, 2."""
    return _coprime(*weights)


@lru_cache(maxsize=4096, typed=True)
def _coprime(*weights: int | Fraction) -> tuple[int, ...]:
    if not all(type(weight) in (int, Fraction) and weight >= 0 for weight in weights):
        raise Invalid("weight_invalid", "a weight is not an exact number of zero or more")
    if not any(weights):
        raise Invalid("weights_all_zero", "nobody has a weight above zero; give at least one")
    if sum(weights) > FARTHEST * min(weight for weight in weights if weight):
        raise Invalid(
            "weights_too_far_apart",
            "the least weight is less than 1/{farthest} of the whole; leave it out or give it more",
            farthest=FARTHEST,
        )
    scale = lcm(*(weight.denominator for weight in weights))
    whole = [int(weight * scale) for weight in weights]
    return tuple(weight // gcd(*whole) for weight in whole)


def split(total: int, weights: Sequence[int | Fraction]) -> tuple[int, ...]:
    """Share `total` out by weight, exactly, by the quota method of Balinski and Young (1975).

    With coprime weights of sum W and total = kW + r, each gets k x weight; the r left over go one
    at a time, the h-th to the one, among those with given x W < weight x h, of the greatest
    weight / (given + 1), ties to the first. A negative total is the mirror of the positive one.
    """
    return split_coprime(total, _coprime(*weights))


def split_coprime(total: int, parts: tuple[int, ...]) -> tuple[int, ...]:
    """The same by weights that are the smallest whole numbers already, as `coprime` makes them."""
    if len(parts) == 1:
        return (total,)
    if total < 0:
        return tuple([-share for share in split_coprime(-total, parts)])
    rounds, left = divmod(total, sum(parts))
    if not left:
        return tuple([rounds * part for part in parts])
    return tuple([rounds * part + more for part, more in zip(parts, _dealt(parts, left), strict=True)])


@lru_cache(maxsize=65536)
def _dealt(weights: tuple[int, ...], steps: int) -> tuple[int, ...]:
    """Who has how many after that many steps of the quota method, without walking through them.

    After any number of steps everyone has their exact share rounded down, and some have one more.
    docs/decisions/0007-the-split-law.md shows why counting tells which.
    """
    whole = sum(weights)
    dealt = [weight * steps // whole for weight in weights]
    first, done = list(dealt), sum(dealt)
    due = [i for i, weight in enumerate(weights) if weight * steps % whole]
    for i in sorted(due, key=lambda i: Fraction(dealt[i] + 1, weights[i])):
        first[i] += 1
        if done < steps and not _crowded(weights, first, steps, done):
            dealt[i] += 1
            done += 1
    return tuple(dealt)


def _crowded(weights: tuple[int, ...], first: list[int], steps: int, done: int) -> bool:
    """Whether only `done` of everyone's `first` units can be dealt in `steps`, though they go before others.

    So it is if, for some step s, those that were open by s and all steps since make no more than `done`.
    That is what the exact shares make, and what being whole adds to them. From the last step back, the
    room between the former and `done` narrows; whoever's part of the latter exceeds it is jumped over.
    """
    whole, s = sum(weights), steps - 1
    while s > 0:
        opened = [min(-(-weight * s // whole), unit) for weight, unit in zip(weights, first, strict=True)]
        added = [max(unit * whole - weight * s, 0) for weight, unit in zip(weights, opened, strict=True)]
        room = (done - (steps - s) - sum(opened)) * whole + sum(added)
        if room < 0:
            return False
        if sum(added) <= room:
            return True
        ends = [
            ((unit - 1) * whole // weight, more > room)
            for weight, unit, more in zip(weights, opened, added, strict=True)
            if unit
        ]
        s = min((end for end, over in ends if over), default=max(end for end, _ in ends))
    return False
