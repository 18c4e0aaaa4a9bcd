"""What an export reads: balances and entries in order, as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby, islice
from typing import Any

from sqlalchemy import case, func, or_, select
from sqlmodel import Session, col

from ledger import organisations, payouts
from ledger.core import entry as core
from ledger.core import period as months
from ledger.core.entry import CHART
from ledger.journal import Entry, Posting
from ledger.managers import Manager

_ROWS = 1000  # fetched at a time
_CHUNK = 400  # entries whose neighbours (names, milestones) are looked up together


@dataclass(frozen=True, slots=True)
class Standing:
    """One account of one owner: what it held before the export begins and at its end; debit positive."""

    account: str
    owner: str
    currency: str
    before_minor: int
    after_minor: int
    name: str  # what the owner is called; "" where nobody is or it has no other name than its id


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry as it stands in the books."""

    id: int
    entry: core.Entry
    posted_at: datetime
    posted_by: str


def days(session: Session, period: str | None) -> tuple[date, date] | None:
    """The first and the last day an export is about; None where the books are empty."""
    if period:
        return months.first_day(period), months.last_day(period)
    first, last = session.execute(
        select(func.min(col(Entry.booked_on)), func.max(col(Entry.booked_on)))
    ).one()
    return (first, last) if first else None


def currencies(session: Session) -> list[str]:
    """Every currency the books are kept in."""
    query = select(col(Posting.currency)).distinct().order_by(col(Posting.currency))
    return list(session.execute(query).scalars())


def standings(session: Session, period: str | None, *, by_currency: bool = False) -> Iterator[Standing]:
    """Every account that moved, or held something when the period began; in order of account and owner."""
    inside: Any = (col(Posting.period) == period) if period else col(Posting.period).is_not(None)
    before: Any = (col(Posting.period) < period) if period else col(Posting.period).is_(None)
    brought = func.sum(case((before, col(Posting.amount_minor)), else_=0))
    sums = (
        select(
            col(Posting.account),
            col(Posting.owner),
            col(Posting.currency),
            brought.label("brought"),
            func.sum(col(Posting.amount_minor)).label("held"),
        )
        .where(or_(inside, before))
        .group_by(col(Posting.account), col(Posting.owner), col(Posting.currency))
        .having(or_(brought != 0, func.sum(case((inside, 1), else_=0)) > 0))
        .subquery()
    )
    order = [sums.c.account, sums.c.owner, sums.c.currency]
    query = (
        select(sums, col(Manager.name), col(organisations.Organisation.name), col(payouts.Payout.no))
        .join(Manager, col(Manager.id) == sums.c.owner, isouter=True)
        .join(organisations.Organisation, col(organisations.Organisation.id) == sums.c.owner, isouter=True)
        .join(payouts.Payout, col(payouts.Payout.id) == sums.c.owner, isouter=True)
        .order_by(*(order[2:] + order[:2] if by_currency else order))
    )
    for account, owner, currency, was, now, manager, client, payout in _stream(session, query):
        names = {"manager": manager, "client": client, "payout": payout}
        name = names.get(CHART[account].owner) or ""
        yield Standing(account, owner, currency, int(was), int(now), name)


def periods(session: Session, period: str | None) -> list[str]:
    """The months an export goes through, in order."""
    if period:
        return [period]
    return list(session.execute(select(col(Entry.period)).distinct().order_by(col(Entry.period))).scalars())


def chunks(session: Session, period: str) -> Iterator[list[Booked]]:
    """The entries of a month, by day, then as posted; some hundreds at a time."""
    booked = entries(session, period)
    while chunk := list(islice(booked, _CHUNK)):
        yield chunk


def entries(session: Session, period: str) -> Iterator[Booked]:
    """The entries of a month, by day, then as posted."""
    query = (
        select(
            col(Entry.id),
            col(Entry.kind),
            col(Entry.source),
            col(Entry.booked_on),
            col(Entry.currency),
            col(Entry.summary),
            col(Entry.deal_id),
            col(Entry.because),
            col(Entry.reverses),
            col(Entry.posted_at),
            col(Entry.posted_by),
            col(Posting.account),
            col(Posting.amount_minor),
            col(Posting.owner),
            col(Posting.deal_id),
            col(Posting.manager_id),
            col(Posting.stage),
            col(Posting.origin),
            col(Posting.nature),
        )
        .join(Posting, col(Posting.entry_id) == col(Entry.id))
        .where(col(Entry.period) == period)
        .order_by(col(Entry.booked_on), col(Entry.id), col(Posting.line))
    )
    for _, rows in groupby(_stream(session, query), key=lambda row: row[0]):
        yield _booked(period, list(rows))


_ENTRY_COLUMNS = 11


def _booked(period: str, rows: Sequence[Any]) -> Booked:
    head = rows[0][:_ENTRY_COLUMNS]
    entry_id, kind, source, on, currency, summary, deal_id, because, reverses, at, by = head
    value = core.Entry(
        kind=kind,
        source=source,
        on=on,
        period=period,
        currency=currency,
        summary=summary,
        deal_id=deal_id,
        because=tuple(because),
        reverses=reverses,
        postings=tuple(core.Posting(*row[_ENTRY_COLUMNS:]) for row in rows),
    )
    return Booked(entry_id, value, at, by)


def _stream(session: Session, query: Any) -> Iterator[Any]:
    return iter(session.execute(query, execution_options={"yield_per": _ROWS}))
