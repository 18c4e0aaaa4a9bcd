"""The stages that a deal has reached: which milestone counts, who took part, and since when."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from ledger.core.facts import Ending, Milestone
from ledger.core.known import Known, new, the_latest
from ledger.core.money import coprime
from ledger.core.rules import Rules


class Reached(NamedTuple):
    """A verified stage: who took part, with whole-number weights in their order, and since when."""

    milestone: Milestone  # the latest that stands
    weights: tuple[int, ...]
    since: date  # of the first that stands
    too_late: bool  # the deal was cancelled before


def reached_by(rules: Rules, known: Known, cancelled: Ending | None) -> tuple[Reached | None, ...]:
    """By stage, in plan order: the milestone that counts, or None where the stage is not verified."""
    withdrawn: dict[str, date] = {}
    for withdrawal in known.withdrawals:
        withdrawn[withdrawal.stage] = max(withdrawal.on, withdrawn.get(withdrawal.stage, date.min))
    milestones = known.milestones
    if withdrawn:
        milestones = [one for one in milestones if one.on > withdrawn.get(one.stage, date.min)]
    reached: list[Reached | None] = [None] * len(rules.ids)
    stages = {one.stage for one in milestones}
    if cancelled is None and len(stages) == len(milestones):  # one milestone a stage, as in most deals
        for only in milestones:
            reached[rules.position[only.stage]] = new(Reached, (only, _weights(rules, only), only.on, False))
        return tuple(reached)
    for stage in stages:
        of_stage = [one for one in milestones if one.stage == stage]
        reached[rules.position[stage]] = _verified(rules, of_stage, cancelled)
    return tuple(reached)


def _verified(rules: Rules, milestones: list[Milestone], cancelled: Ending | None) -> Reached:
    in_time = [fact for fact in milestones if fact.on <= cancelled.on] if cancelled else milestones
    counted = in_time or milestones
    latest = the_latest(counted)
    return Reached(latest, _weights(rules, latest), min(fact.on for fact in counted), not in_time)


def _weights(rules: Rules, milestone: Milestone) -> tuple[int, ...]:
    """Rule 5: weight x grade of each participant, as coprime whole numbers."""
    people, grades = milestone.participants, rules.grades
    if len(people) == 1 and people[0].weight:
        grades[people[0].grade]  # an unknown grade is an error, also of one alone
        return (1,)
    return coprime([one.weight * grades[one.grade] for one in people])
