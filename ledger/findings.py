"""What is found when a month is looked at before it is closed (结账检查).

Some of it refuses the close: the books are not what their facts and papers say. The rest only has
to be seen: it stays behind, and what comes of it lands in the next month.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, and_, col, func, or_, select

from ledger import accounts, accruals, control, deals, periods, seals, settings, snapshots
from ledger.clock import day_of
from ledger.core import money
from ledger.core import period as months
from ledger.core.errors import Conflict
from ledger.deals import Deal
from ledger.facts import Fact
from ledger.milestones import Milestone
from ledger.payments import Payout, PayoutLine


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing: a sentence with its code and facts, and whether it refuses the close."""

    says: Conflict
    blocks: bool

    @property
    def code(self) -> str:
        """The stable name of what was found."""
        return self.says.code


def of(session: Session, period: str, *, now: datetime, settled: Collection[str] = ()) -> list[Finding]:
    """Everything there is to say about closing a period now, what refuses it first.

    `settled` are deals that the close settles before it looks: what they lack is not told of.
    """
    through = months.last_day(period)
    return [
        *(Finding(says, blocks=True) for says in (*_unsettled(session, now, settled), *_off(session))),
        *(Finding(says, blocks=False) for says in (*_undecided(session, through), *_waiting(session, now))),
    ]


def _unsettled(session: Session, now: datetime, settled: Collection[str]) -> Iterator[Conflict]:
    known = accruals.unsettled(session, touched(session), now=now)
    found = [one for one in known if one.refused or one.deal_id not in settled]
    if found:
        yield Conflict(
            "deals_unsettled",
            "{count} deals are not settled, the first is {first}; run “yongjin settle” and look at its facts",
            count=len(found),
            first=found[0].deal_id,
        )


def touched(session: Session) -> Iterator[Deal]:
    """Deals of which anything is known that the last close did not know: the rest were looked at then.

    Its block has what it knew, and of what it knew it booked what is dated up to its own day. A holdback
    that a day releases is no fact.
    """
    query = select(Fact.deal_id).distinct()
    closed_through = periods.calendar(session).closed_through
    last = snapshots.standing(session, closed_through)
    if last is not None and last.period == closed_through:
        recent = col(Fact.recorded_at) > last.made_at - seals.LATE
        unknown = ~seals.known_at(Fact.id, last.block_no, kind="fact")
        query = query.where(or_(and_(recent, unknown), col(Fact.fact_on) > day_of(last.made_at)))
    return deals.of_ids(session, {*session.exec(query), *deals.held_until_a_day(session)})


def _off(session: Session) -> Iterator[Conflict]:
    found = list(control.differences(session))
    names = accounts.owner_names(session, [(one.account, one.owner) for one in found])
    for account in sorted({one.account for one in found}):
        these = [one for one in found if one.account == account]
        first = these[0]
        yield _differs(
            account,
            count=len(these),
            first=names.get((account, first.owner), first.owner),
            amount=money.format_minor(first.booked_minor - first.told_minor, first.currency),
        )


def _differs(account: str, **facts: object) -> Conflict:
    """The sentence of each control account."""
    match account:
        case "1122":
            return Conflict(
                "receivable_differs",
                "what {count} clients owe is not what their documents say; the first is {first}, off by"
                " {amount}",
                **facts,
            )
        case "2202.01":
            return Conflict(
                "payable_differs",
                "what {count} managers were paid is not what their payments say; the first is {first}, off by"
                " {amount}",
                **facts,
            )
        case "2202.03":
            return Conflict(
                "in_transit_differs",
                "what is in transit of {count} batches is not what their lines say; the first is {first}, off"
                " by {amount}",
                **facts,
            )
    return Conflict(
        "withheld_differs", "the tax withheld is not what the payments say; it is off by {amount}", **facts
    )


def _undecided(session: Session, through: date) -> Iterator[Conflict]:
    query = select(func.count(), func.min(Milestone.reached_on)).where(
        Milestone.state == "submitted", Milestone.reached_on <= through
    )
    count, first = session.exec(query).one()
    if count:
        yield Conflict(
            "milestones_undecided",
            "{count} milestones reached by the end of the month wait to be verified, the first of {day}; what"
            " they earn will be booked in the next",
            count=count,
            day=first,
        )


def _waiting(session: Session, now: datetime) -> Iterator[Conflict]:
    days = int(settings.on(session, settings.IN_TRANSIT_DAYS, day_of(now)))
    before = day_of(now) - timedelta(days=days)
    query = (
        select(func.count(), Payout.currency, func.sum(PayoutLine.gross_minor), func.min(PayoutLine.value_on))
        .join(Payout, col(Payout.id) == PayoutLine.payout_id)
        .where(PayoutLine.state == "reserved", PayoutLine.value_on < before)
        .group_by(Payout.currency)
        .order_by(Payout.currency)
    )
    for count, currency, amount, first in session.exec(query):
        yield Conflict(
            "payments_in_transit",
            "{count} payments of {amount} in all have waited for the bank's answer for more than {days} days,"
            " the first since {day}",
            count=count,
            amount=money.format_minor(int(amount), currency),
            days=days,
            day=first,
        )
