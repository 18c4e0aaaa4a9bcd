"""A plan made ready for reckoning: whole numbers over common denominators, worked out once for each plan."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

from ledger.core.errors import Invalid
from ledger.core.facts import FeeKind
from ledger.core.money import coprime
from ledger.core.outcome import Excluded
from ledger.core.plan import Basis, Plan, Pool

# The fees that make up a basis: what is added, and what takes it off again.
FEES: dict[Basis, tuple[FeeKind, FeeKind]] = {
    "fee_invoiced": ("fee_invoiced", "fee_credited"),
    "fee_received": ("fee_received", "fee_refunded"),
}


class Positions(dict[str, int]):
    """Where each stage stands in the plan, by its id; Invalid for one that the plan lacks."""

    def __init__(self, plan: Plan) -> None:
        super().__init__((stage.id, position) for position, stage in enumerate(plan.stages))
        self.plan_id = plan.id

    def __missing__(self, stage: str) -> int:
        raise Invalid(
            "stage_unknown",
            "plan {plan} has no stage “{stage}”; its stages are {stages}",
            plan=self.plan_id,
            stage=stage,
            stages=", ".join(self),
        )


class Grades(dict[str | None, int]):
    """What a grade multiplies a weight by, over one denominator for all; Invalid for an unknown grade.

    Without grades in the plan everyone counts alike, whatever their grade.
    """

    def __init__(self, plan: Plan) -> None:
        unit = lcm(*(rate.denominator for rate in plan.grades.values()))
        super().__init__({grade: int(rate * unit) for grade, rate in plan.grades.items()})
        self[None] = unit
        self.plan = plan

    def __missing__(self, grade: str) -> int:
        if not self.plan.grades:
            return 1
        raise Invalid(
            "grade_unknown",
            "plan {plan} has no grade “{grade}”; its grades are {grades}",
            plan=self.plan.id,
            grade=grade,
            grades=", ".join(self.plan.grades),
        )


@dataclass(frozen=True, slots=True)
class Rules:
    """A plan made ready for reckoning: whole numbers over common denominators."""

    plan: Plan
    ids: tuple[str, ...]  # of the stages
    position: Positions
    weights: tuple[int, ...]  # of the stages
    awards: tuple[int, ...]  # of the stages, in minor units
    requires: tuple[tuple[str, ...], ...]  # of the stages
    thresholds: tuple[int, ...]  # where each bracket begins
    brackets: tuple[tuple[int, int, int], ...]  # pool x unit = carried + rate x (basis - start)
    unit: int
    year_rates: tuple[int, ...]  # over the unit; none where the rate does not go by year
    figures: tuple[str, ...]  # the bases that are stated, not added up
    grades: Grades
    held_rate: tuple[int, int]  # numerator, denominator
    not_verified: tuple[Excluded, ...]  # by stage, what is most often said of it


_compiled: dict[int, Rules] = {}
_COMPILED_MAX = 512


def compile_plan(plan: Plan) -> Rules:
    """The plan's rules, made once for each plan value (a plan cannot be hashed: it is known by identity)."""
    rules = _compiled.get(id(plan))
    if rules is None or rules.plan is not plan:
        if len(_compiled) >= _COMPILED_MAX:
            _compiled.clear()
        rules = _compiled[id(plan)] = _compile(plan)
    return rules


def _compile(plan: Plan) -> Rules:
    ids = tuple(stage.id for stage in plan.stages)
    year_rates = plan.pool.years.rates if plan.pool.years else ()
    unit = lcm(*(rate.denominator for rate in (*(one.rate for one in plan.pool.brackets), *year_rates)))
    held = plan.holdback.rate if plan.holdback else None
    return Rules(
        plan=plan,
        ids=ids,
        position=Positions(plan),
        weights=coprime([stage.weight for stage in plan.stages]),
        awards=tuple(stage.award_minor for stage in plan.stages),
        requires=tuple(plan.requires(stage) for stage in plan.stages),
        thresholds=tuple(bracket.from_minor for bracket in plan.pool.brackets),
        brackets=_brackets(plan.pool, unit),
        unit=unit,
        year_rates=tuple(int(rate * unit) for rate in year_rates),
        figures=tuple(basis for basis in plan.pool.bases if basis not in FEES),
        grades=Grades(plan),
        held_rate=(held.numerator, held.denominator) if held else (0, 1),
        not_verified=tuple(Excluded(stage, "not_verified") for stage in ids),
    )


def _brackets(pool: Pool, unit: int) -> tuple[tuple[int, int, int], ...]:
    """(carried, rate, start) by bracket. A whole tier carries nothing and starts from zero."""
    rates = [int(bracket.rate * unit) for bracket in pool.brackets]
    if pool.mode == "whole" or not rates:
        return tuple((0, rate, 0) for rate in rates)
    brackets, carried = [], 0
    for bracket, following, rate in zip(pool.brackets, (*pool.brackets[1:], None), rates, strict=True):
        brackets.append((carried, rate, bracket.from_minor))
        if following:
            carried += rate * (following.from_minor - bracket.from_minor)
    return tuple(brackets)
