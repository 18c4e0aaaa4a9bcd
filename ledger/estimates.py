"""The month-end estimate (暂估) of commission on what is invoiced and not received, where finance wants it.

Posted by the close into the month, and taken back on the first day of the next by itself. A month that
was reopened and is closed again is brought to what is right then, like everything else.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from sqlalchemy import case
from sqlmodel import Session, col, func, select

from ledger import accruals, deals, journal, settings
from ledger.core import month_end
from ledger.core import period as months
from ledger.core.entry import ESTIMATED_COST
from ledger.facts import Fact
from ledger.journal import Entry, Posting


def post(session: Session, period: str, *, by: str, now: datetime) -> int:
    """Bring a month that is about to be closed to its estimate; how many entries that took."""
    day = months.last_day(period)
    wanted = _wanted(session, period) if settings.on(session, settings.ESTIMATE, day) == "yes" else {}
    posted, count = _posted(session, period), 0
    for currency in sorted(wanted.keys() | posted.keys()):
        number = 1 + _entries(session, period, currency)
        made = month_end.draw(period, currency, wanted.get(currency, {}), posted.get(currency, {}), number)
        if made is not None:
            entry_id = journal.post(session, made, now=now, by=by).entry_id
            journal.post(session, month_end.taken_back(made, entry_id), now=now, by=by)
            count += 2
    return count


def _wanted(session: Session, period: str) -> dict[str, dict[str, int]]:
    """By currency and deal."""
    day, found = months.last_day(period), dict[str, dict[str, int]]()
    for deal in deals.by_id(session, _unpaid(session, period)).values():
        minor = month_end.amount(accruals.plan_of(session, deal), accruals.facts_of(session, deal), day)
        if minor:
            found.setdefault(deal.currency, {})[deal.id] = minor
    return found


def _unpaid(session: Session, period: str) -> list[str]:
    """Deals of which more is invoiced than received at the end of a month."""
    sign = case((col(Fact.type).in_(("fee_invoiced", "fee_refunded")), 1), else_=-1)
    query = (
        select(Fact.deal_id)
        .where(
            col(Fact.type).in_(("fee_invoiced", "fee_credited", "fee_received", "fee_refunded")),
            Fact.fact_on <= months.last_day(period),
        )
        .group_by(Fact.deal_id)
        .having(func.sum(sign * col(Fact.amount_minor)) > 0)
    )
    return list(session.exec(query))


def _posted(session: Session, period: str) -> dict[str, dict[str, int]]:
    """What the month's estimate comes to so far, by currency and deal; what it took back is another's."""
    query = (
        select(Posting.currency, Posting.deal_id, func.sum(Posting.amount_minor))
        .join(Entry, col(Entry.id) == Posting.entry_id)
        .where(Posting.account == ESTIMATED_COST, Posting.period == period, col(Entry.reverses).is_(None))
        .group_by(Posting.currency, Posting.deal_id)
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for currency, deal_id, amount in session.exec(query):
        found[currency][deal_id] = int(amount)
    return found


def _entries(session: Session, period: str, currency: str) -> int:
    query = select(func.count()).select_from(Entry)
    about = (Entry.kind == "estimate", Entry.period == period, Entry.currency == currency)
    return session.exec(query.where(*about, col(Entry.reverses).is_(None))).one()
