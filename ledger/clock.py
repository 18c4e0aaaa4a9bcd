"""What time it is. This module alone reads the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """This instant, in UTC."""
    return datetime.now(UTC)


def day_of(instant: datetime) -> date:
    """The day an instant falls on in Asia/Shanghai: months start there, not in UTC."""
    return instant.astimezone(SHANGHAI).date()


def days_before(instant: datetime, days: int) -> datetime:
    """The instant so many days earlier, in Asia/Shanghai."""
    return instant.astimezone(SHANGHAI) - timedelta(days=days)


def just_after(instant: datetime) -> datetime:
    """The smallest step later, to ask a trigger for what follows."""
    return instant + timedelta(microseconds=1)


def end_of(day: date) -> datetime:
    """The first instant after a day in Asia/Shanghai, in UTC."""
    return datetime.combine(day + timedelta(days=1), time.min, SHANGHAI).astimezone(UTC)
