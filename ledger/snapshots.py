"""Balances kept at every close, each naming its block (封存): what stands is that plus the postings since.

A snapshot counts as long as its month is closed and was not reopened since: what was reopened is added up
from the postings until the next close. Of what was known at a block every snapshot tells that was made by
then: what a reopening brought into its months since is in later blocks. `verify` adds all of them up again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, Subquery, insert, literal, union_all
from sqlalchemy import select as select_columns
from sqlmodel import Field, Session, col, func, select

from ledger import ids, seals
from ledger.core import period as months
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


class KeptTotal(Row, table=True):
    """One account of all owners then, also at zero: a trial balance is as quick with a million of them."""

    __tablename__ = "kept_total"

    snapshot_id: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    currency: str = Field(primary_key=True)
    amount_minor: int = Field(sa_type=BigInteger)


Kept = KeptBalance | KeptTotal


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
    _keep(session, KeptBalance, made, held, at_zero=False)
    _keep(session, KeptTotal, made, held, at_zero=True)
    session.add(made)  # its rows first: the guards let none be added to a snapshot that is there
    session.flush()


def _keep(session: Session, table: type[Kept], made: Snapshot, held: Subquery, *, at_zero: bool) -> None:
    """The rows of one table: what is held, added up by what the table tells apart."""
    by = [held.c[column.name] for column in _columns(table)[:-1]]
    total = func.sum(held.c.amount_minor)
    rows = select_columns(literal(made.id), *by, total).group_by(*by)
    names = ["snapshot_id", *(column.name for column in _columns(table))]
    session.execute(insert(table).from_select(names, rows if at_zero else rows.having(total != 0)))


def standing(session: Session, through: str | None = None, *, block: int | None = None) -> Snapshot | None:
    """The latest snapshot that counts, of a month up to `through`; or that was made by a block."""
    query = _counting() if block is None else select_columns(Snapshot).where(col(Snapshot.block_no) <= block)
    if through is not None:
        query = query.where(col(Snapshot.period) <= through)
    latest = query.order_by(col(Snapshot.period).desc(), col(Snapshot.block_no).desc()).limit(1)
    return session.execute(latest).scalars().first()


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
    wanted = [col(Entry.period) <= through] if through is not None else []
    return _added(kept, wanted)


def rows(session: Session, on: date | None = None, block: int | None = None) -> Subquery:
    """The same at the end of a day, as it was known at a block; None: now, and as is known now.

    What is read is the last snapshot and what came since, however old the books are.
    """
    return _rows(session, KeptBalance, on, block)


def totals(session: Session, on: date | None = None, block: int | None = None) -> Subquery:
    """The same of all owners together: rows of account, currency and amount."""
    return _rows(session, KeptTotal, on, block)


def _rows(session: Session, table: type[Kept], on: date | None, block: int | None) -> Subquery:
    kept = standing(session, _last_whole(on), block=block)
    wanted: list[ColumnElement[bool]] = []
    if on is not None:
        wanted += [col(Entry.period) <= months.of(on), col(Entry.booked_on) <= on]
    if block is None:
        return _added(kept, wanted, table=table)
    late = [*wanted, col(Entry.period) <= kept.period, _sealed(kept.block_no, block)] if kept else None
    return _added(kept, [*wanted, seals.known_at(Entry.id, block)], late, table=table)


def _last_whole(on: date | None) -> str | None:
    """The last month that has ended by the end of a day."""
    if on is None:
        return None
    month = months.of(on)
    return month if on == months.last_day(month) else months.preceding(month)


def _sealed(after: int, through: int) -> ColumnElement[bool]:
    return col(Entry.id).in_(seals.entries_through(through, after=after))


def _added(
    kept: Snapshot | None,
    wanted: Sequence[ColumnElement[bool]],
    late: Sequence[ColumnElement[bool]] | None = None,
    table: type[Kept] = KeptBalance,
) -> Subquery:
    """What a snapshot kept, the postings of later months that are wanted, and of its own months the late."""
    since = [*wanted, col(Entry.period) > kept.period] if kept else list(wanted)
    parts = [_postings(table, since), *([_postings(table, late)] if late is not None else [])]
    if kept is not None:
        parts.append(select_columns(*_columns(table)).where(_of(table, kept)))
    return (union_all(*parts) if len(parts) > 1 else parts[0]).subquery()


def _postings(table: type[Kept], wanted: Sequence[ColumnElement[bool]]) -> Select[Any]:
    found = select_columns(*_named(Posting, _columns(table)))
    if not wanted:
        return found
    entries = select(Entry.id).where(*wanted)  # by month: postings have no index of it
    return found.where(col(Posting.entry_id).in_(entries))


def _columns(table: type[Kept]) -> list[ColumnElement[Any]]:
    """What a kept row says: the account, whose where it is told, the currency, and last the amount."""
    return [column for column in table.__table__.columns if column.name != "snapshot_id"]  # type: ignore[union-attr]


def _named(table: type[Row], columns: Sequence[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    """The columns of another table that are called the same."""
    return [getattr(table, column.key or "") for column in columns]


def _of(table: type[Kept], kept: Snapshot) -> ColumnElement[bool]:
    return col(table.snapshot_id) == kept.id


def amount(session: Session, kept: Snapshot, account: str, owner: str, currency: str) -> int:
    """What a snapshot says of one account of one owner."""
    found = session.get(KeptBalance, (kept.id, account, owner, currency))
    return found.amount_minor if found else 0


def differences(session: Session) -> Iterator[tuple[str, str]]:
    """Snapshots that are not the one before plus the postings since, or name no block."""
    before: Snapshot | None = None
    counting = list(
        session.execute(_counting().order_by(col(Snapshot.period), col(Snapshot.block_no))).scalars()
    )
    for kept in counting:
        if session.get(seals.Block, kept.block_no) is None:
            yield f"balances of {kept.period}", f"name block {kept.block_no}, which is not there"
        yield from _off(session, kept, balances(before, kept.period))
        yield from _added_wrong(session, kept)
        before = kept
    query = select(Snapshot).where(col(Snapshot.id).not_in([one.id for one in counting]))
    for kept in session.exec(query.order_by(col(Snapshot.period), col(Snapshot.block_no))).all():
        known = [col(Entry.period) <= kept.period, seals.known_at(Entry.id, kept.block_no)]
        yield from _off(session, kept, _added(None, known))
        yield from _added_wrong(session, kept)


def _off(session: Session, kept: Snapshot, added: Subquery) -> Iterator[tuple[str, str]]:
    *names, minor_kept = _columns(KeptBalance)
    gone = select_columns(*names, -minor_kept).where(_of(KeptBalance, kept))
    account, owner, currency, minor = union_all(select_columns(*added.c), gone).subquery().c
    off = func.sum(minor)
    wrong = select_columns(account, owner, currency, off).group_by(account, owner, currency)
    for one, whose, of, by in session.execute(wrong.having(off != 0).order_by(account, owner)):
        yield f"balances of {kept.period}", f"{one}:{whose} {of} is off by {-int(by)}"


def _added_wrong(session: Session, kept: Snapshot) -> Iterator[tuple[str, str]]:
    """Totals of a snapshot that are not what it kept of all owners together."""
    *names, minor_kept = _columns(KeptTotal)
    there = select_columns(*names, minor_kept).where(_of(KeptTotal, kept))
    of_owners = select_columns(*_named(KeptBalance, names), -col(KeptBalance.amount_minor))
    account, currency, minor = union_all(there, of_owners.where(_of(KeptBalance, kept))).subquery().c
    off = func.sum(minor)
    wrong = select_columns(account, currency, off).group_by(account, currency).having(off != 0)
    for one, of, by in session.execute(wrong.order_by(account)):
        yield f"total of {kept.period}", f"{one} {of} is off by {int(by)} from what its owners have"
