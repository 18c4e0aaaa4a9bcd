"""Seals (封存): committed rows go into numbered blocks, each with the hash of the block before.

A block lists its rows one by one, for ids do not commit in order: the rows of a block are what one
sealer found committed and in no block yet. Whoever writes a head down can prove later that nothing
up to it was changed, and “as known at block 214” is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from types import MappingProxyType
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, String, Table, UniqueConstraint, and_, cast
from sqlalchemy import select as select_columns
from sqlmodel import Field, Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from ledger import db
from ledger.core import seal as core
from ledger.core.errors import Invalid, NotFound
from ledger.core.seal import GENESIS, Member
from ledger.db import Database, Instant, Json, Row

_BY_HAND = {"autoincrement": False}

ROWS_MOST = 20_000  # in one block: it takes a second or two, and SQLite's writers wait
CHUNK = 500  # rows read at once
Past = Mapping[str, str]  # kind → the last id of it that was gone through
LATE = timedelta(days=1)  # no transaction takes longer from its ids to its commit


class Block(Row, table=True):
    """One block. `through` has the highest id sealed so far of every kind; `sha256` is the head."""

    __tablename__ = "seal_block"

    no: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=_BY_HAND)
    previous: str
    made_at: datetime = Field(sa_type=Instant)
    made_by: str
    through: dict[str, str] = Field(sa_type=Json)
    count: int
    members_sha256: str
    sha256: str = Field(unique=True)

    def as_value(self) -> core.Block:
        """The block as the core knows it."""
        return core.Block(
            no=self.no,
            previous=self.previous,
            made_at=self.made_at,
            made_by=self.made_by,
            through=self.through,
            count=self.count,
            members_sha256=self.members_sha256,
        )


class Sealed(Row, table=True):
    """That one row is in a block, and the hash of what it said then."""

    __tablename__ = "sealed"
    __table_args__ = (UniqueConstraint("kind", "row_id", name="uq_sealed_row"), {"sqlite_strict": True})

    block_no: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=_BY_HAND)
    line: int = Field(primary_key=True, sa_column_kwargs=_BY_HAND)
    kind: str
    row_id: str
    sha256: str

    def as_value(self) -> Member:
        """The member as the core knows it."""
        return Member(self.kind, self.row_id, self.sha256)


@dataclass(frozen=True, slots=True)
class Source:
    """What of a table is sealed: these columns, for ever. A column added later is a kind of its own.

    `state` leaves out drafts; the ids of such rows are older than what is sealed of them.
    """

    kind: str
    table: str
    columns: tuple[str, ...]
    state: str = ""


# fmt: off
SOURCES: Mapping[str, Source] = {
    source.kind: source
    for source in (
        Source("acknowledgement", "acknowledgement", (
            "id", "statement_id", "acknowledged_by", "acknowledged_at")),
        Source("agreement", "split_agreement", (
            "id", "deal_id", "stage", "version", "weights", "note", "kind", "proposed_by", "proposed_at")),
        Source("answer", "split_answer", (
            "id", "agreement_id", "manager_id", "answer", "reason", "answered_by", "answered_at")),
        Source("approval", "payout_approval", ("id", "payout_id", "approved_by", "approved_at", "digest")),
        Source("approval_seat", "payout_approval", ("id", "seat", "amount_minor", "approved_on")),
        Source("audit", "audit_note", (
            "id", "noted_at", "actor", "address", "action", "subject", "before", "after")),
        Source("bank_layout", "bank_layout", ("id", "layout", "text", "digest", "added_by", "added_at")),
        Source("bank_receipt", "bank_receipt", (
            "id", "sha256", "file_name", "layout", "bank_account", "lines", "imported_by", "imported_at")),
        Source("bank_receipt_line", "bank_receipt_line", (
            "id", "file_id", "row", "reference", "day", "amount", "amount_minor", "taken_at")),
        Source("bank_receipt_part", "bank_receipt_part", (
            "id", "line_id", "deal_id", "fact_id", "invoice_id", "amount_minor")),
        Source("bank_return", "bank_return", (
            "id", "sha256", "file_name", "layout", "rows", "imported_by", "imported_at")),
        Source("bank_row", "bank_return_row", (
            "id", "return_id", "row", "outcome", "why", "line_id", "payout_id")),
        Source("bounce", "bounce", (
            "id", "line_id", "came_back_on", "reason", "recorded_by", "recorded_at")),
        Source("claim", "claim", (
            "id", "need_id", "rival_id", "why", "contested_by", "contested_at")),
        Source("payee_agreement", "payee_agreement", (
            "id", "manager_id", "number", "signed_on", "from_on", "until_on", "file_name", "media_type",
            "sha256", "size", "added_by", "added_at")),
        Source("payee_agreement_end", "payee_agreement_end", (
            "id", "agreement_id", "last_on", "reason", "ended_by", "ended_at")),
        Source("pairing", "pairing", (
            "id", "need_id", "result_id", "manager_id", "paired_on", "note", "logged_by", "logged_at")),
        Source("result", "result", (
            "id", "title", "detail", "source_id", "manager_id", "found_on", "logged_by", "logged_at")),
        Source("dispute", "dispute", (
            "id", "statement_id", "line", "manager_id", "deal_id", "stage", "entry_id", "currency",
            "stated_minor", "expected_minor", "code", "why", "hold_id", "raised_by", "raised_at")),
        Source("dispute_step", "dispute_step", (
            "id", "dispute_id", "step", "state", "note", "amount_minor", "fact_id", "done_by", "done_at")),
        Source("cutover", "cutover", (
            "id", "period", "currency", "content", "drafted_by", "drafted_at", "published_by",
            "published_at"), state="draft"),
        Source("entry", "entry", (
            "id", "kind", "source", "booked_on", "period", "currency", "summary", "deal_id", "because",
            "reverses", "digest", "posted_at", "posted_by")),
        Source("erasure", "erasure", ("id", "subject", "kept_until", "erased_at")),
        Source("erasure_request", "erasure_request", ("id", "subject", "reason", "asked_by", "asked_at")),
        Source("erasure_withdrawal", "erasure_withdrawal", (
            "id", "request_id", "subject", "reason", "withdrawn_by", "withdrawn_at")),
        Source("evidence", "evidence", (
            "id", "subject_id", "name", "media_type", "sha256", "size", "added_by", "added_at")),
        Source("fact", "fact", (
            "id", "deal_id", "ref", "type", "fact_on", "seq", "amount_minor", "tax_minor", "manager_id",
            "stage", "detail", "document", "corrects", "recorded_at", "recorded_by")),
        Source("handover", "handover", (
            "id", "deal_id", "from_manager_id", "to_manager_id", "from_on", "reason", "decided_by",
            "decided_at")),
        Source("hold", "payment_hold", (
            "id", "kind", "manager_id", "deal_id", "stage", "reason", "until_on", "put_by", "put_at")),
        Source("policy", "payout_policy", (
            "id", "version", "content", "digest", "effective_on", "drafted_by", "drafted_at",
            "published_by", "published_at"), state="draft"),
        Source("paper", "paper", (
            "id", "number", "kind", "subject", "manager_id", "revision", "replaces", "content_sha256",
            "pdf_sha256", "pdf_size", "made_at", "made_by")),
        Source("move", "plan_move", (
            "id", "deal_id", "from_version_id", "to_version_id", "reason", "moved_by", "moved_at")),
        Source("plan", "plan_version", (
            "id", "plan_id", "version", "text", "digest", "title_zh", "title_en", "currency",
            "effective_on", "drafted_by", "drafted_at", "published_by", "published_at"), state="draft"),
        Source("reopening", "reopening", ("id", "period", "reason", "asked_by", "asked_at")),
        Source("reopening_answer", "reopening_answer", (
            "id", "reopening_id", "answer", "reason", "answered_by", "answered_at")),
        Source("invoice", "payee_invoice", (
            "id", "manager_id", "number", "issued_on", "currency", "amount_minor", "file_name", "media_type",
            "sha256", "size", "added_by", "added_at")),
        Source("invoice_back", "invoice_taken_back", (
            "id", "invoice_id", "reason", "taken_by", "taken_at")),
        Source("invoice_use", "invoice_use", ("id", "invoice_id", "line_id", "amount_minor")),
        Source("payee_tax", "manager_tax", ("id", "manager_id", "from_on", "method", "set_at")),
        Source("setting", "setting", ("id", "name", "from_on", "value", "reason", "set_by", "set_at")),
        Source("stand_in", "stand_in", (
            "id", "for_user", "by_user", "from_on", "to_on", "reason", "put_by", "put_at")),
        Source("statement", "statement", (
            "id", "number", "manager_id", "period", "currency", "kind", "revision", "replaces",
            "closing_minor", "content_sha256", "pdf_sha256", "pdf_size", "made_at")),
    )
}
# fmt: on
POSTING = (
    "line",
    "account",
    "owner",
    "amount_minor",
    "currency",
    "period",
    "deal_id",
    "manager_id",
    "stage",
    "origin",
    "nature",
)


# --- making blocks


def seal(database: Database, *, by: str, now: datetime) -> list[Block]:
    """Seal everything there is, block by block, each in a transaction of its own."""
    return _all(lambda past: database.run(lambda session: cut(session, by=by, now=now, past=past)))


def seal_within(session: Session, *, by: str, now: datetime) -> None:
    """Seal everything in this transaction, what it wrote itself included."""
    _all(lambda past: cut(session, by=by, now=now, past=past))


def _all(next_block: Callable[[Past], tuple[Block, Past] | None]) -> list[Block]:
    """Blocks to the first that has room left: what others write meanwhile is for the next sealing."""
    blocks: list[Block] = []
    past: Past = {}
    while made := next_block(past):
        block, past = made
        blocks.append(block)
        if block.count < ROWS_MOST:
            break
    return blocks


def cut(
    session: Session, *, by: str, now: datetime, past: Past = MappingProxyType({})
) -> tuple[Block, Past] | None:
    """The next block: what was committed and is in none yet; None where there is nothing.

    `past` is how far each kind was gone through by the blocks before of the same sealing, and comes back with
    this one: a sealing reads every row once, however many blocks it takes.
    """
    db.lock(session, "seals")
    session.flush()
    last = latest(session)
    members = sorted(_unsealed_members(session, now, past), key=lambda member: member.order)
    if not members:
        return None

    drawn = core.Block(
        no=last.no + 1 if last else 1,
        previous=last.sha256 if last else GENESIS,
        made_at=now,
        made_by=by,
        through=core.through(last.through if last else {}, members),
        count=len(members),
        members_sha256=core.members_sha256(members),
    )
    block = Block(
        no=drawn.no,
        previous=drawn.previous,
        made_at=drawn.made_at,
        made_by=drawn.made_by,
        through=dict(drawn.through),
        count=drawn.count,
        members_sha256=drawn.members_sha256,
        sha256=drawn.head,
    )
    session.add(block)
    session.flush()
    # the block first: it says how many rows it has, and the guards let no other be added
    db.insert_rows(session, Sealed, [_row(drawn.no, line, m) for line, m in enumerate(members, 1)])
    return block, {**past, **core.through({}, members)}


def _row(block_no: int, line: int, member: Member) -> dict[str, Any]:
    return {
        "block_no": block_no,
        "line": line,
        "kind": member.kind,
        "row_id": member.row_id,
        "sha256": member.sha256,
    }


def _unsealed_members(session: Session, now: datetime, past: Past) -> Iterator[Member]:
    """At most a block's worth of rows that are in no block, looked for above what is long sealed."""
    floors, room = {**_floors(session, now), **past}, ROWS_MOST
    for source in SOURCES.values():
        found = _unsealed(session, source, above=floors.get(source.kind), limit=room)
        hashes = _hashes(session, source, found)
        yield from (Member(source.kind, row_id, hashes[row_id]) for row_id in found)
        room -= len(found)


def _floors(session: Session, now: datetime) -> Mapping[str, str]:
    """By kind, the highest id sealed so long ago that nothing up to it can still be on its way."""
    block = _long_sealed(session, now)
    return block.through if block else {}


def _long_sealed(session: Session, now: datetime) -> Block | None:
    """The last block made so long ago that everything of before is committed, and sealed since.

    Not one of the last sealing, however long ago that is: a clock put on by days must not make late
    what was on its way meanwhile.
    """
    last = latest(session)
    if last is None:
        return None
    before = (col(Block.made_at) <= now - LATE, col(Block.made_at) < last.made_at)
    return session.exec(select(Block).where(*before).order_by(col(Block.no).desc())).first()


def _unsealed(session: Session, source: Source, *, above: str | None = None, limit: int) -> list[str]:
    """Ids of rows that are in no block, in order."""
    table = _table(source.table)
    query = select_columns(table.c.id).where(_in_no_block(source, table)).order_by(table.c.id).limit(limit)
    if source.state:
        query = query.where(table.c.state != source.state)
    elif above is not None:
        query = query.where(table.c.id > _typed(table, above))
    return [str(row_id) for (row_id,) in session.execute(query)]


def _in_no_block(source: Source, table: Table) -> ColumnElement[bool]:
    return ~_listed(source.kind, table.c.id).exists()


def _listed(kind: str, row_id: Any) -> SelectOfScalar[int]:
    """Where a row stands in a block, looked up row by row."""
    return select(Sealed.line).where(col(Sealed.kind) == kind, col(Sealed.row_id) == cast(row_id, String))


def _typed(table: Table, row_id: str) -> str | int:
    return int(row_id) if isinstance(table.c.id.type, BigInteger) else row_id


def _table(name: str) -> Table:
    return Row.metadata.tables[name]  # by name, since the modules of these tables need this one


# --- what rows say


def _hashes(session: Session, source: Source, row_ids: Sequence[str]) -> dict[str, str]:
    """The hash of every row that is there, as it reads now."""
    return {
        row_id: core.row_sha256(source.kind, row_id, content)
        for start in range(0, len(row_ids), CHUNK)
        for row_id, content in _contents(session, source, row_ids[start : start + CHUNK])
    }


def _contents(
    session: Session, source: Source, row_ids: Sequence[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    table = _table(source.table)
    typed = [_typed(table, row_id) for row_id in row_ids]
    query = select_columns(*(table.c[name] for name in source.columns)).where(table.c.id.in_(typed))
    if source.state:
        query = query.where(table.c.state != source.state)
    further = _of_entries(session, typed) if source.kind == "entry" else {}
    for row in session.execute(query):
        content = dict(zip(source.columns, row, strict=True))
        yield str(content["id"]), content | further.get(content["id"], {})


def _of_entries(session: Session, entry_ids: Sequence[Any]) -> dict[int, dict[str, Any]]:
    """The postings and the working of entries: one thing with them."""
    found: dict[int, dict[str, Any]] = {row_id: {"postings": [], "working": None} for row_id in entry_ids}
    posting, working = _table("posting"), _table("working")
    columns = [posting.c[name] for name in POSTING]
    legs = select_columns(posting.c.entry_id, *columns).where(posting.c.entry_id.in_(entry_ids))
    for entry_id, *leg in session.execute(legs.order_by(posting.c.entry_id, posting.c.line)):
        found[entry_id]["postings"].append(leg)
    why = select_columns(working.c.entry_id, working.c.content).where(working.c.entry_id.in_(entry_ids))
    for entry_id, content in session.execute(why):
        found[entry_id]["working"] = content
    return found


# --- looking at blocks


def latest(session: Session) -> Block | None:
    """The last block, or None before the first."""
    return session.exec(select(Block).order_by(col(Block.no).desc())).first()


def is_there(session: Session, no: int) -> bool:
    """Whether a block was cut."""
    return session.get(Block, no) is not None


def get(session: Session, no: int) -> Block:
    """One block, or NotFound."""
    found = session.get(Block, no)
    if found is None:
        raise NotFound("block_unknown", "there is no block {no}", no=no)
    return found


def headed(session: Session, head: str) -> Block | None:
    """The block of a head: all 64 digits of it, or the first 16 and more, as paper has them."""
    wanted = head.strip().lower().removesuffix("…")
    if len(wanted) < 16 or set(wanted) - set("0123456789abcdef"):
        raise Invalid(
            "head_invalid", "“{head}” is no head of a block; give 16 to 64 hexadecimal digits", head=head
        )
    return session.exec(select(Block).where(col(Block.sha256).startswith(wanted))).first()


def entries_through(block_no: int, *, after: int = 0) -> Select[Any]:
    """Ids of the entries sealed up to a block: the books as they were known then; or since another."""
    return select_columns(cast(col(Sealed.row_id), BigInteger)).where(
        col(Sealed.kind) == "entry", col(Sealed.block_no) <= block_no, col(Sealed.block_no) > after
    )


def known_at(row_id: Any, block_no: int, *, kind: str = "entry") -> ColumnElement[bool]:
    """Whether a row was sealed up to a block, looked up row by row."""
    return _listed(kind, row_id).where(col(Sealed.block_no) <= block_no).exists()


def any_unsealed(session: Session, entry_ids: Select[Any]) -> bool:
    """Whether any of these entries is in no block yet."""
    # counted, not looked for with a LIMIT: for one row PostgreSQL would walk all postings in their order
    wanted = entry_ids.distinct().subquery()
    query = select_columns(func.count()).select_from(wanted).where(~_listed("entry", *wanted.c).exists())
    return bool(session.execute(query).scalar_one())


def unsealed_entries(session: Session) -> int:
    """How many entries are in no block yet."""
    table = _table("entry")
    query = select_columns(func.count()).select_from(table).where(_in_no_block(SOURCES["entry"], table))
    return int(session.execute(query).scalar_one())


# --- checking them


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is not as it was sealed, at a block."""

    block_no: int
    where: str
    what: str


def differences(
    session: Session, *, now: datetime, counted: dict[str, int], progress: Any = lambda done, total: None
) -> Iterator[Wrong]:
    """Every block and row recomputed, the first wrong one first."""
    blocks = list(session.exec(select(Block).order_by(col(Block.no))))
    before: Block | None = None
    for block in blocks:
        yield from _chained(before, block)
        yield from _members(session, block)
        before = block
        progress(block.no, len(blocks))
    yield from _strays(session, [block.no for block in blocks])
    yield from _slipped_in(session, now)
    counted["blocks"] = len(blocks)
    counted["sealed"] = sum(block.count for block in blocks)
    counted["unsealed_entries"] = unsealed_entries(session)


def _chained(before: Block | None, block: Block) -> Iterator[Wrong]:
    no = before.no + 1 if before else 1
    if block.no != no:
        yield Wrong(no, f"block {no}", "is gone")
    elif block.previous != (before.sha256 if before else GENESIS):
        yield Wrong(no, f"block {no}", "does not follow the block before it")
    if block.as_value().head != block.sha256:
        yield Wrong(block.no, f"block {block.no}", "is not what it was: its head is another")


def _members(session: Session, block: Block) -> Iterator[Wrong]:
    query = select(Sealed).where(Sealed.block_no == block.no).order_by(col(Sealed.line))
    rows = list(session.exec(query))
    session.expunge_all()
    found = list(_lines(block, rows))
    for kind, some in groupby(rows, lambda row: row.kind):
        found += _said(session, kind, some)
    yield from found
    if not found and core.members_sha256(row.as_value() for row in rows) != block.members_sha256:
        yield Wrong(block.no, f"block {block.no}", "does not list the rows that were sealed in it")


def _lines(block: Block, rows: Sequence[Sealed]) -> Iterator[Wrong]:
    """Every line is there once, and in its place."""
    lines = {row.line for row in rows}
    for line in sorted(set(range(1, block.count + 1)) ^ lines):
        what = "was put in" if line in lines else "is gone from its list"
        yield Wrong(block.no, f"block {block.no}, line {line}", what)
    for one, other in pairwise(rows):
        if one.as_value().order >= other.as_value().order:
            yield Wrong(block.no, f"block {block.no}, {other.kind} {other.row_id}", "is not in its place")


def _said(session: Session, kind: str, members: Iterable[Sealed]) -> Iterator[Wrong]:
    """Every row still says what it said when it was sealed."""
    listed = list(members)
    hashes = _hashes_now(session, kind, [row.row_id for row in listed])
    for row in listed:
        now = hashes.get(row.row_id)
        if now != row.sha256:
            what = "is gone" if now is None else "is not what was sealed"
            yield Wrong(row.block_no, f"block {row.block_no}, {kind} {row.row_id}", what)


def _hashes_now(session: Session, kind: str, row_ids: Sequence[str]) -> dict[str, str]:
    """As `_hashes`, whatever was done to the rows: one that cannot be read has no hash."""
    source = SOURCES.get(kind)
    if source is None:
        return {}
    known = [row_id for row_id in row_ids if kind != "entry" or row_id.isdigit()]
    try:
        return _hashes(session, source, known)
    except (ValueError, TypeError, Invalid):
        if len(known) == 1:
            return {known[0]: ""}
    half = len(known) // 2
    return _hashes_now(session, kind, known[:half]) | _hashes_now(session, kind, known[half:])


def _strays(session: Session, numbers: Sequence[int]) -> Iterator[Wrong]:
    """Rows of blocks that are not there."""
    last = numbers[-1] if numbers else 0
    query = select(Sealed.block_no).where(Sealed.block_no > last).distinct().order_by(col(Sealed.block_no))
    for no in session.exec(query):
        yield Wrong(no, f"block {no}", "is gone, the list of its rows is not")


def _slipped_in(session: Session, now: datetime) -> Iterator[Wrong]:
    """Rows that no block holds, from a time long sealed by their ids, or by when they were published."""
    block = _long_sealed(session, now)
    if block is None:
        return
    for source in SOURCES.values():
        table = _table(source.table)
        older = _older(source, table, block)
        if older is None:
            continue
        query = select_columns(table.c.id).where(_in_no_block(source, table), older).order_by(table.c.id)
        for (row_id,) in session.execute(query):
            yield Wrong(0, f"{source.kind} {row_id}", "is in no block and older than what is: it was put in")


def _older(source: Source, table: Table, block: Block) -> ColumnElement[bool] | None:
    """Whether a row should be in this block or one before; a draft's id is older than its publication."""
    if source.state:
        return and_(table.c.state != source.state, table.c.published_at <= block.made_at - LATE)
    floor = block.through.get(source.kind)
    return None if floor is None else table.c.id <= _typed(table, floor)
