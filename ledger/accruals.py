"""Settling: after each fact the books of a deal are brought up to what its facts say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlmodel import Session, col, func

from ledger import db, facts, journal, periods, plans, year_caps
from ledger.clock import day_of
from ledger.core import accrual, entry, year_cap
from ledger.core import facts as core
from ledger.core.errors import Refused
from ledger.core.plan import Plan
from ledger.core.target import Target, target
from ledger.core.workings import Step
from ledger.core.year_cap import ManagerYear
from ledger.journal import Entry, Posted, Posting

if TYPE_CHECKING:
    from ledger.deals import Deal

_SETTLING = "settling"


def begin(session: Session) -> None:
    """Said before the first deal is locked. Whoever closes a month or makes a payout waits for it, or it
    for them: they lock or read what any deal may change.
    """
    db.lock(session, "periods", _SETTLING, shared=True)


def keep_out(session: Session) -> None:
    """No deal is brought up to date until the transaction ends: what is payable stays what was read."""
    db.lock(session, _SETTLING)


def settle(
    session: Session,
    deal: Deal,
    *,
    now: datetime,
    because: Iterable[str] = (),
    by: str = "",
    told: Sequence[Step] = (),
    years: Collection[ManagerYear] = (),
) -> list[Posted]:
    """Post target minus posted for one deal, whose row is locked. Nothing where nothing differs."""
    return settle_many(session, [(deal, tuple(because))], now=now, by=by, told=told, years=years)


def settle_many(
    session: Session,
    wanted: Sequence[tuple[Deal, tuple[str, ...]]],
    *,
    now: datetime,
    by: str = "",
    told: Sequence[Step] = (),
    years: Collection[ManagerYear] = (),
) -> list[Posted]:
    """The same for several deals, all of them locked, each with the facts that caused it.

    Then the caps on the years of the managers who were moved, so that every deal is locked before any
    year; and on further `years`, where more than the entries touches them. The workings begin with `told`.
    """
    calendar = periods.hold_open(session)
    posted: list[Posted] = []
    moved = set(years)
    for deal, because in wanted:
        plan = plan_of(session, deal)
        drawn = accrual.draw(
            plan,
            facts_of(session, deal),
            books_of(session, deal.id),
            terms_of(deal),
            today=day_of(now),
            landing=calendar.landing,
            because=because,
            told=told,
        )
        deal.settled_no = drawn.settled_no
        session.flush()
        posted += journal.post_many(session, drawn.entries, now=now, by=by, workings=drawn.workings)
        moved |= year_cap.touched(plan.id, drawn.entries)
    causes = dict.fromkeys(fact for _, because in wanted for fact in because)
    return posted + year_caps.settle(session, moved, now=now, because=causes, by=by)


def terms_of(deal: Deal) -> accrual.Terms:
    """What the deal's entries say besides their amounts."""
    return accrual.Terms(deal.id, deal.client_id, deal.currency, deal.settled_no)


def facts_of(session: Session, deal: Deal, *, known_at: datetime | None = None) -> core.DealFacts:
    """Everything the engine needs to know of a deal, what was paid on it included; or what was known then."""
    return facts_of_each(session, [deal], known_at=known_at)[deal.id]


def facts_of_each(
    session: Session, some: Sequence[Deal], *, known_at: datetime | None = None
) -> dict[str, core.DealFacts]:
    """The same for several deals."""
    kept = facts.of_deals(session, [deal.id for deal in some])
    known = {
        deal.id: [
            facts.value(row)
            for row in kept.get(deal.id, ())
            if row.type != "paid" and (known_at is None or row.recorded_at < known_at)
        ]
        for deal in some
    }
    ended = [one for one, rows in known.items() if any(isinstance(fact, core.Ending) for fact in rows)]
    for deal_id, paid in paid_on_each(session, ended, known_at=known_at).items():
        known[deal_id] += paid
    return {deal.id: core.DealFacts(deal=deal.as_value(), facts=tuple(known[deal.id])) for deal in some}


def paid_on(session: Session, deal_id: str, *, known_at: datetime | None = None) -> list[core.Paid]:
    """What was paid to managers on a deal, gross, by day. What is in transit counts.

    A debt that was netted against a payment is not less paid: counted so, it would be taken twice.
    """
    return paid_on_each(session, [deal_id], known_at=known_at).get(deal_id, [])


def paid_on_each(
    session: Session, deal_ids: Sequence[str], *, known_at: datetime | None = None
) -> dict[str, list[core.Paid]]:
    """The same for several deals. Summed here: asked to group, SQLite would read the whole account."""
    paid, given_back = col(Posting.amount_minor) > 0, col(Posting.amount_minor) < 0
    query = (
        select(col(Posting.deal_id), col(Posting.owner), col(Entry.booked_on), col(Posting.amount_minor))
        .join(Entry, col(Entry.id) == Posting.entry_id)
        .where(
            col(Posting.deal_id).in_(deal_ids),
            col(Posting.account) == entry.PAYABLE,
            (col(Entry.kind) == "paid_elsewhere")
            | ((col(Entry.kind) == "payout_made") & paid)
            | ((col(Entry.kind) == "payout_returned") & given_back),
        )
    )
    if known_at is not None:
        query = query.where(col(Entry.posted_at) < known_at)
    sums: dict[tuple[str, str, date], int] = defaultdict(int)
    for deal_id, owner, on, amount in session.execute(query):
        sums[deal_id, owner, on] += int(amount)
    found: dict[str, list[core.Paid]] = defaultdict(list)
    for (deal_id, owner, on), amount in sorted(sums.items()):
        if amount:  # else made and given back on one day: nothing that a facts file would hold
            found[deal_id].append(core.Paid(on, owner, amount))
    return found


def books_of(session: Session, deal_id: str) -> accrual.Books:
    """What the books hold on a deal, each sum by the period it belongs to."""
    return books_of_each(session, [deal_id])[deal_id]


def books_of_each(session: Session, deal_ids: Sequence[str]) -> dict[str, accrual.Books]:
    """The same for several deals."""
    by = (
        col(Posting.deal_id),
        col(Posting.account),
        col(Posting.manager_id),
        col(Posting.stage),
        col(Posting.nature),
        col(Posting.origin),
    )
    query = (
        select(*by, func.sum(Posting.amount_minor))
        .where(
            col(Posting.deal_id).in_(deal_ids),
            col(Posting.account).in_((entry.COMMISSION_COST, entry.HELD, entry.EXPECTED, entry.ADVANCES)),
        )
        .group_by(*by)
    )
    sums = {deal_id: _Sums() for deal_id in deal_ids}
    for deal_id, *row in session.execute(query):
        sums[deal_id].add(*row)
    return {deal_id: found.as_books() for deal_id, found in sums.items()}


class _Sums:
    """What the books hold on one deal, being added up."""

    def __init__(self) -> None:
        self.earned: dict[tuple[str, str, str, str], int] = defaultdict(int)
        self.held: dict[tuple[str, str, str], int] = defaultdict(int)
        self.expected: dict[tuple[str, str, str], int] = defaultdict(int)
        self.advances: dict[str, int] = defaultdict(int)

    def add(self, account: str, manager: str, stage: str, nature: str, origin: str, amount: int) -> None:
        if account == entry.COMMISSION_COST:
            self.earned[manager, stage, nature, origin] += int(amount)
        elif account == entry.HELD:
            self.held[manager, stage, origin] -= int(amount)
        elif account == entry.EXPECTED:
            self.expected[manager, stage, origin] += int(amount)
        else:
            self.advances[origin] -= int(amount)

    def as_books(self) -> accrual.Books:
        return accrual.Books(self.earned, self.held, self.expected, self.advances)


CHUNK = 200  # deals looked at together


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A deal whose books are not what its facts say: the entries it lacks, or why it cannot be computed."""

    deal_id: str
    lacks: tuple[entry.Entry, ...] = ()
    refused: str = ""


def unsettled(
    session: Session,
    some: Iterable[Deal],
    *,
    now: datetime,
    progress: Callable[[int], None] = lambda done: None,
) -> Iterator[Unsettled]:
    """Those of some deals that settling would post something on, in their order. Nothing is written."""
    landing, stream = periods.calendar(session).landing, iter(some)
    plan_at = cache(partial(_plan_at, session))  # a query a deal would be a third of the time
    while chunk := list(islice(stream, CHUNK)):
        known, books = facts_of_each(session, chunk), books_of_each(session, [deal.id for deal in chunk])
        for deal in chunk:
            try:
                drawn = accrual.draw(
                    plan_at(deal.plan_version_id),
                    known[deal.id],
                    books[deal.id],
                    terms_of(deal),
                    today=day_of(now),
                    landing=landing,
                )
            except Refused as refusal:
                yield Unsettled(deal.id, refused=str(refusal))
                continue
            if drawn.entries:
                yield Unsettled(deal.id, drawn.entries)
        progress(len(chunk))


def preview(
    session: Session, deal: Deal, extra: Sequence[core.Fact], *, now: datetime, plan: Plan | None = None
) -> accrual.Drawn:
    """The entries that would be posted if `extra` were facts too, or the plan another. Nothing is written."""
    known = facts_of(session, deal)
    return accrual.draw(
        plan or plan_of(session, deal),
        core.DealFacts(known.deal, (*known.facts, *extra)),
        books_of(session, deal.id),
        terms_of(deal),
        today=day_of(now),
        landing=periods.calendar(session).landing,
    )


def plan_of(session: Session, deal: Deal) -> Plan:
    """The plan version the deal keeps."""
    return _plan_at(session, deal.plan_version_id)


def _plan_at(session: Session, version_id: str) -> Plan:
    return plans.value(plans.get(session, version_id))


def target_of(session: Session, deal: Deal, *, now: datetime) -> Target:
    """What everyone should have earned on the deal by today, with the workings."""
    return target(plan_of(session, deal), facts_of(session, deal), day_of(now))
