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
    total = func.sum(held.c.amount_minor)
    by = (held.c.account, held.c.owner, held.c.currency)
    rows = select_columns(literal(made.id), *by, total).group_by(*by).having(total != 0)
    names = ["snapshot_id", "account", "owner", "currency", "amount_minor"]
    session.execute(insert(KeptBalance).from_select(names, rows))
    _keep_used(session, made, held)
    session.add(made)  # its rows first: the guards let none be added to a snapshot that is there
    session.flush()


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
    kept = standing(session, _last_whole(on), block=block)
    wanted: list[ColumnElement[bool]] = []
    if on is not None:
        wanted += [col(Entry.period) <= months.of(on), col(Entry.booked_on) <= on]
    if block is None:
        return _added(kept, wanted)
    late = [*wanted, col(Entry.period) <= kept.period, _sealed(kept.block_no, block)] if kept else None
    return _added(kept, [*wanted, seals.known_at(Entry.id, block)], late)


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
) -> Subquery:
    """What a snapshot kept, the postings of later months that are wanted, and of its own months the late."""
    since = [*wanted, col(Entry.period) > kept.period] if kept else list(wanted)
    parts = [_postings(since), *([_postings(late)] if late is not None else [])]
    if kept is not None:
        parts.append(select_columns(*_columns(KeptBalance)).where(_of(kept)))
    return (union_all(*parts) if len(parts) > 1 else parts[0]).subquery()


def _postings(wanted: Sequence[ColumnElement[bool]]) -> Select[Any]:
    found = select_columns(*_columns(Posting))
    if not wanted:
        return found
    entries = select(Entry.id).where(*wanted)  # by month: postings have no index of it
    return found.where(col(Posting.entry_id).in_(entries))


def _columns(table: type[Posting] | type[KeptBalance]) -> tuple[Any, ...]:
    return col(table.account), col(table.owner), col(table.currency), col(table.amount_minor)


def _of(kept: Snapshot) -> Any:
    return col(KeptBalance.snapshot_id) == kept.id


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
        before = kept
    query = select(Snapshot).where(col(Snapshot.id).not_in([one.id for one in counting]))
    for kept in session.exec(query.order_by(col(Snapshot.period), col(Snapshot.block_no))).all():
        known = [col(Entry.period) <= kept.period, seals.known_at(Entry.id, kept.block_no)]
        yield from _off(session, kept, _added(None, known))


def _off(session: Session, kept: Snapshot, added: Subquery) -> Iterator[tuple[str, str]]:
    gone = select_columns(*_columns(KeptBalance)[:3], -col(KeptBalance.amount_minor)).where(_of(kept))
    account, owner, currency, minor = union_all(select_columns(*added.c), gone).subquery().c
    off = func.sum(minor)
    wrong = select_columns(account, owner, currency, off).group_by(account, owner, currency)
    for one, whose, of, by in session.execute(wrong.having(off != 0).order_by(account, owner)):
        yield f"balances of {kept.period}", f"{one}:{whose} {of} is off by {-int(by)}"
