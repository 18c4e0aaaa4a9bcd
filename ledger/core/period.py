"""Accounting periods (会计期间): calendar months in Asia/Shanghai, written `2026-10`."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date

from ledger.core.errors import Invalid

_PERIOD = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def parse(text: str) -> str:
    """The period named by `text`, or Invalid."""
    if not _PERIOD.fullmatch(text) or text.startswith("0000"):
        raise Invalid("period_invalid", "“{period}” is not a period; write it as 2026-10", period=text)
    return text


def of(day: date) -> str:
    """The period a day lies in."""
    return f"{day.year:04d}-{day.month:02d}"


def first_day(period: str) -> date:
    """The first day of the period."""
    return date(int(period[:4]), int(period[5:]), 1)


def last_day(period: str) -> date:
    """The last day of the period."""
    year, month = int(period[:4]), int(period[5:])
    return date(year, month, monthrange(year, month)[1])


def following(period: str) -> str:
    """The next period."""
    year, month = int(period[:4]), int(period[5:])
    return f"{year + month // 12:04d}-{month % 12 + 1:02d}"


def preceding(period: str) -> str:
    """The period before."""
    year, month = int(period[:4]), int(period[5:])
    return f"{year - (month == 1):04d}-{(month - 2) % 12 + 1:02d}"


def span(first: str, last: str) -> Iterator[str]:
    """Every period from `first` to `last`, both included."""
    while first <= last:
        yield first
        first = following(first)
