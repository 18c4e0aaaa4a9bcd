"""Allocations (分配): what everyone should have earned on a deal as its facts stand, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlmodel import Session

from ledger import accruals, deals, managers, organisations, plan_moves, plans, rights, waits
from ledger.clock import day_of
from ledger.core import facts as core
from ledger.core import waits as core_waits
from ledger.core import workings
from ledger.core.aliases import aliased, managers_in
from ledger.core.facts_writer import facts_as_text, write_facts
from ledger.core.outcome import Row
from ledger.core.plan import Plan
from ledger.core.target import Target, target
from ledger.core.waits import Wait
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
    waits: tuple[Wait, ...]  # why not: by stage, then what keeps the payable from being paid

    def why(self, row: Row, lang: Lang) -> list[str]:
        """The steps from the facts to a row, in words."""
        return workings.sentences(workings.steps(self.goal, row.manager, row.stage), lang, self.plan.currency)

    def steps(self, row: Row) -> list[dict[str, Any]]:
        """The same as data: rule, numbers, source."""
        return workings.to_data(workings.steps(self.goal, row.manager, row.stage))

    def said(self, wait: Wait, lang: Lang) -> str:
        """What a stage or a line waits for, in words."""
        return workings.render(wait.step, lang, self.plan.currency)


def of_deal(
    session: Session,
    deal_id: str,
    *,
    as_of: date,
    known_at: datetime | None = None,
    by: User,
    now: datetime | None = None,
) -> Allocations:
    """The allocations of a deal the user may see, counting facts up to a day; else NotFound.

    Asked `now` and of today, it has the reasons of the books too; of another day only the engine's.
    With `known_at`, as they were known then: without what was recorded later, under the plan kept then.
    """
    deal = deals.get(session, deal_id, by=by)
    version = plan_moves.version_known(session, deal, known_at) if known_at else None
    plan = plans.value(version) if version else accruals.plan_of(session, deal)
    known = accruals.facts_of(session, deal, known_at=known_at)
    goal = target(plan, known, as_of)
    rows = tuple(row for row in goal.rows if rights.allows(by, "manager.see", managers=[row.manager]))
    return Allocations(
        deal,
        version.id if version else deal.plan_version_id,
        plan,
        goal,
        rows,
        whole=rows == goal.rows and by.manager_id is None,
        waits=tuple(
            waits.of_deal(session, deal, goal, by=by, now=now)
            if now and known_at is None and as_of == day_of(now)
            else _seen(core_waits.of_target(goal, known.facts), rows)
        ),
    )


def _seen(found: Sequence[Wait], rows: Sequence[Row]) -> list[Wait]:
    """Of some reasons those that concern everybody, and those of the rows' managers."""
    seen = {"", *(row.manager for row in rows)}
    return [wait for wait in found if wait.manager in seen]


def facts_of(session: Session, deal_id: str, *, by: User) -> core.DealFacts:
    """Everything the engine knows of a deal, for `yongjin simulate`.

    To a manager other people are told by their order only; the same fen come out.
    """
    deal = deals.get(session, deal_id, by=by)
    known = accruals.facts_of(session, deal)
    value = replace(
        known.deal,
        client=organisations.get(session, deal.client_id).name,
        source=organisations.get(session, deal.source_id).name if deal.source_id else None,
    )
    names = managers.names(session, managers_in(known.facts))
    people = {manager_id: core.Manager(manager_id, name) for manager_id, name in sorted(names.items())}
    whole = core.DealFacts(value, known.facts, people)
    return whole if rights.allows(by, "books.see") else aliased(whole, by.manager_id or "")


def facts_file(session: Session, deal_id: str, *, by: User) -> dict[str, object]:
    """The same as the values of a facts file."""
    facts = facts_of(session, deal_id, by=by)
    return write_facts(facts, _currency(session, facts))


def facts_text(session: Session, deal_id: str, *, by: User) -> str:
    """The same as a facts file's text, a line an event."""
    facts = facts_of(session, deal_id, by=by)
    return facts_as_text(facts, _currency(session, facts))


def _currency(session: Session, facts: core.DealFacts) -> str:
    return session.get_one(Deal, facts.deal.id).currency


def plan_text(session: Session, deal_id: str, *, by: User) -> str:
    """The plan the deal keeps, as it was written."""
    rights.require(by, "plan.see")
    return plans.get(session, deals.get(session, deal_id, by=by).plan_version_id).text
