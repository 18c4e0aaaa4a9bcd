"""What is payable to whom, on which deals, what waits, and why somebody cannot be paid now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, func, select

from ledger import holds, payees, policies, rights
from ledger.clock import day_of
from ledger.core import entry, payable
from ledger.core.payable import Line
from ledger.core.policy import Policy
from ledger.holds import Hold
from ledger.journal import Posting
from ledger.managers import Manager
from ledger.users import User


@dataclass(frozen=True, slots=True)
class Due:
    """What one manager could be paid now; `lines` add up to `payable_minor`, `held` waits."""

    manager_id: str
    name: str
    lines: tuple[Line, ...]
    held: tuple[Line, ...] = ()
    holds: tuple[Hold, ...] = ()  # why the held lines wait
    why_not: str | None = None

    @property
    def payable_minor(self) -> int:
        """What would be paid, before tax; negative where more was taken back than is payable."""
        return payable.total(self.lines)

    @property
    def held_minor(self) -> int:
        """What waits for a hold to end."""
        return payable.total(self.held)

    @property
    def by_deal(self) -> dict[str, int]:
        """What would be paid, deal by deal."""
        sums: dict[str, int] = defaultdict(int)
        for line in self.lines:
            sums[line.deal_id] += line.amount_minor
        return dict(sums)


@dataclass(frozen=True, slots=True)
class Case:
    """What the checks look at."""

    manager: Manager
    lines: Sequence[Line]
    held: Sequence[Line]
    policy: Policy
    day: date
    lacks: str | None  # what is not on file

    @property
    def payable_minor(self) -> int:
        """What is left to pay."""
        return payable.total(self.lines)


def _owes(case: Case) -> str | None:
    return "carried_forward" if case.payable_minor < 0 else None


def _waits(case: Case) -> str | None:
    if not case.held or case.payable_minor:
        return None
    return "held"


def _nothing(case: Case) -> str | None:
    return "nothing_payable" if case.payable_minor == 0 else None


def _below_minimum(case: Case) -> str | None:
    return "below_minimum" if case.payable_minor < case.policy.minimum_minor else None


def _no_account(case: Case) -> str | None:
    return None if case.manager.has_account and case.manager.bank_name else "no_bank_account"


def _unconfirmed(case: Case) -> str | None:
    return "account_unconfirmed" if case.manager.account_waits else None


def _lacks_papers(case: Case) -> str | None:
    return case.lacks


# Who is not paid, and why: the first that says something. A further reason is a further row.
CHECKS: tuple[Callable[[Case], str | None], ...] = (
    _owes,
    _waits,
    _nothing,
    _below_minimum,
    _no_account,
    _unconfirmed,
    _lacks_papers,
)


def preview(session: Session, *, currency: str = "CNY", by: User, now: datetime) -> list[Due]:
    """Who would be paid what, and who would not and why."""
    rights.require(by, "payout.see")
    return due(session, currency, day=day_of(now))


def due(session: Session, currency: str, *, day: date, only: Collection[str] | None = None) -> list[Due]:
    """What every manager could be paid on a day, or some of them."""
    found = _lines(session, currency, only)
    return _worked_out(session, currency, found, holds.standing(session, day), day)


def at_the_end(session: Session, manager_id: str, period: str, *, currency: str, day: date) -> Due | None:
    """What a manager could have been paid on a day of what the books have through a month."""
    found = _lines(session, currency, [manager_id], through=period)
    stood = holds.stood(session, day)
    return next(iter(_worked_out(session, currency, found, stood, day)), None)


def _worked_out(
    session: Session, currency: str, found: Found, standing: Sequence[Hold], day: date
) -> list[Due]:
    waiting = holds.by_manager(standing, found)
    policy = policies.in_force(session, day)
    parts = {
        manager_id: _divided(manager_id, lines, waiting[manager_id]) for manager_id, lines in found.items()
    }
    owed = {manager_id: payable.total(free) for manager_id, (free, _) in parts.items()}
    lacking = payees.lacking(session, owed, day, currency=currency)
    worked_out = (
        _due(Case(manager, *parts[manager.id], policy, day, lacking.get(manager.id)), waiting[manager.id])
        for manager in _managers(session, found)
    )
    return [one for one in worked_out if one.lines or one.held]


Found = dict[str, dict[str, list[Line]]]  # what is payable by manager and deal


def _lines(
    session: Session, currency: str, only: Collection[str] | None, through: str | None = None
) -> Found:
    """What is payable by manager, deal and stage."""
    query = (
        select(Posting.owner, Posting.deal_id, Posting.stage, func.sum(Posting.amount_minor))
        .where(Posting.account == entry.PAYABLE, Posting.currency == currency)
        .group_by(Posting.owner, Posting.deal_id, Posting.stage)
    )
    if only is not None:
        query = query.where(col(Posting.owner).in_(only))
    if through is not None:
        query = query.where(Posting.period <= through)
    found: Found = defaultdict(lambda: defaultdict(list))
    for manager_id, deal_id, stage, amount in session.exec(query):
        if amount:
            found[manager_id][deal_id].append(Line(deal_id, stage, -int(amount)))
    return found


def _managers(session: Session, wanted: Iterable[str]) -> list[Manager]:
    query = select(Manager).where(col(Manager.id).in_(list(wanted)))
    return list(session.exec(query.order_by(col(Manager.id))))


def _divided(
    manager_id: str, found: dict[str, list[Line]], waiting: Sequence[Hold]
) -> tuple[list[Line], list[Line]]:
    return payable.divided(found, lambda line: any(hold.covers(manager_id, line) for hold in waiting))


def _due(case: Case, waiting: Sequence[Hold]) -> Due:
    return Due(
        manager_id=case.manager.id,
        name=case.manager.name,
        lines=tuple(case.lines),
        held=tuple(case.held),
        holds=tuple(
            hold for hold in waiting if any(hold.covers(case.manager.id, line) for line in case.held)
        ),
        why_not=next((why for check in CHECKS if (why := check(case))), None),
    )


def payable_sum(due: Iterable[Due]) -> tuple[int, int]:
    """How many of a preview would be paid, and what they are owed in all."""
    paid = [one.payable_minor for one in due if one.why_not is None]
    return len(paid), sum(paid)
