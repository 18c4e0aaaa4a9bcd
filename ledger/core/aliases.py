"""A deal's facts with people replaced by their order, so that one of them may work everybody's fen out again.

Their order is what the split law goes by (manager ids by code points), so the same fen come out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ledger.core.facts import Adjustment, DealFacts, Fact, Manager, Milestone, Paid

UNSAID = "–"  # for a reason that was written for somebody else


def managers_in(facts: Iterable[Fact]) -> set[str]:
    """Every manager the facts name."""
    found: set[str] = set()
    for fact in facts:
        if isinstance(fact, Milestone):
            found.update(one.manager for one in fact.participants)
        elif isinstance(fact, Paid | Adjustment):
            found.add(fact.manager)
    return found


def aliases(manager_ids: Iterable[str]) -> dict[str, str]:
    """P1, P2, … in order of the ids; with so many digits that text keeps the order."""
    ordered = sorted(set(manager_ids))
    digits = len(str(len(ordered)))
    return {manager_id: f"P{place:0{digits}d}" for place, manager_id in enumerate(ordered, 1)}


def aliased(facts: DealFacts, own: str) -> DealFacts:
    """The same facts as `own` may have them: with no name and no reason of an adjustment but theirs."""
    called = aliases(managers_in(facts.facts) | set(facts.managers))
    people = {
        called[one.id]: Manager(called[one.id], one.name if one.id == own else called[one.id], one.grade)
        for _, one in sorted(facts.managers.items())
    }
    return DealFacts(facts.deal, tuple(_renamed(fact, called, own) for fact in facts.facts), people)


def _renamed(fact: Fact, called: Mapping[str, str], own: str) -> Fact:
    if isinstance(fact, Milestone):
        people = tuple(replace(one, manager=called[one.manager]) for one in fact.participants)
        return replace(fact, participants=people)
    if isinstance(fact, Adjustment):
        reason = fact.reason if fact.manager == own else UNSAID
        return replace(fact, manager=called[fact.manager], reason=reason)
    if isinstance(fact, Paid):
        return replace(fact, manager=called[fact.manager])
    return fact
