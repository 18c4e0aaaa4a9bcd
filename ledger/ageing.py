"""Ageing (账龄): how long what is owed has been open, by owner.

What came in settles the oldest first, so what is open is made of the newest: an owner's balance is laid
over their increases from the latest back, and each piece is as old as the increase it lies on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import case, select
from sqlmodel import Session, col, func

from ledger import rights
from ledger.core import entry
from ledger.core.errors import NotFound
from ledger.journal import Entry, Posting
from ledger.users import User

LIMITS = (30, 60, 90, 180)  # days; the last bucket is what is older

# what is aged: its accounts, and the sign of a posting that makes more of it
KINDS: dict[str, tuple[tuple[str, ...], int]] = {
    "receivable": ((entry.RECEIVABLE,), 1),
    "held": ((entry.HELD,), -1),
    "clawback": ((entry.PAYABLE, entry.RECOVERABLE), 1),  # taken back and not netted yet, or left owing
}


@dataclass(frozen=True, slots=True)
class Aged:
    """What is open with one owner in all, by bucket, and since when the oldest is."""

    account: str
    owner: str
    total_minor: int
    buckets_minor: tuple[int, ...]
    since: date


def of(session: Session, kind: str, *, on: date, currency: str = "CNY", by: User) -> list[Aged]:
    """Everybody with something open at the end of a day, the most first."""
    rights.require(by, "books.see")
    if kind not in KINDS:
        raise NotFound("ageing_unknown", "there is no ageing of {kind}", kind=kind)
    accounts, sign = KINDS[kind]
    by_day = (col(Posting.account), col(Posting.owner), col(Entry.booked_on))
    amount = col(Posting.amount_minor)
    query = (
        select(
            *by_day,
            func.sum(case((amount > 0, amount), else_=0)),
            func.sum(case((amount < 0, amount), else_=0)),
        )
        .join(Entry, col(Entry.id) == Posting.entry_id)
        .where(
            col(Posting.account).in_(accounts), col(Posting.currency) == currency, col(Entry.booked_on) <= on
        )
        .group_by(*by_day)
        .order_by(*by_day)
    )
    moved: dict[tuple[str, str], list[tuple[date, int]]] = defaultdict(list)
    for account, owner, day, debited, credited in session.execute(query):
        moved[account, owner] += [(day, sign * int(debited)), (day, sign * int(credited))]
    found = (aged(account, owner, days, on) for (account, owner), days in moved.items())
    return sorted((one for one in found if one), key=lambda one: (-one.total_minor, one.owner))


def aged(account: str, owner: str, days: Sequence[tuple[date, int]], on: date) -> Aged | None:
    """One owner's days of increase and decrease, oldest first; None where nothing is open."""
    total_minor = sum(amount for _, amount in days)
    if total_minor <= 0:
        return None
    buckets, left, since = [0] * (len(LIMITS) + 1), total_minor, on
    for day, amount in reversed(days):
        if amount <= 0:
            continue
        piece = min(left, amount)
        buckets[_bucket((on - day).days)] += piece
        left, since = left - piece, day
        if not left:
            break
    return Aged(account, owner, total_minor, tuple(buckets), since)


def _bucket(days: int) -> int:
    return next((place for place, limit in enumerate(LIMITS) if days <= limit), len(LIMITS))


def sums(found: Iterable[Aged]) -> tuple[int, ...]:
    """All of them together: in all, then by bucket."""
    rows = [(one.total_minor, *one.buckets_minor) for one in found]
    return tuple(sum(column) for column in zip(*rows, strict=True)) if rows else (0,) * (len(LIMITS) + 2)
