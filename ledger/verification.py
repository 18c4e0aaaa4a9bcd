"""`verify`: recompute everything from the rows and compare it with what stands there.

It trusts no trigger: what the guards should have refused is looked for again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import sqlalchemy
from sqlalchemy import text
from sqlmodel import Session, col, func, select

from ledger import (
    accounts,
    accruals,
    approvals,
    control,
    deals,
    guards,
    identities,
    journal,
    managers,
    papers,
    payouts,
    periods,
    persons,
    reversals,
    seals,
    snapshots,
    statements,
    year_caps,
)
from ledger.core import entry, report
from ledger.core import period as months
from ledger.core.errors import Refused
from ledger.core.statement import Snapshot, check
from ledger.files import Store
from ledger.journal import Entry, Posting
from ledger.plan_moves import PlanMove


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be: which check, where, what."""

    check: str
    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Published:
    """Whether history up to a head that somebody wrote down is what it was then."""

    head: str
    block: int
    made_at: datetime
    unchanged: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What was looked at, how much of it, and what differed."""

    counted: dict[str, int]
    differences: list[Difference]
    published: Published | None = None


Progress = Callable[[str, int, int], None]


def verify(
    session: Session,
    store: Store,
    *,
    now: datetime,
    published_head: str | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Result:
    """Every check in turn. Nothing is written.

    `published_head` is the head of a block (封存) that somebody wrote down.
    """
    counted: dict[str, int] = {}
    found: list[Difference] = []
    published = _Head(session, published_head)
    for name, differences in (
        ("guards", _guards(session)),
        ("seals", _seals(session, now, published, counted, progress)),
        ("entries", _entries(session)),
        ("digests", _digests(session, counted, progress)),
        ("reversals", _reversals(session)),
        ("accounts", _accounts(session)),
        ("snapshots", snapshots.differences(session)),
        ("moves", _moves(session)),
        ("settled", _settled(session, now, counted, progress)),
        ("payouts", _payouts(session)),
        ("batches", _batches(session)),
        ("control", _control(session)),
        ("statements", _statements(session, store, counted, progress)),
        ("papers", _papers(session, store, counted, progress)),
        ("keys", _keys(session)),
    ):
        found += [Difference(name, where, what) for where, what in _readable(differences)]
    counted["entries"] = session.exec(select(func.count()).select_from(Entry)).one()
    counted["postings"] = session.exec(select(func.count()).select_from(Posting)).one()
    return Result(counted, found, published.told)


Found = Iterator[tuple[str, str]]


def _readable(differences: Found) -> Found:
    """The differences a check finds; rows it cannot even read are one more."""
    try:
        yield from differences
    except (ValueError, TypeError, LookupError) as error:
        yield "the check", f"ended at a row that cannot be read: {error}"


class _Head:
    """The block of a published head, and whether anything up to it was found wrong."""

    def __init__(self, session: Session, head: str | None) -> None:
        self._head = head
        self._block = seals.headed(session, head) if head else None
        self._unchanged = True

    def found(self, wrong: seals.Wrong) -> None:
        """Something is wrong at a block, or among rows of blocks (0)."""
        if self._block and wrong.block_no <= self._block.no:
            self._unchanged = False

    def missing(self) -> Found:
        """No block has this head: history before it was changed, or it is of other books."""
        if self._head and not self._block:
            yield self._head, "is the head of no block here: what it sealed is not this history"

    @property
    def told(self) -> Published | None:
        """What there is to tell, where a head was given and is known."""
        if self._head is None or self._block is None:
            return None
        return Published(self._block.sha256, self._block.no, self._block.made_at, self._unchanged)


def _seals(
    session: Session, now: datetime, published: _Head, counted: dict[str, int], progress: Progress
) -> Found:
    """Every block follows the one before it, and every row in it says what it said."""
    yield from published.missing()
    told = partial(progress, "seals")
    for wrong in seals.differences(session, now=now, counted=counted, progress=told):
        published.found(wrong)
        yield wrong.where, wrong.what


def _guards(session: Session) -> Found:
    for name in guards.differences(session.connection()):
        yield name, "the guard is missing or not as this version has it; run yongjin migrate"


_WORKED_OUT = ("accrual", "release", "year_cap", "vat_corrected")  # kinds that follow from facts, and say how


def _entries(session: Session) -> Found:
    """Balance, legs, currency, period and orphans, by sums over the whole journal."""
    wrong = session.execute(
        text(
            "SELECT p.entry_id, sum(p.amount_minor), count(*), min(e.id), "
            "sum(CASE WHEN p.currency = e.currency AND p.period = e.period THEN 0 ELSE 1 END), "
            "sum(CASE WHEN p.amount_minor = 0 THEN 1 ELSE 0 END) "
            "FROM posting p LEFT JOIN entry e ON e.id = p.entry_id GROUP BY p.entry_id "
            "HAVING sum(p.amount_minor) <> 0 OR count(*) < 2 OR min(e.id) IS NULL OR "
            "sum(CASE WHEN p.currency = e.currency AND p.period = e.period THEN 0 ELSE 1 END) > 0 OR "
            "sum(CASE WHEN p.amount_minor = 0 THEN 1 ELSE 0 END) > 0"
        )
    )
    for entry_id, off, legs, there, strange, zero in wrong:
        what = (
            "has postings but no entry"
            if there is None
            else f"sum {off}, {legs} postings, {strange} of another currency or period, {zero} of zero"
        )
        yield f"entry {entry_id}", what
    bare = select(Entry.id).where(~select(Posting.entry_id).where(Posting.entry_id == Entry.id).exists())
    for entry_id in session.exec(bare):
        yield f"entry {entry_id}", "has no postings"
    unexplained = select(Entry.id).where(col(Entry.kind).in_(_WORKED_OUT), col(Entry.reverses).is_(None))
    told = select(journal.Working.entry_id).where(journal.Working.entry_id == Entry.id)
    for entry_id in session.exec(unexplained.where(~told.exists())):
        yield f"entry {entry_id}", "has no working: nobody can say why it is what it is"


def _digests(session: Session, counted: dict[str, int], progress: Progress) -> Found:
    """Every entry still says what it said when it was posted, and touches only its kind's accounts."""
    total = session.exec(select(func.count()).select_from(Entry)).one()
    after, done = 0, 0
    while batch := session.exec(
        select(Entry).where(Entry.id > after).order_by(col(Entry.id)).limit(2000)
    ).all():
        legs: dict[int, list[Posting]] = {}
        for posting in journal.postings(session, [e.id for e in batch]):
            legs.setdefault(posting.entry_id, []).append(posting)
        for row in batch:
            value = journal.value(row, legs.get(row.id, []))
            if value.digest != row.digest:
                yield f"entry {row.id}", "is not what was posted: its digest differs"
            elif value.postings:
                try:
                    entry.check(value)
                except Refused as refusal:
                    yield f"entry {row.id}", str(refusal)
        after, done = batch[-1].id, done + len(batch)
        session.expunge_all()
        progress("digests", done, total)
    counted["digests"] = done


def _reversals(session: Session) -> Found:
    """Every entry that reverses another mirrors it exactly, line by line, and nothing reverses it."""
    every = session.exec(select(Entry).where(col(Entry.reverses).is_not(None)).order_by(col(Entry.id))).all()
    for start in range(0, len(every), 1000):
        mirrors = every[start : start + 1000]
        query = select(Entry).where(col(Entry.id).in_([mirror.reverses for mirror in mirrors]))
        wrongs = {wrong.id: wrong for wrong in session.exec(query)}
        there = [*mirrors, *wrongs.values()]
        values = dict(zip((one.id for one in there), journal.as_values(session, there), strict=True))
        for mirror in mirrors:
            wrong = wrongs.get(mirror.reverses or 0)
            if wrong is None or wrong.reverses is not None:
                yield f"entry {mirror.id}", f"reverses entry {mirror.reverses}, which cannot be reversed"
            elif not reversals.mirrors(values[mirror.id], values[wrong.id]):
                yield f"entry {mirror.id}", f"does not mirror entry {wrong.id}, which it reverses"
            elif entry.REVERSED_BY.get(wrong.kind) != mirror.kind:
                yield f"entry {mirror.id}", f"reverses entry {wrong.id}, whose kind it does not take back"


def _accounts(session: Session) -> Found:
    """Everything sums to zero by currency and period; nobody holds less than nothing."""
    for period, currency, off in session.exec(
        select(Posting.period, Posting.currency, func.sum(Posting.amount_minor))
        .group_by(Posting.period, Posting.currency)
        .having(func.sum(Posting.amount_minor) != 0)
    ):
        yield f"{period} {currency}", f"debits and credits differ by {off}"
    for manager_id, month, off in _vat_beyond(session):
        yield f"{manager_id} {month}", f"more VAT was given back than was withheld, by {off}"
    for account in (entry.HELD, entry.IN_TRANSIT, entry.ADVANCES):
        for balance in accounts.by_owner(session, account):
            if balance.balance_minor > 0:
                yield f"{account}:{balance.owner}", f"a liability stands at {balance.balance_minor} debit"
    state = periods.calendar(session)
    for (period,) in session.execute(text("SELECT DISTINCT period FROM entry")).all():
        if period > state.closed_through and session.get(periods.Period, period) is None:
            yield period, "has entries but is not among the periods"


def _vat_beyond(session: Session) -> Iterator[tuple[str, str, int]]:
    """Payees' months of which more VAT came back than was withheld, once the bank has answered all of it."""
    lines = payouts.PayoutLine
    waiting = session.exec(select(lines).where(lines.state == "reserved"))
    unanswered = {(line.manager_id, months.of(line.value_on)) for line in waiting}
    query = (
        sqlalchemy.select(col(Posting.manager_id), journal.MONTH, func.sum(col(Posting.amount_minor)))
        .where(col(Posting.account) == entry.WITHHELD_VAT, col(Posting.manager_id) != "")
        .group_by(col(Posting.manager_id), journal.MONTH)
        .having(func.sum(Posting.amount_minor) > 0)
    )
    for manager_id, month, off in session.execute(query):
        if (manager_id, month) not in unanswered:
            yield manager_id, month, int(off)


def _moves(session: Session) -> Found:
    """Each move of a deal goes on from the one before, and the last leads to the version it keeps."""
    kept: dict[str, str] = {}
    for made in session.exec(select(PlanMove).order_by(col(PlanMove.moved_at), col(PlanMove.id))):
        if kept.get(made.deal_id, made.from_version_id) != made.from_version_id:
            yield f"deal {made.deal_id}", f"was moved by {made.id} from a version it did not keep"
        kept[made.deal_id] = made.to_version_id
    for deal_id, version_id in sorted(kept.items()):
        if session.get_one(deals.Deal, deal_id).plan_version_id != version_id:
            yield f"deal {deal_id}", "keeps another version of its plan than it was moved to"


def _settled(session: Session, now: datetime, counted: dict[str, int], progress: Progress) -> Found:
    """Settling the whole world again posts nothing."""
    total, done = session.exec(select(func.count()).select_from(deals.Deal)).one(), 0

    def told(more: int) -> None:
        nonlocal done
        done += more
        progress("settled", done, total)

    for one in accruals.unsettled(session, deals.every(session), now=now, progress=told):
        if one.refused:
            yield f"deal {one.deal_id}", f"cannot be computed: {one.refused}"
        for draft in one.lacks:
            yield f"deal {one.deal_id}", f"is not settled: {entry.as_text(draft)}"
    for about, missing in year_caps.unsettled(session, now=now):
        for draft in missing.entries:
            yield f"year {about.name}", f"is not settled: {entry.as_text(draft)}"
    counted["deals"] = done


_BOOKED = {
    "reserved": {"payout_made"},
    "paid": {"payout_made", "payout_confirmed"},
    "bounced": {"payout_made", "payout_confirmed", "payout_bounced", "payout_returned"},
}


def _payouts(session: Session) -> Found:
    """Every payment's entries say what its line says."""
    after = ""
    while lines := _lines_after(session, after):
        booked = _booked(session, [line.id for line in lines])
        for line in lines:
            if line.gross_minor != line.tax_minor + line.vat_minor + line.net_minor:
                yield f"payment {line.id}", "gross is not tax and net together"
            if booked[line.id] != _BOOKED.get(line.state, {"payout_made", "payout_returned"}):
                there = ", ".join(sorted(booked[line.id])) or "nothing"
                yield f"payment {line.id}", f"is {line.state} but the books have {there}"
        after = lines[-1].id
        session.expunge_all()


def _lines_after(session: Session, after: str) -> Sequence[payouts.PayoutLine]:
    lines = payouts.PayoutLine
    return session.exec(select(lines).where(lines.id > after).order_by(col(lines.id)).limit(2000)).all()


def _booked(session: Session, line_ids: Sequence[str]) -> Mapping[str, set[str]]:
    """By payment, the kinds of entry the books have of it."""
    query = select(Entry.source, Entry.kind).where(
        col(Entry.kind).in_(_BOOKED["bounced"]), col(Entry.source).in_(line_ids)
    )
    found: dict[str, set[str]] = defaultdict(set)
    for source, kind in session.exec(query):
        found[source].add(kind)
    return found


def _batches(session: Session) -> Found:
    """Every batch still says what was approved: approvals are sealed, and the digest holds every line."""
    batches, gone = select(payouts.Payout).where(payouts.Payout.state != "voided"), persons.erased(session)
    for batch in session.exec(batches.order_by(col(payouts.Payout.id))).all():
        lines = payouts.in_batch(batch, payouts.lines_of(session, batch.id))
        readable = gone.isdisjoint(line.manager_id for line in lines)  # the digest has names and accounts
        if readable and payouts.digest(batch, lines) != batch.digest:
            yield f"batch {batch.no}", "does not say what its digest says: somebody or some amount is another"
        if batch.state != "made" and not _approved(session, batch):
            yield f"batch {batch.no}", f"is {batch.state} and nobody else agreed to what it says"
        session.expunge_all()


def _approved(session: Session, batch: payouts.Payout) -> bool:
    given = (one for one in approvals.of_batch(session, batch.id) if one.digest == batch.digest)
    return any(one.approved_by != batch.made_by for one in given)


def _control(session: Session) -> Found:
    """Accounts hold what their papers say: receivables, payments, what is in transit, tax."""
    for off in control.differences(session):
        yield (
            f"{off.account}:{off.owner}",
            f"the books have {off.booked_minor}, the papers {off.told_minor} {off.currency}",
        )


def _statements(session: Session, store: Store, counted: dict[str, int], progress: Progress) -> Found:
    """Every statement ties in itself; a final one's closing is the ledger's; its file is there, whole.

    Of a statement that was erased with its person the amount is left, and tied.
    """
    erased = persons.erased(session)
    wanted = list(session.exec(select(statements.Statement.id).order_by(col(statements.Statement.id))))
    calendar = periods.calendar(session)
    for done, statement_id in enumerate(wanted, 1):
        kept = session.get_one(statements.Statement, statement_id)
        if kept.manager_id not in erased:
            for what in _said(session, store, kept):
                yield kept.number, what
        is_closed = not calendar.is_open(kept.period)
        if kept.kind == "final" and is_closed and statements.is_latest(session, kept):
            closing = -accounts.balance(
                session, entry.PAYABLE, kept.manager_id, kept.currency, through=kept.period
            )
            if closing != kept.closing_minor:
                yield kept.number, f"closes at {kept.closing_minor}, the ledger at {closing}"
        if done % 100 == 0:
            session.expunge_all()
        if done % 100 == 0 or done == len(wanted):
            progress("statements", done, len(wanted))
    counted["statements"] = len(wanted)


def _said(session: Session, store: Store, kept: statements.Statement) -> Iterator[str]:
    """What is wrong with what a statement says, and with its file."""
    try:
        snapshot = check(statements.read(kept))
        store.get(kept.pdf_sha256)
    except Refused as refusal:
        yield str(refusal)
        return
    if statements.content_sha256(snapshot) != kept.content_sha256:
        yield "does not say what it said when it was made"
    yield from _header(session, kept, snapshot)


def _keys(session: Session) -> Found:
    """Whoever has something under a key has the key, unless they were erased: without it nobody is paid."""
    erased, there = select(persons.Erasure.subject), select(persons.PersonKey.subject)
    documents, lines = identities.PayeeIdentity, payouts.PayoutLine
    for table, owner, kept in (
        (managers.Manager, managers.Manager.id, managers.Manager.bank_account_kept),
        (documents, documents.manager_id, documents.identity_number_kept),
        (lines, lines.manager_id, lines.bank_account_kept),
    ):
        lost = col(kept).startswith(persons.PREFIX) & col(owner).not_in(there) & col(owner).not_in(erased)
        for subject in session.exec(select(owner).where(lost).distinct()):
            where = f"{table.__tablename__} of {subject}"
            yield where, "cannot be read: its key is gone, and nobody was erased"


def _papers(session: Session, store: Store, counted: dict[str, int], progress: Progress) -> Found:
    """Every paper adds up, says what it said when it was made, and its file is there, whole."""
    erased = persons.erased(session)
    wanted = list(session.exec(select(papers.Paper.id).order_by(col(papers.Paper.id))))
    for done, paper_id in enumerate(wanted, 1):
        kept = session.get_one(papers.Paper, paper_id)
        if kept.manager_id in erased:
            continue
        try:
            shown = report.check(papers.read(kept))
            store.get(kept.pdf_sha256)
        except Refused as refusal:
            yield kept.number, str(refusal)
            continue
        if papers.content_sha256(shown) != kept.content_sha256:
            yield kept.number, "does not say what it said when it was made"
        progress("papers", done, len(wanted))
    counted["papers"] = len(wanted)


def _header(session: Session, kept: statements.Statement, snapshot: Snapshot) -> Iterator[str]:
    """What the hash of the content leaves out says the same as the row, and names a block that is there."""
    header = snapshot.header
    said = (header.number, header.revision, header.replaces, header.made_at, header.data_as_of)
    if said != (kept.number, kept.revision, kept.replaces, kept.made_at, kept.made_at):
        yield "is headed by another number, revision or time than it is kept under"
    if header.seal is not None:
        block = session.get(seals.Block, header.seal.block)
        if block is None or block.sha256 != header.seal.sha256:
            yield f"names block {header.seal.block} with a head that block does not have"
