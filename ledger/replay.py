"""History replayed: the deals in the books as facts, to be worked out anew. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import islice

from sqlmodel import Session, col, select

from ledger import accruals, deals, facts, managers
from ledger.core import facts as core
from ledger.core.compare import Comparison, compare
from ledger.core.plan_file import PlanFile
from ledger.plans import PlanVersion

BATCH = 500


def deals_under(session: Session, plan_id: str) -> list[str]:
    """The deals that keep a version of the plan; all deals, where none does."""
    everything = select(deals.Deal.id).order_by(col(deals.Deal.id))
    versions = select(PlanVersion.id).where(PlanVersion.plan_id == plan_id)
    own = list(session.exec(everything.where(col(deals.Deal.plan_version_id).in_(versions))))
    return own or list(session.exec(everything))


def history(
    session: Session, deal_ids: Sequence[str], progress: Callable[[int], None] = lambda done: None
) -> Iterator[core.DealFacts]:
    """Every fact of these deals, payments included, a batch of deals at a time."""
    waiting = iter(deal_ids)
    while batch := list(islice(waiting, BATCH)):
        known = facts.of_deals(session, batch)
        payments = accruals.paid_on_each(session, batch)
        for deal in session.exec(select(deals.Deal).where(col(deals.Deal.id).in_(batch))):
            values = [facts.value(row) for row in known.get(deal.id, []) if row.type != "paid"]
            yield core.DealFacts(deal.as_value(), (*values, *payments.get(deal.id, [])))
        session.expunge_all()
        progress(len(batch))


def compared(
    session: Session,
    old: PlanFile,
    new: PlanFile,
    *,
    from_on: date | None,
    to_on: date,
    progress: Callable[[int, int], None],
) -> Comparison:
    """What a new plan would have made of the deals under an old one, managers by name."""
    wanted, done = deals_under(session, old.plan.id), 0
    progress(0, len(wanted))

    def further(count: int) -> None:
        nonlocal done
        done += count
        progress(done, len(wanted))

    found = compare(old, new, history(session, wanted, further), from_on=from_on, to_on=to_on)
    return found.named(managers.names(session, [row.manager_id for row in found.managers]))
