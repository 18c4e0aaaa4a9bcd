"""The journal: entries (记账凭证) and their postings (分录), append-only. This module alone writes them.

The database itself refuses what is wrong (migrations/guards): an entry that does not sum to zero,
a change or removal, an account outside the kind's row, a closed period, a payout beyond payable.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Index, SmallInteger, UniqueConstraint, text, tuple_
from sqlmodel import Field, Session, col, func, select

from ledger import db, periods
from ledger.core import entry as core
from ledger.core.errors import Conflict, NotFound
from ledger.db import Instant, Json, Row

POST = "SELECT entry_id, digest, is_new FROM journal_post(%(drafts)s::jsonb, %(now)s, %(by)s)"
as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
FEW = 50  # so many entries go by one call of a function in the database, more by rows in bulk
_BY_HAND = {"autoincrement": False}


class Entry(Row, table=True):
    """One entry. `(kind, source)` names it: the same again is the same entry."""

    __tablename__ = "entry"
    __table_args__ = (
        UniqueConstraint("kind", "source", name="uq_entry_source"),
        Index("ix_entry_deal", "deal_id"),
        Index("ix_entry_period", "period"),
        {"sqlite_strict": True},
    )

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=_BY_HAND)
    kind: str
    source: str
    booked_on: date
    period: str
    currency: str
    summary: str
    deal_id: str
    because: list[str] = Field(sa_type=Json)
    reverses: int | None = Field(default=None, sa_type=BigInteger, unique=True)
    digest: str
    posted_at: datetime = Field(sa_type=Instant)
    posted_by: str


class Posting(Row, table=True):
    """One line of an entry. Empty text stands for “none”, so that sums can group by it."""

    __tablename__ = "posting"
    __table_args__ = (
        Index("ix_posting_account", "account", "owner", "period"),
        Index("ix_posting_deal", "deal_id", "account"),
        Index("ix_posting_manager", "manager_id", "period"),
        {"sqlite_strict": True},
    )

    entry_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=_BY_HAND)
    line: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs=_BY_HAND)
    account: str
    owner: str
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str
    period: str
    deal_id: str
    manager_id: str
    stage: str
    origin: str
    nature: str


MONTH = func.coalesce(func.nullif(col(Posting.origin), ""), col(Posting.period))  # whose amount it is


class Working(Row, table=True):
    """Why an entry is what it is: the steps from fact to fen, as data."""

    __tablename__ = "working"

    entry_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=_BY_HAND)
    content: dict[str, Any] = Field(sa_type=Json)


class EntryKind(Row, table=True):
    """Which kind of entry may touch which account: core.entry.KINDS, for the guards to look at."""

    __tablename__ = "entry_kind"

    kind: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    side: int = Field(sa_type=SmallInteger)  # 1: it is debited, -1: credited, 0: either
    owned: int = Field(sa_type=SmallInteger)  # 1: the account is kept once per owner, 0: it has none


@dataclass(frozen=True, slots=True)
class Posted:
    """What posting an entry came to: its id, and whether it was there already."""

    entry_id: int
    is_new: bool


def post(
    session: Session, entry: core.Entry, *, now: datetime, by: str = "", working: dict[str, Any] | None = None
) -> Posted:
    """Write one entry, or find it already there. Other content under the same source: Conflict."""
    return post_many(session, [entry], now=now, by=by, workings=[working])[0]


def post_many(
    session: Session,
    entries: Sequence[core.Entry],
    *,
    now: datetime,
    by: str = "",
    workings: Sequence[dict[str, Any] | None] = (),
) -> list[Posted]:
    """Write many entries; the answer is in the same order. On PostgreSQL a few take one round trip."""
    if not entries:
        return []
    for entry in entries:
        core.check(entry)
    kept = list(workings) or [None] * len(entries)
    digests = [entry.digest for entry in entries]
    one_trip = len(entries) <= FEW and session.get_bind().dialect.name == "postgresql"
    write = _write_by_function if one_trip else _write_rows
    found = write(session, entries, digests, kept, now, by)
    for entry, digest, (entry_id, there, is_new) in zip(entries, digests, found, strict=True):
        if not is_new and digest != there:
            raise _conflict(session, entry_id, entry)
    session.info.setdefault(db.POSTED, []).extend(entry_id for entry_id, _, is_new in found if is_new)
    return [Posted(entry_id, is_new) for entry_id, _, is_new in found]


def _write_rows(
    session: Session,
    entries: Sequence[core.Entry],
    digests: Sequence[str],
    workings: Sequence[dict[str, Any] | None],
    now: datetime,
    by: str,
) -> list[tuple[int, str, bool]]:
    periods.ensure(session, {entry.period for entry in entries})
    known = _known(session, entries)
    next_ids = iter(_next_ids(session, len(entries)))
    found: list[tuple[int, str, bool]] = []
    entry_rows, posting_rows, working_rows = [], [], []
    for entry, digest, working in zip(entries, digests, workings, strict=True):
        if (entry.kind, entry.source) in known:
            found.append((*known[entry.kind, entry.source], False))
            continue
        entry_id = next(next_ids)
        found.append((entry_id, digest, True))
        entry_rows.append(_entry_row(entry, entry_id, digest, now, by))
        posting_rows += [_posting_row(entry, entry_id, n, p) for n, p in enumerate(entry.postings, 1)]
        if working is not None:
            working_rows.append({"entry_id": entry_id, "content": working})
    # postings first: the entry's trigger looks at them, and none can be added once it is there
    db.insert_rows(session, Posting, posting_rows)
    db.insert_rows(session, Entry, entry_rows)
    db.insert_rows(session, Working, working_rows)
    return found


def _next_ids(session: Session, count: int) -> list[int]:
    if session.get_bind().dialect.name == "sqlite":
        last = int(session.execute(text("SELECT coalesce(max(id), 0) FROM entry")).scalar_one())
        return list(range(last + 1, last + count + 1))
    drawn = text("SELECT nextval('entry_id_seq') FROM generate_series(1, :count)")
    return [int(entry_id) for (entry_id,) in session.execute(drawn, {"count": count})]


def _known(session: Session, entries: Sequence[core.Entry]) -> dict[tuple[str, str], tuple[int, str]]:
    keys = db.listed(session, [(entry.kind, entry.source) for entry in entries])
    query = select(Entry.kind, Entry.source, Entry.id, Entry.digest).where(
        tuple_(col(Entry.kind), col(Entry.source)).in_(keys)
    )
    return {(kind, source): (entry_id, digest) for kind, source, entry_id, digest in session.exec(query)}


def _entry_row(entry: core.Entry, entry_id: int, digest: str, now: datetime, by: str) -> dict[str, Any]:
    return {
        "id": entry_id,
        "kind": entry.kind,
        "source": entry.source,
        "booked_on": entry.on,
        "period": entry.period,
        "currency": entry.currency,
        "summary": entry.summary,
        "deal_id": entry.deal_id,
        "because": list(entry.because),
        "reverses": entry.reverses,
        "digest": digest,
        "posted_at": now,
        "posted_by": by,
    }


def _posting_row(entry: core.Entry, entry_id: int, line: int, posting: core.Posting) -> dict[str, Any]:
    return {
        "entry_id": entry_id,
        "line": line,
        "account": posting.account,
        "owner": posting.owner,
        "amount_minor": posting.amount_minor,
        "currency": entry.currency,
        "period": entry.period,
        "deal_id": posting.deal_id,
        "manager_id": posting.manager_id,
        "stage": posting.stage,
        "origin": posting.origin,
        "nature": posting.nature,
    }


def _write_by_function(
    session: Session,
    entries: Sequence[core.Entry],
    digests: Sequence[str],
    workings: Sequence[dict[str, Any] | None],
    now: datetime,
    by: str,
) -> list[tuple[int, str, bool]]:
    drafts = [
        draft(entry, digest, working)
        for entry, digest, working in zip(entries, digests, workings, strict=True)
    ]
    given = {"drafts": as_json(drafts), "now": now, "by": by}
    session.flush()  # the guards look at what the entries stand on
    # past what a session does for mapped rows: of a short transaction it would be a good part
    rows = session.connection().exec_driver_sql(POST, given)
    return [(entry_id, digest, is_new) for entry_id, digest, is_new in rows]


def draft(entry: core.Entry, digest: str, working: dict[str, Any] | None) -> list[Any]:
    """An entry as the database's `journal_post` takes it."""
    return [
        entry.kind,
        entry.source,
        entry.on.isoformat(),
        entry.period,
        entry.currency,
        entry.summary,
        entry.deal_id,
        entry.because,
        entry.reverses,
        digest,
        working,
        [
            [p.account, p.owner, p.amount_minor, p.deal_id, p.manager_id, p.stage, p.origin, p.nature]
            for p in entry.postings
        ],
    ]


_SAME = ("kind", "source", "period", "currency", "deal_id", "reverses")


def _conflict(session: Session, entry_id: int, entry: core.Entry) -> Conflict:
    there = get(session, entry_id)
    differing = [name for name in _SAME if getattr(there, name) != getattr(entry, name)]
    if there.booked_on != entry.on:
        differing.append("date")
    return Conflict(
        "entry_exists",
        "entry {kind} {source} is already in the books with another {field}; record a correction instead",
        kind=entry.kind,
        source=entry.source,
        field=(differing or ["set of postings"])[0],
    )


def get(session: Session, entry_id: int) -> Entry:
    """One entry, or NotFound."""
    entry = session.get(Entry, entry_id)
    if entry is None:
        raise NotFound("entry_unknown", "there is no entry {id}", id=entry_id)
    return entry


def find(session: Session, kind: str, source: str) -> Entry | None:
    """The entry of a source, if it was posted."""
    return session.exec(select(Entry).where(Entry.kind == kind, Entry.source == source)).first()


def of_sources(session: Session, kind: str, sources: Sequence[str]) -> dict[str, tuple[int, core.Entry]]:
    """By source, the entries of a kind as (number, value); sources without one are missing."""
    found: dict[str, tuple[int, core.Entry]] = {}
    for start in range(0, len(sources), 500):
        some = list(sources[start : start + 500])
        rows = list(session.exec(select(Entry).where(Entry.kind == kind, col(Entry.source).in_(some))))
        found |= {row.source: (row.id, one) for row, one in zip(rows, as_values(session, rows), strict=True)}
    return found


def reversal_of(session: Session, entry_id: int) -> Entry | None:
    """The entry that takes this one back, if there is one."""
    return session.exec(select(Entry).where(Entry.reverses == entry_id)).first()


def postings(session: Session, entry_ids: Iterable[int]) -> list[Posting]:
    """The postings of some entries, in order."""
    return list(
        session.exec(
            select(Posting)
            .where(col(Posting.entry_id).in_(list(entry_ids)))
            .order_by(col(Posting.entry_id), col(Posting.line))
        )
    )


def listing(
    session: Session,
    *,
    deal_id: str | None = None,
    manager_id: str | None = None,
    period: str | None = None,
    kind: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Entry]:
    """Entries of a kind, or that touch a deal, a manager, a period; the latest first, before a cursor."""
    query = select(Entry).order_by(col(Entry.id).desc()).limit(limit)
    touched = select(Posting.entry_id)
    if deal_id:
        query = query.where(col(Entry.id).in_(touched.where(Posting.deal_id == deal_id)))
    if manager_id:
        query = query.where(col(Entry.id).in_(touched.where(Posting.manager_id == manager_id)))
    if period:
        query = query.where(Entry.period == period)
    if kind:
        query = query.where(Entry.kind == kind)
    if before is not None:
        query = query.where(Entry.id < before)
    return list(session.exec(query))


def volume(legs: Iterable[Posting]) -> int:
    """What an entry moves: the sum of its debits, which is that of its credits."""
    return sum(leg.amount_minor for leg in legs if leg.amount_minor > 0)


def as_value(session: Session, entry: Entry) -> core.Entry:
    """The entry as the core knows it, for printing and for comparing."""
    return as_values(session, [entry])[0]


def as_values(session: Session, entries: Sequence[Entry]) -> list[core.Entry]:
    """The same for several at once."""
    legs: dict[int, list[Posting]] = defaultdict(list)
    for posting in postings(session, [entry.id for entry in entries]):
        legs[posting.entry_id].append(posting)
    return [value(entry, legs[entry.id]) for entry in entries]


def value(entry: Entry, legs: Iterable[Posting]) -> core.Entry:
    """An entry and its postings as the core knows them."""
    return core.Entry(
        kind=entry.kind,
        source=entry.source,
        on=entry.booked_on,
        period=entry.period,
        currency=entry.currency,
        summary=entry.summary,
        deal_id=entry.deal_id,
        because=tuple(entry.because),
        reverses=entry.reverses,
        postings=tuple(
            core.Posting(
                p.account,
                p.amount_minor,
                p.owner,
                p.deal_id,
                p.manager_id,
                p.stage,
                p.origin,
                p.nature,  # type: ignore[arg-type]
            )
            for p in legs
        ),
    )


def working_of(session: Session, entry_id: int) -> dict[str, Any] | None:
    """The working kept beside an entry, if there is one."""
    row = session.get(Working, entry_id)
    return row.content if row else None


def of_deal(session: Session, deal_id: str, *, limit: int = 100) -> list[tuple[Entry, list[Posting]]]:
    """The entries that touch a deal, the latest first, each with its postings."""
    touching = select(Posting.entry_id).where(Posting.deal_id == deal_id)
    query = select(Entry).where(col(Entry.id).in_(touching)).order_by(col(Entry.id).desc()).limit(limit)
    found = {entry.id: (entry, list[Posting]()) for entry in session.exec(query)}
    for posting in postings(session, found):
        found[posting.entry_id][1].append(posting)
    return list(found.values())
