"""Rule 7, the holdback: whose is over, and the days on which one ends by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from ledger.core.facts import DealFacts, Ending, Milestone
from ledger.core.known import known_by, standing_ending
from ledger.core.plan import Plan
from ledger.core.reached import Reached, reached_by
from ledger.core.rules import Rules, compile_plan


def released_by_stage(
    rules: Rules, reached: Sequence[Reached | None], as_of: date, cancelled: Ending | None
) -> tuple[bool, ...]:
    """By stage: is its holdback over (or was there never to be one)?"""
    holdback = rules.plan.holdback
    if holdback is None or cancelled:
        return (True,) * len(reached)
    if holdback.stage is not None:
        return (reached[rules.position[holdback.stage]] is not None,) * len(reached)
    wait = timedelta(days=holdback.days or 0)
    return tuple([stage is not None and as_of >= stage.since + wait for stage in reached])


def due_on(plan: Plan, facts: DealFacts) -> tuple[date, ...]:
    """The days on which something falls due by itself: a holdback of so many days ends."""
    if plan.holdback is None or plan.holdback.days is None:
        return ()
    rules, wait = compile_plan(plan), timedelta(days=plan.holdback.days)
    days = {fact.on + wait for fact in facts.facts if isinstance(fact, Milestone)}
    return tuple(day for day in sorted(days) if _ends_a_holdback(rules, facts, day, wait))


def _ends_a_holdback(rules: Rules, facts: DealFacts, day: date, wait: timedelta) -> bool:
    known = known_by(facts.facts, day)
    if standing_ending(rules, known):
        return False
    return any(stage and stage.since + wait == day for stage in reached_by(rules, known, None))
