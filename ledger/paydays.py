"""Paydays: the day of the month the operator has set, or the next working day in China after it.

Holidays and the working weekends that make up for them are the State Council's, in `chinese_calendar`; for
a year it does not know yet, weekends alone count.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

import chinese_calendar
from sqlmodel import Session

from ledger import settings


def is_working(day: date) -> bool:
    """Whether banks work on a day, as far as is known."""
    try:
        working: bool = chinese_calendar.is_workday(day)
    except NotImplementedError:
        return day.weekday() < 5
    return working


def is_announced(year: int) -> bool:
    """Whether the holidays of a year are known."""
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


def next_working(day: date) -> date:
    """The day itself, or the first working day after it."""
    while not is_working(day):
        day += timedelta(days=1)
    return day


def of_month(session: Session, day: date) -> date:
    """The payday of the month a day lies in; a month that is too short ends with it."""
    wanted = int(settings.on(session, settings.PAYDAY, day))
    return next_working(day.replace(day=min(wanted, monthrange(day.year, day.month)[1])))
