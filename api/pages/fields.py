"""What people write into fields, as values: amounts with or without thousands, days, rates."""

from __future__ import annotations

import unicodedata
from datetime import date
from fractions import Fraction

from ledger.core.errors import Invalid
from ledger.core.money import format_minor, parse_minor, parse_rate


def plainly(text: str) -> str:
    """As typed on a Chinese keyboard or pasted from a sheet: full-width signs, ¥ and thousands taken out."""
    return unicodedata.normalize("NFKC", text).replace(",", "").replace("¥", "").replace(" ", "")


def amount(text: str, currency: str = "CNY") -> int:
    """Whole minor units of what was typed."""
    return parse_minor(plainly(text), currency)


def above_zero(text: str, currency: str = "CNY") -> int:
    """The same, more than nothing."""
    minor = amount(text, currency)
    if minor <= 0:
        raise Invalid("amount_not_positive", "{amount} is not above zero", amount=text)
    return minor


def tried(text: str) -> int:
    """An amount in the making: what cannot be read yet counts as nothing."""
    try:
        return amount(text) if text else 0
    except Invalid:
        return 0


def written(minor: int, currency: str = "CNY") -> str:
    """An amount as a field holds it."""
    return format_minor(minor, currency)


def day(text: str) -> date:
    """A day as a date field or a person writes it: 2026-05-06."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("day_invalid", "“{day}” is no day; write it as 2026-05-06", day=text) from None


def rate(text: str) -> Fraction:
    """A rate; a bare number is taken as a percentage."""
    plain = plainly(text)
    return parse_rate(plain if plain.endswith("%") or "/" in plain else f"{plain}%")


def whole(text: str, most: int) -> int | None:
    """A whole number from 0 to `most`; None where it is none, however many digits somebody sends."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
        return None
    return number if (number := int(text)) <= most else None
