"""The facts of a deal up to a day, sorted by kind, and whether the deal has ended by then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple, TypeVar

from ledger.core.errors import Invalid
from ledger.core.facts import (
    Adjustment,
    Cancelled,
    Ending,
    Fact,
    Fee,
    GateFailed,
    Milestone,
    MilestoneWithdrawn,
    Paid,
    Reinstated,
    Stated,
)
from ledger.core.rules import Rules

new = tuple.__new__  # what a named tuple's class does itself, at a third of the cost


class Known(NamedTuple):
    """The facts up to a day, by kind."""

    milestones: list[Milestone]
    withdrawals: list[MilestoneWithdrawn]
    stated: list[Stated]
    fees: list[Fee]
    payments: list[Paid]
    endings: list[Ending]
    reinstatements: list[Reinstated]
    adjustments: list[Adjustment]


def known_by(facts: Sequence[Fact], as_of: date) -> Known:
    """The facts dated on or before `as_of`, sorted by kind in one pass."""
    known, kinds = new(Known, ([], [], [], [], [], [], [], [])), _KIND
    for fact in facts:
        if fact.on <= as_of:
            known[kinds[type(fact)]].append(fact)  # type: ignore[arg-type]
    return known


# Where in `Known` a fact of each type goes.
_KIND: dict[type, int] = {
    Milestone: 0,
    MilestoneWithdrawn: 1,
    Stated: 2,
    Fee: 3,
    Paid: 4,
    Cancelled: 5,
    GateFailed: 5,
    Reinstated: 6,
    Adjustment: 7,
}


def standing_ending(rules: Rules, known: Known) -> Ending | None:
    """The earliest cancellation or failed gate that no later reinstatement undid."""
    if not known.endings:
        return None
    for fact in known.endings:
        if isinstance(fact, GateFailed):
            _check_gate(rules, fact)
    undone = max(((fact.on, fact.seq) for fact in known.reinstatements), default=(date.min, 0))
    standing = [fact for fact in known.endings if (fact.on, fact.seq) >= undone]
    return min(standing, key=_ending_order, default=None)


def _ending_order(fact: Ending) -> tuple[date, int, str, str]:
    return fact.on, fact.seq, fact.reason, fact.stage if isinstance(fact, GateFailed) else ""


def _check_gate(rules: Rules, failed: GateFailed) -> None:
    if not rules.plan.stages[rules.position[failed.stage]].gate:
        raise Invalid(
            "stage_no_gate",
            "stage “{stage}” of plan {plan} is no gate that could fail; cancel the deal instead",
            stage=failed.stage,
            plan=rules.plan.id,
        )


def standing_still(known: Known, ending: Ending) -> Known:
    """The same facts, but for the money of the deal's last day and later: the basis stands still."""
    return known._replace(
        fees=[fact for fact in known.fees if fact.on < ending.on],
        stated=[fact for fact in known.stated if fact.on < ending.on],
    )


Dated = TypeVar("Dated", Milestone, Stated)


def the_latest(facts: list[Dated]) -> Dated:
    """The latest by (on, seq); Invalid where two that differ are equally late."""
    if len(facts) == 1:
        return facts[0]
    latest = max(facts, key=lambda fact: (fact.on, fact.seq))
    for fact in facts:
        if fact.on == latest.on and fact.seq == latest.seq and fact != latest:
            raise Invalid(
                "facts_equally_late",
                "two facts of {on} say different things and neither comes later; give one a higher seq",
                on=latest.on,
            )
    return latest
