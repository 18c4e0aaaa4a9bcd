"""What is payable to whom, on which deals, and why somebody cannot be paid now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlmodel import Session, col, func, select

from ledger import managers, rights
from ledger.core import entry
from ledger.db import Row
from ledger.journal import Posting
from ledger.users import User


class Due(Row):
    """What one manager could be paid now, and on which deals it stands."""

    manager_id: str
    name: str
    payable_minor: int
    by_deal: dict[str, int]
    why_not: str | None = None


def preview(session: Session, *, currency: str = "CNY", by: User) -> list[Due]:
    """Who would be paid what, and who would not and why."""
    rights.require(by, "payout.see")
    return due(session, currency)


def due(session: Session, currency: str, only: str | None = None) -> list[Due]:
    """What every manager could be paid, or one of them."""
    by_manager: dict[str, dict[str, int]] = defaultdict(dict)
    query = (
        select(Posting.owner, Posting.deal_id, func.sum(Posting.amount_minor))
        .where(Posting.account == entry.PAYABLE, Posting.currency == currency)
        .group_by(Posting.owner, Posting.deal_id)
        .order_by(Posting.owner, Posting.deal_id)
    )
    if only:
        query = query.where(Posting.owner == only)
    for manager_id, deal_id, amount in session.exec(query):
        if amount:
            by_manager[manager_id][deal_id] = -int(amount)
    known = {m.id: m for m in _managers(session, by_manager)}
    return [_why_not(known[manager_id], by_deal) for manager_id, by_deal in by_manager.items()]


def _managers(session: Session, wanted: Mapping[str, Any]) -> list[managers.Manager]:
    query = select(managers.Manager).where(col(managers.Manager.id).in_(list(wanted)))
    return list(session.exec(query))


def _why_not(manager: managers.Manager, by_deal: dict[str, int]) -> Due:
    total = sum(by_deal.values())
    why = None
    if total <= 0:
        why = "nothing_payable" if total == 0 else "carried_forward"
    elif not manager.bank_account or not manager.bank_name:
        why = "no_bank_account"
    return Due(manager_id=manager.id, name=manager.name, payable_minor=total, by_deal=by_deal, why_not=why)


def payable_sum(due: Iterable[Due]) -> tuple[int, int]:
    """How many of a preview would be paid, and what they are owed in all."""
    paid = [one.payable_minor for one in due if one.why_not is None]
    return len(paid), sum(paid)
