"""Owing (离任欠款): who leaves with less than nothing payable owes it; it is repaid, or given up.

What was taken back after it had been paid stands against what a manager earns next. Of one who leaves
nothing comes next: the debt moves from the payable account to one of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from ledger import accounts, audit, db, ids, journal, managers, needs, periods, rights
from ledger.clock import day_of
from ledger.core import entry
from ledger.core import period as months
from ledger.core.errors import Conflict, Invalid
from ledger.core.money import format_minor
from ledger.fees import BASIC_ACCOUNT
from ledger.journal import Entry
from ledger.users import User


def of(session: Session, manager_id: str, *, currency: str = "CNY", by: User) -> int:
    """What somebody who left owes; minor units."""
    rights.require(by, "owing.see", managers=[manager_id])
    managers.get(session, manager_id)
    return accounts.balance(session, entry.RECOVERABLE, manager_id, currency)


@dataclass(frozen=True, slots=True)
class Owing:
    """What stands against one manager, minor units: a debt of who left, or what the next earnings are set
    against."""

    manager_id: str
    owed_minor: int
    against_minor: int


def listing(session: Session, *, currency: str = "CNY", by: User) -> list[Owing]:
    """Everybody who owes something, by manager."""
    rights.require(by, "books.see")
    owed, against = (_debits(session, account, currency) for account in (entry.RECOVERABLE, entry.PAYABLE))
    return [
        Owing(manager_id, owed.get(manager_id, 0), against.get(manager_id, 0))
        for manager_id in sorted(owed.keys() | against.keys())
    ]


def _debits(session: Session, account: str, currency: str) -> dict[str, int]:
    held = accounts.held(session, account=account)
    return {
        one.owner: one.balance_minor for one in held if one.currency == currency and one.balance_minor > 0
    }


def leave(
    session: Session, manager_id: str, *, reason: str, currency: str = "CNY", by: User, now: datetime
) -> Entry:
    """They leave owing: the debit of their payable account becomes a debt of its own."""
    _may(session, manager_id, reason, by)
    debt = accounts.balance(session, entry.PAYABLE, manager_id, currency)
    if debt <= 0:
        raise Conflict(
            "owes_nothing", "{manager} owes nothing: what is payable is paid as ever", manager=manager_id
        )
    postings = (
        entry.Posting(entry.RECOVERABLE, debt, manager_id, manager_id=manager_id),
        entry.Posting(entry.PAYABLE, -debt, manager_id, manager_id=manager_id),
    )
    summary = f"离任欠款 {reason.strip()[:200]}"
    return _posted(session, "left_owing", ids.new("ow"), day_of(now), postings, summary, currency, by, now)


def repay(
    session: Session,
    manager_id: str,
    *,
    amount_minor: int,
    on: date,
    ref: str,
    currency: str = "CNY",
    by: User,
    now: datetime,
) -> Entry:
    """They paid some of it back. The same reference again is the same payment."""
    _may(session, manager_id, ref, by)
    source = f"{manager_id}/{ref.strip()[:80]}"
    if journal.find(session, "owing_repaid", source) is None:
        _no_more_than_owed(session, manager_id, amount_minor, currency)
    postings = (
        entry.Posting(entry.BANK, amount_minor, BASIC_ACCOUNT, manager_id=manager_id),
        entry.Posting(entry.RECOVERABLE, -amount_minor, manager_id, manager_id=manager_id),
    )
    paid_on = needs.not_later(on, now)
    return _posted(
        session, "owing_repaid", source, paid_on, postings, f"归还欠款 {ref.strip()}", currency, by, now
    )


def write_off(
    session: Session,
    manager_id: str,
    *,
    amount_minor: int,
    reason: str,
    currency: str = "CNY",
    by: User,
    now: datetime,
) -> Entry:
    """Some of it is given up, with the reason."""
    _may(session, manager_id, reason, by)
    _no_more_than_owed(session, manager_id, amount_minor, currency)
    postings = (
        entry.Posting(entry.WRITTEN_OFF, amount_minor, manager_id=manager_id),
        entry.Posting(entry.RECOVERABLE, -amount_minor, manager_id, manager_id=manager_id),
    )
    summary = f"欠款核销 {reason.strip()[:200]}"
    return _posted(
        session, "owing_written_off", ids.new("ow"), day_of(now), postings, summary, currency, by, now
    )


def _may(session: Session, manager_id: str, said: str, by: User) -> None:
    rights.require(by, "owing.settle", managers=[manager_id])
    managers.get(session, manager_id)
    if not said.strip():
        raise Invalid("reason_missing", "say why")
    db.lock(session, f"owing:{manager_id}")


def _no_more_than_owed(session: Session, manager_id: str, amount_minor: int, currency: str) -> None:
    owed = accounts.balance(session, entry.RECOVERABLE, manager_id, currency)
    if not 0 < amount_minor <= owed:
        raise Conflict(
            "owing_amount",
            "{manager} owes {owed}; the amount is more than nothing and no more than that",
            manager=manager_id,
            owed=format_minor(owed, currency),
        )


def check_reversed(session: Session, mirror: entry.Entry) -> None:
    """Refuse to take back a debt of which some was repaid or given up since; that is reversed first."""
    for one in mirror.postings:
        if one.account != entry.RECOVERABLE or one.amount_minor > 0:
            continue
        db.lock(session, f"owing:{one.owner}")
        if accounts.balance(session, entry.RECOVERABLE, one.owner, mirror.currency) + one.amount_minor < 0:
            raise Conflict(
                "owing_settled_since",
                "{manager} has repaid some of this debt, or some was written off; reverse that first",
                manager=one.owner,
            )


def _posted(
    session: Session,
    kind: str,
    source: str,
    on: date,
    postings: tuple[entry.Posting, ...],
    summary: str,
    currency: str,
    by: User,
    now: datetime,
) -> Entry:
    booked = periods.hold_open(session).landing(months.of(on))
    draft = entry.Entry(
        kind=kind,
        source=source,
        on=max(on, months.first_day(booked)),
        period=booked,
        currency=currency,
        summary=summary,
        postings=postings,
    )
    posted = journal.post(session, draft, now=now, by=by.id)
    if posted.is_new:
        told = {"entry": posted.entry_id, "summary": summary}
        audit.note(session, by, f"owing.{kind}", postings[-1].manager_id, after=told, now=now)
    return journal.get(session, posted.entry_id)
