"""Allocations (分配): what everyone should have earned on a deal as its facts stand, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlmodel import Session

from ledger import accruals, deals, managers, organisations, plan_moves, plans, rights
from ledger.core import facts as core
from ledger.core import workings
from ledger.core.facts_writer import write_facts
from ledger.core.plan import Plan
from ledger.core.target import Row, Target, target
from ledger.core.workings import Lang
from ledger.deals import Deal
from ledger.users import User


@dataclass(frozen=True, slots=True)
class Allocations:
    """A deal's target on a day, as one person may see it: a manager sees their own rows."""

    deal: Deal
    plan_version_id: str
    plan: Plan
    goal: Target
    rows: tuple[Row, ...]
    whole: bool  # whether that is everybody's

    def why(self, row: Row, lang: Lang) -> list[str]:
        """The steps from the facts to a row, in words."""
        return workings.sentences(workings.steps(self.goal, row.manager, row.stage), lang, self.plan.currency)

    def why_not(self, stage: str, lang: Lang) -> str:
        """Why a stage is not, or not wholly, earned, in words."""
        return workings.render(workings.reasons(self.goal)[stage], lang, self.plan.currency)


def of_deal(
    session: Session, deal_id: str, *, as_of: date, known_at: datetime | None = None, by: User
) -> Allocations:
    """The allocations of a deal the user may see, counting facts up to a day; else NotFound.

    With `known_at`, as they were known then: without what was recorded later, under the plan kept then.
    """
    deal = deals.get(session, deal_id, by=by)
    version = plan_moves.version_known(session, deal, known_at) if known_at else None
    plan = plans.value(version) if version else accruals.plan_of(session, deal)
    goal = target(plan, accruals.facts_of(session, deal, known_at=known_at), as_of)
    rows = tuple(row for row in goal.rows if rights.allows(by, "manager.see", managers=[row.manager]))
    return Allocations(
        deal,
        version.id if version else deal.plan_version_id,
        plan,
        goal,
        rows,
        whole=rows == goal.rows and by.manager_id is None,
    )


def facts_file(session: Session, deal_id: str, *, by: User) -> dict[str, object]:
    """Everything the engine knows of a deal, as the file `yongjin simulate` reads."""
    rights.require(by, "books.see")
    deal = deals.get(session, deal_id, by=by)
    known = accruals.facts_of(session, deal)
    value = replace(
        known.deal,
        client=organisations.get(session, deal.client_id).name,
        source=organisations.get(session, deal.source_id).name if deal.source_id else None,
    )
    names = managers.names(session, managers_in(known))
    people = {manager_id: core.Manager(manager_id, name) for manager_id, name in names.items()}
    return write_facts(core.DealFacts(value, known.facts, people), deal.currency)


def managers_in(known: core.DealFacts) -> set[str]:
    """Every manager the facts name."""
    found: set[str] = set()
    for fact in known.facts:
        if isinstance(fact, core.Milestone):
            found.update(one.manager for one in fact.participants)
        elif isinstance(fact, core.Paid | core.Adjustment):
            found.add(fact.manager)
    return found
