"""Balances kept at every close, each naming its block (封存): what stands is that plus the postings since.

A snapshot counts as long as its month is closed and was not reopened since: what was reopened is added up
from the postings until the next close. `verify` adds all of them up again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CompoundSelect, Select, Subquery, insert, literal, union_all
from sqlalchemy import select as select_columns
from sqlmodel import Field, Session, col, func, select

from ledger import ids, seals
from ledger.db import Instant, Row
from ledger.journal import Entry, Posting
from ledger.periods import Period


class Snapshot(Row, table=True):
    """That the balances of a month were kept when it was closed, and up to which block they are sealed."""

    __tablename__ = "balance_snapshot"

    id: str = Field(primary_key=True)
    period: str = Field(index=True)
    reopening_id: str  # what had reopened the month last, when this was made: later ones end it
    block_no: int = Field(sa_type=BigInteger)
    made_at: datetime = Field(sa_type=Instant)


class KeptBalance(Row, table=True):
    """One account of one owner at the end of that month; debit positive. Owners at zero are not kept."""

    __tablename__ = "kept_balance"

    snapshot_id: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    owner: str = Field(primary_key=True)
    currency: str = Field(primary_key=True)
    amount_minor: int = Field(sa_type=BigInteger)


def keep(session: Session, period: str, *, now: datetime) -> None:
    """Keep the balances of a month that was just closed and sealed."""
    last = seals.latest(session)
    if last is None:
        return
    held = balances(standing(session, period), period)
    made = Snapshot(
        id=ids.new("bs"),
        period=period,
        reopening_id=session.get_one(Period, period).reopening_id or "",
        block_no=last.no,
        made_at=now,
    )
    session.add(made)
    session.flush()
    total = func.sum(held.c.amount_minor)
    by = (held.c.account, held.c.owner, held.c.currency)
    rows = select_columns(literal(made.id), *by, total).group_by(*by).having(total != 0)
    names = ["snapshot_id", "account", "owner", "currency", "amount_minor"]
    session.execute(insert(KeptBalance).from_select(names, rows))
    _keep_used(session, made, held)


def _keep_used(session: Session, made: Snapshot, held: Subquery) -> None:
    """A row of nobody and nothing for each account that was used: it stays in the trial balance."""
    query = select_columns(held.c.account, held.c.currency).distinct()
    used = {(account, currency) for account, currency in session.execute(query)}
    of_nobody = select(KeptBalance.account, KeptBalance.currency).where(_of(made), KeptBalance.owner == "")
    there = {(account, currency) for account, currency in session.exec(of_nobody)}
    for account, currency in sorted(used - there):
        nothing = {"account": account, "owner": "", "currency": currency, "amount_minor": 0}
        session.add(KeptBalance(snapshot_id=made.id, **nothing))
    session.flush()


def standing(session: Session, through: str | None = None, *, block: int | None = None) -> Snapshot | None:
    """The latest snapshot that counts, of a month up to `through`, and known at a block."""
    query = _counting().order_by(col(Snapshot.period).desc(), col(Snapshot.block_no).desc()).limit(1)
    if through is not None:
        query = query.where(col(Snapshot.period) <= through)
    if block is not None:
        query = query.where(col(Snapshot.block_no) <= block)
    return session.execute(query).scalars().first()


def _counting() -> Select[Any]:
    return (
        select_columns(Snapshot)
        .join(Period, col(Period.id) == Snapshot.period)
        .where(
            col(Period.state) == "closed",
            func.coalesce(Period.reopening_id, "") == Snapshot.reopening_id,
        )
    )


def balances(kept: Snapshot | None, through: str | None = None) -> Subquery:
    """Rows of account, owner, currency and amount that add up to the balances at the end of a month."""
    since = select_columns(*(_columns(Posting)))
    if kept is not None or through is not None:
        wanted = select(Entry.id)
        wanted = wanted.where(col(Entry.period) > kept.period) if kept else wanted
        wanted = wanted.where(col(Entry.period) <= through) if through else wanted
        since = since.where(col(Posting.entry_id).in_(wanted))  # by month: postings have no index of it
    both: Select[Any] | CompoundSelect[Any] = since
    if kept is not None:
        both = union_all(since, select_columns(*_columns(KeptBalance)).where(_of(kept)))
    return both.subquery()


def _columns(table: type[Posting] | type[KeptBalance]) -> tuple[Any, ...]:
    return col(table.account), col(table.owner), col(table.currency), col(table.amount_minor)


def _of(kept: Snapshot) -> Any:
    return col(KeptBalance.snapshot_id) == kept.id


def amount(session: Session, kept: Snapshot, account: str, owner: str, currency: str) -> int:
    """What a snapshot says of one account of one owner."""
    found = session.get(KeptBalance, (kept.id, account, owner, currency))
    return found.amount_minor if found else 0


def differences(session: Session) -> Iterator[tuple[str, str]]:
    """Snapshots that count and are not the one before plus the postings since, or name no block."""
    before: Snapshot | None = None
    query = _counting().order_by(col(Snapshot.period), col(Snapshot.block_no))
    for kept in list(session.execute(query).scalars()):
        if session.get(seals.Block, kept.block_no) is None:
            yield f"balances of {kept.period}", f"name block {kept.block_no}, which is not there"
        added = balances(before, kept.period)
        gone = select_columns(*_columns(KeptBalance)[:3], -col(KeptBalance.amount_minor)).where(_of(kept))
        both = union_all(select_columns(*added.c), gone).subquery()
        account, owner, currency, minor = both.c
        off = func.sum(minor)
        wrong = select_columns(account, owner, currency, off).group_by(account, owner, currency)
        for one, whose, of, by in session.execute(wrong.having(off != 0).order_by(account, owner)):
            yield f"balances of {kept.period}", f"{one}:{whose} {of} is off by {-int(by)}"
        before = kept
