"""The month-end estimate (暂估): what would be earned more, were all that is invoiced received.

It is nobody's yet: a cost of the month against one liability, deal by deal, taken back on the first day of
the next. Plans that do not follow receipts come to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from ledger.core import period as months
from ledger.core.entry import ESTIMATED, ESTIMATED_COST, Entry, Posting, mirrored
from ledger.core.facts import DealFacts, Fee
from ledger.core.plan import Plan
from ledger.core.target import target

_SIGN = {"fee_invoiced": 1, "fee_credited": -1, "fee_received": -1, "fee_refunded": 1}


def outstanding(facts: DealFacts, on: date) -> Fee | None:
    """The receipt that would settle every invoice by a day, or None where nothing is outstanding."""
    fees = [fact for fact in facts.facts if isinstance(fact, Fee) and fact.on <= on]
    amount_minor = sum(_SIGN[fee.kind] * fee.amount_minor for fee in fees)
    tax_minor = sum(_SIGN[fee.kind] * fee.tax_minor for fee in fees)
    if amount_minor <= 0:
        return None
    return Fee(on, "fee_received", amount_minor, min(max(tax_minor, 0), amount_minor))


def amount(plan: Plan, facts: DealFacts, on: date) -> int:
    """What all managers of a deal would earn more, in minor units; never below zero."""
    missing = outstanding(facts, on)
    if missing is None:
        return 0
    would_be = target(plan, replace(facts, facts=(*facts.facts, missing)), on)
    so_far = target(plan, facts, on)
    return max(0, sum(would_be.earned_by_manager().values()) - sum(so_far.earned_by_manager().values()))


def draw(
    period: str, currency: str, wanted: Mapping[str, int], posted: Mapping[str, int], number: int
) -> Entry | None:
    """The entry that brings the month's estimate from what is posted to what is wanted, by deal."""
    postings = tuple(_postings(wanted, posted))
    if not postings:
        return None
    return Entry(
        kind="estimate",
        source=f"{period}/{currency}#{number}",
        on=months.last_day(period),
        period=period,
        currency=currency,
        summary="暂估佣金成本",
        postings=postings,
    )


def _postings(wanted: Mapping[str, int], posted: Mapping[str, int]) -> Iterable[Posting]:
    for deal_id in sorted(wanted.keys() | posted.keys()):
        step = wanted.get(deal_id, 0) - posted.get(deal_id, 0)
        if step:
            yield Posting(ESTIMATED_COST, step, deal_id=deal_id)
            yield Posting(ESTIMATED, -step, deal_id=deal_id)


def taken_back(made: Entry, entry_id: int) -> Entry:
    """The same turned round, on the first day of the next month."""
    following = months.following(made.period)
    return replace(
        made,
        source=f"~{made.source}",
        on=months.first_day(following),
        period=following,
        summary="冲回暂估佣金成本",
        reverses=entry_id,
        postings=mirrored(made.postings),
    )
