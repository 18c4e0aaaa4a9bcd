"""What everyone should have earned on a deal: `target(plan, facts, as_of)`.

A pure function of the set of facts dated on or before `as_of`: their order means nothing, later ones
are as if unknown. The module reads as the nine rules of a plan (docs/PLANS.md, which also says how they
are taken where they leave a choice), one function each, in their order; each takes what the rule before
it made. All amounts are whole minor units of the plan's
currency; only `ledger.core.money` rounds or splits. What depends on the plan alone is worked out once
(`compile_plan`). The values made for every deal are named tuples: they cost a third of a frozen
dataclass, and a city's year has hundreds of thousands.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import lcm
from typing import Literal, NamedTuple, TypeVar

from ledger.core.errors import Invalid
from ledger.core.facts import (
    Adjustment,
    Cancelled,
    Deal,
    DealFacts,
    Ending,
    Fact,
    Fee,
    FeeKind,
    GateFailed,
    Milestone,
    MilestoneWithdrawn,
    Paid,
    Reinstated,
    Stated,
)
from ledger.core.money import coprime, round_ratio, split, split_coprime
from ledger.core.plan import Basis, Plan, Pool

# What a participant's share of a stage comes to before the cap: (position of the stage, manager, minor)
Line = tuple[int, str, int]
# The fees of each year of a running share, less what was given back: (year from 1, minor), in order
ByYear = tuple[tuple[int, int], ...]
Why = Literal["not_verified", "cancelled", "requires_not_verified", "no_basis", "cut_by_cap"]


class Row(NamedTuple):
    """One manager's standing in one stage, in minor units.

    `earned_minor = accrued_minor + clawed_minor + adjusted_minor = held_minor + payable_minor`
    """

    manager: str
    stage: str
    accrued_minor: int  # rules 1 to 6: before any clawback and adjustment, after the cap on the deal
    clawed_minor: int  # what a cancellation took: zero or less
    adjusted_minor: int
    earned_minor: int
    held_minor: int
    released: bool  # nothing is held any more, nor will be
    payable_minor: int  # before any payout


class Excluded(NamedTuple):
    """A stage whose part is not, or not wholly, earned, and the first reason why."""

    stage: str
    why: Why


class Target(NamedTuple):
    """What a deal's facts up to `as_of` amount to."""

    basis_minor: int  # as it is, also below zero
    pool_minor: int
    rows: tuple[Row, ...]  # in order of stage, then manager id by code points; zero rows too
    excluded: tuple[Excluded, ...]  # in order of stage
    cancelled: Ending | None  # the cancellation or failed gate that stands
    workings: Workings

    @property
    def allocated_minor(self) -> int:
        """What the managers earn together."""
        return sum(row.earned_minor for row in self.rows)

    def earned_by_manager(self) -> dict[str, int]:
        """What each manager earns over all stages."""
        sums: dict[str, int] = {}
        for row in self.rows:
            sums[row.manager] = sums.get(row.manager, 0) + row.earned_minor
        return sums

    @property
    def reserve_minor(self) -> int:
        """What of the pool stays with the platform; below zero where awards ran ahead of it."""
        return self.pool_minor - self.allocated_minor


class Workings(NamedTuple):
    """Every figure between the facts and the rows, for `ledger.core.workings` to put into words."""

    rules: Rules
    as_of: date
    sums: Sums
    bases_minor: tuple[int, ...]  # as the plan lists them
    by_year: ByYear  # the basis year by year, where the plan has rates by year
    parts_minor: tuple[int, ...]  # of the pool, by stage
    reached: tuple[Reached | None, ...]  # by stage
    lines: tuple[Line, ...]
    accrued_minor: tuple[int, ...]  # by line
    kept_minor: tuple[int, ...]  # by line
    paid_minor: dict[str, int]  # by manager; looked at only where the clawback asks
    adjustments: tuple[Adjustment, ...]


class Sums(NamedTuple):
    """Rule 1: the fees by kind with the VAT inside them, and the latest statement of each figure."""

    fees_minor: dict[FeeKind, int]
    taxes_minor: dict[FeeKind, int]
    stated: dict[str, Stated]

    def fees(self, basis: Basis) -> tuple[int, int, int]:
        """(added, taken off again, the VAT in what is left) of the fees that make up a basis."""
        up, down = FEES[basis]
        tax_minor = self.taxes_minor.get(up, 0) - self.taxes_minor.get(down, 0)
        return self.fees_minor.get(up, 0), self.fees_minor.get(down, 0), tax_minor


class Reached(NamedTuple):
    """A verified stage: who took part, with whole-number weights in their order, and since when."""

    milestone: Milestone  # the latest that stands
    weights: tuple[int, ...]
    since: date  # of the first that stands
    too_late: bool  # the deal was cancelled before


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


def target(plan: Plan, facts: DealFacts, as_of: date) -> Target:
    """What everyone should have earned, with the workings; Invalid where facts do not fit the plan."""
    rules = compile_plan(plan)
    known = _known(facts.facts, as_of)
    cancelled = _standing_ending(rules, known)
    reached = _reached(rules, known, cancelled)

    counted = _before(known, cancelled) if cancelled else known
    sums = _sums(rules, counted)
    bases = _bases(plan.pool, sums)
    basis = min(bases)
    by_year = _by_year(rules, reached, counted.fees) if rules.year_rates else ()
    pool, parts, lines, accrued = _accrue(rules, reached, basis, by_year)
    paid = _paid(known) if cancelled else {}
    kept = _clawed_back(rules, reached, lines, accrued, cancelled, paid) if cancelled else accrued
    released = _released(rules, reached, as_of, cancelled)
    rows = _rows(rules, lines, accrued, kept, released, known.adjustments)

    workings = Workings(
        rules,
        as_of,
        sums,
        bases,
        by_year,
        parts,
        reached,
        lines,
        accrued,
        kept,
        paid,
        _dated(known.adjustments),
    )
    excluded = _excluded(rules, reached, basis, lines, accrued, kept)
    return Target(basis, pool, rows, excluded, cancelled, workings)


def expected(plan: Plan, facts: DealFacts, as_of: date) -> dict[tuple[str, str], int]:
    """What each (manager, stage) verified by `as_of` would still earn at the deal's expected fee.

    Rules 1 to 6 once more, with the fee in place of the fees so far; never below zero; zero for all
    where the deal is cancelled or has no expected fee.
    """
    rules = compile_plan(plan)
    known = _known(facts.facts, as_of)
    cancelled = _standing_ending(rules, known)
    reached = _reached(rules, known, cancelled)

    counted = _before(known, cancelled) if cancelled else known
    sums = _sums(rules, counted)
    basis = min(_bases(plan.pool, sums))
    by_year = _by_year(rules, reached, counted.fees) if rules.year_rates else ()
    _, _, lines, accrued = _accrue(rules, reached, basis, by_year)
    hoped = accrued
    if cancelled is None and facts.deal.expected_fee_minor is not None:
        would_be = min(_hoped_bases(plan.pool, sums, facts.deal))
        _, _, _, hoped = _accrue(rules, reached, would_be, _hoped_years(by_year, would_be - basis))
    return {
        (manager, rules.ids[position]): max(0, then - so_far)
        for (position, manager, _), then, so_far in zip(lines, hoped, accrued, strict=True)
    }


def due_on(plan: Plan, facts: DealFacts) -> tuple[date, ...]:
    """The days on which something falls due by itself: a holdback of so many days ends."""
    if plan.holdback is None or plan.holdback.days is None:
        return ()
    rules, wait = compile_plan(plan), timedelta(days=plan.holdback.days)
    days = {fact.on + wait for fact in facts.facts if isinstance(fact, Milestone)}
    return tuple(day for day in sorted(days) if _ends_a_holdback(rules, facts, day, wait))


def _ends_a_holdback(rules: Rules, facts: DealFacts, day: date, wait: timedelta) -> bool:
    known = _known(facts.facts, day)
    if _standing_ending(rules, known):
        return False
    return any(stage and stage.since + wait == day for stage in _reached(rules, known, None))


# What depends on the plan alone


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


# What the facts come to, before any money


def _known(facts: Sequence[Fact], as_of: date) -> Known:
    """The facts dated on or before `as_of`, sorted by kind in one pass."""
    known = Known([], [], [], [], [], [], [], [])
    for fact in facts:
        if fact.on <= as_of:
            known[_KIND[type(fact)]].append(fact)  # type: ignore[arg-type]
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


def _standing_ending(rules: Rules, known: Known) -> Ending | None:
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


def _before(known: Known, ending: Ending) -> Known:
    """The same facts, but for the money of the deal's last day and later: the basis stands still."""
    return known._replace(
        fees=[fact for fact in known.fees if fact.on < ending.on],
        stated=[fact for fact in known.stated if fact.on < ending.on],
    )


def _reached(rules: Rules, known: Known, cancelled: Ending | None) -> tuple[Reached | None, ...]:
    """By stage, in plan order: the milestone that counts, or None where the stage is not verified."""
    withdrawn: dict[str, date] = {}
    for withdrawal in known.withdrawals:
        withdrawn[withdrawal.stage] = max(withdrawal.on, withdrawn.get(withdrawal.stage, date.min))
    standing: dict[int, list[Milestone]] = {}
    for milestone in known.milestones:
        if not withdrawn or milestone.on > withdrawn.get(milestone.stage, date.min):
            standing.setdefault(rules.position[milestone.stage], []).append(milestone)
    reached: list[Reached | None] = [None] * len(rules.ids)
    for position, milestones in standing.items():
        reached[position] = _verified(rules, milestones, cancelled)
    return tuple(reached)


def _verified(rules: Rules, milestones: list[Milestone], cancelled: Ending | None) -> Reached:
    in_time = [fact for fact in milestones if fact.on <= cancelled.on] if cancelled else milestones
    counted = in_time or milestones
    latest = _latest(counted)
    since = latest.on if len(counted) == 1 else min(fact.on for fact in counted)
    return Reached(latest, _weights(rules, latest), since, not in_time)


Dated = TypeVar("Dated", Milestone, Stated)


def _latest(facts: list[Dated]) -> Dated:
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


def _weights(rules: Rules, milestone: Milestone) -> tuple[int, ...]:
    """Rule 5: weight x grade of each participant, as coprime whole numbers."""
    if len(milestone.participants) == 1 and milestone.participants[0].weight:
        rules.grades[milestone.participants[0].grade]  # an unknown grade is an error, also of one alone
        return (1,)
    weights: list[int | Fraction] = []
    for one in milestone.participants:
        numerator, denominator = one.weight.as_integer_ratio()
        weight = numerator if denominator == 1 else one.weight  # whole ones are quicker, and usual
        weights.append(weight * rules.grades[one.grade])
    return coprime(weights)


# Rule 1: the basis

FEES: dict[Basis, tuple[FeeKind, FeeKind]] = {
    "fee_invoiced": ("fee_invoiced", "fee_credited"),
    "fee_received": ("fee_received", "fee_refunded"),
}


def _sums(rules: Rules, known: Known) -> Sums:
    """Fees added up and figures as last stated."""
    amounts: dict[FeeKind, int] = {}
    taxes: dict[FeeKind, int] = {}
    for fee in known.fees:
        amounts[fee.kind] = amounts.get(fee.kind, 0) + fee.amount_minor
        if fee.tax_minor:
            taxes[fee.kind] = taxes.get(fee.kind, 0) + fee.tax_minor
    statements = {figure: [fact for fact in known.stated if fact.what == figure] for figure in rules.figures}
    return Sums(amounts, taxes, {figure: _latest(facts) for figure, facts in statements.items() if facts})


def _bases(pool: Pool, sums: Sums) -> tuple[int, ...]:
    """Each basis the plan names; what was never stated is zero. The least of them counts."""
    return tuple([_basis(pool, sums, basis) for basis in pool.bases])


def _basis(pool: Pool, sums: Sums, basis: Basis) -> int:
    if basis not in FEES:
        fact = sums.stated.get(basis)
        return fact.amount_minor if fact else 0
    up_minor, down_minor, tax_minor = sums.fees(basis)
    return up_minor - down_minor - (0 if pool.vat_included else tax_minor)


def _hoped_bases(pool: Pool, sums: Sums, deal: Deal) -> tuple[int, ...]:
    """The bases once the expected fee is in: it stands for the fees, and for what no one has stated.

    A figure not stated yet cannot be the least of several: it is left out, unless nothing else is left.
    """
    fee = deal.expected_fee_minor or 0
    if deal.tax_rate and not pool.vat_included:
        fee -= round_ratio(fee * deal.tax_rate.numerator, deal.tax_rate.numerator + deal.tax_rate.denominator)
    hoped = [
        fee if basis in FEES else sums.stated[basis].amount_minor
        for basis in pool.bases
        if basis in FEES or basis in sums.stated
    ]
    return tuple(hoped) or (fee,)


# Rule 1 for a running share: the basis year by year


def _by_year(rules: Rules, reached: Sequence[Reached | None], fees: Sequence[Fee]) -> ByYear:
    """What each year had of the fees, without VAT where it does not count.

    A fee is of the year it names, or else of the year of its day. What is given back is taken from its
    year, then from those before, the last first, then from those after: so that giving back everything
    leaves nothing, and no fee is given back at the rate of a year in which it did not come.
    """
    up, down = FEES[rules.plan.pool.bases[0]]
    begun = _begun(rules, reached)
    years: dict[int, int] = {}
    back: list[tuple[date, int, int]] = []
    for fee in fees:
        if fee.kind == up:
            year = _year(fee, begun)
            years[year] = years.get(year, 0) + _counted(rules, fee)
        elif fee.kind == down:
            back.append((fee.on, _year(fee, begun), _counted(rules, fee)))
    for _, year, amount in sorted(back):
        _take_back(years, year, amount)
    return tuple(sorted(years.items()))


def _begun(rules: Rules, reached: Sequence[Reached | None]) -> date | None:
    """The day the first year begins, if it has."""
    years = rules.plan.pool.years
    stage = reached[rules.position[years.since]] if years else None
    return stage.since if stage and not stage.too_late else None


def _year(fee: Fee, begun: date | None) -> int:
    """The year a fee is of: 1 is the first, and everything before it."""
    if fee.year is not None:
        return fee.year
    if begun is None or fee.on < begun:
        return 1
    return fee.on.year - begun.year + ((fee.on.month, fee.on.day) >= (begun.month, begun.day))


def _counted(rules: Rules, fee: Fee) -> int:
    return fee.amount_minor if rules.plan.pool.vat_included else fee.amount_minor - fee.tax_minor


def _take_back(years: dict[int, int], year: int, amount: int) -> None:
    """Take an amount from the years that have it, from `year` back, then on; what none has, from `year`."""
    before = [other for other in years if other <= year]
    after = [other for other in years if other > year]
    for other in (*sorted(before, reverse=True), *sorted(after)):
        taken = min(amount, max(0, years[other]))
        years[other] -= taken
        amount -= taken
    if amount:
        years[year] = years.get(year, 0) - amount


def _hoped_years(by_year: ByYear, more: int) -> ByYear:
    """The same with what is still hoped for, in the last year that had anything."""
    if not by_year:
        return ((1, more),)
    year, amount = by_year[-1]
    return (*by_year[:-1], (year, amount + max(0, more)))


# Rules 2 to 6: from the basis to what each participant accrues

Accrual = tuple[int, tuple[int, ...], tuple[Line, ...], tuple[int, ...]]


def _accrue(rules: Rules, reached: Sequence[Reached | None], basis: int, by_year: ByYear) -> Accrual:
    """(pool, its parts by stage, the participants' lines, what each line comes to under the cap)."""
    pool = pool_of(rules, basis, by_year)
    parts = split_coprime(pool, rules.weights)
    lines = _lines(rules, reached, parts)
    return pool, parts, lines, _capped(rules.plan.cap_per_deal_minor, lines)


def pool_of(rules: Rules, basis: int, by_year: ByYear = ()) -> int:
    """Rule 2: the rate, tiers or years on the basis, rounded once, between floor and cap."""
    if basis <= 0:
        return 0
    pool = unclipped_pool(rules, basis, by_year)
    floor, cap = rules.plan.pool.floor_minor, rules.plan.pool.cap_minor
    if floor is not None and pool < floor:
        return floor
    if cap is not None and pool > cap:
        return cap
    return pool


def unclipped_pool(rules: Rules, basis: int, by_year: ByYear) -> int:
    """What rate, tiers or years give on a basis above zero, before floor and cap."""
    if rules.year_rates:
        last = len(rules.year_rates) - 1
        slices = [amount * rules.year_rates[min(year - 1, last)] for year, amount in by_year]
        return round_ratio(sum(slices), rules.unit)
    carried, rate, start = rules.brackets[bisect_right(rules.thresholds, basis) - 1]
    return round_ratio(carried + rate * (basis - start), rules.unit)


def _lines(rules: Rules, reached: Sequence[Reached | None], parts: Sequence[int]) -> tuple[Line, ...]:
    """Rules 4 and 5: each verified stage's earning, split over its participants."""
    lines: list[Line] = []
    for position, stage in enumerate(reached):
        if stage is not None:
            earning = 0 if stage.too_late else _earning(rules, reached, position, parts[position])
            shares = split_coprime(earning, stage.weights)
            for i, participant in enumerate(stage.milestone.participants):
                lines.append((position, participant.manager, shares[i]))
    return tuple(lines)


def _earning(rules: Rules, reached: Sequence[Reached | None], position: int, part: int) -> int:
    """Rule 4: the award or the part, whichever is more; the award alone where a required stage is missing."""
    award = rules.awards[position]
    return part if part > award and not missing(rules, reached, position) else award


def missing(rules: Rules, reached: Sequence[Reached | None], position: int) -> tuple[str, ...]:
    """The stages that one requires and that are not verified (in time)."""
    requires = rules.requires[position]
    if not requires:
        return ()
    there = {rules.ids[at] for at, stage in enumerate(reached) if stage and not stage.too_late}
    return tuple(stage for stage in requires if stage not in there)


def _capped(cap_minor: int | None, lines: Sequence[Line]) -> tuple[int, ...]:
    """Rule 6: each manager has the cap to fill, from the first stage on; so the last is cut first."""
    shares = tuple([share for _, _, share in lines])
    if cap_minor is None or sum(shares) <= cap_minor:  # what all together keep to, each one does
        return shares
    return _filled(lines, shares, {manager: cap_minor for _, manager, _ in lines})


def _filled(lines: Sequence[Line], amounts: Sequence[int], room: dict[str, int]) -> tuple[int, ...]:
    """Each line's amount as far as its manager's room goes, first stages first. Uses the room up."""
    filled = []
    for (_, manager, _), amount in zip(lines, amounts, strict=True):
        filled.append(min(amount, room[manager]))
        room[manager] -= filled[-1]
    return tuple(filled)


# Rule 7: the holdback


def _released(
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


# Rule 8: what a cancellation takes


def _paid(known: Known) -> dict[str, int]:
    paid: dict[str, int] = {}
    for payment in known.payments:
        paid[payment.manager] = paid.get(payment.manager, 0) + payment.amount_minor
    return paid


def _clawed_back(
    rules: Rules,
    reached: Sequence[Reached | None],
    lines: Sequence[Line],
    accrued: tuple[int, ...],
    cancelled: Ending,
    paid: dict[str, int],
) -> tuple[int, ...]:
    """What each line keeps of what it accrued."""
    clawback = rules.plan.on_cancel(cancelled.reason)
    if clawback.take == "none":
        return accrued
    kept = (0,) * len(lines)
    if clawback.take == "unpaid":
        kept = _filled(lines, accrued, {manager: max(0, paid.get(manager, 0)) for _, manager, _ in lines})
    if clawback.keep_awards:
        floors = map(min, award_parts(rules, reached), accrued)
        kept = tuple(map(max, kept, floors))
    return kept


def award_parts(rules: Rules, reached: Sequence[Reached | None]) -> list[int]:
    """Each line's part of its stage's award, by the same split as the earning."""
    parts: list[int] = []
    for stage, verified in zip(rules.plan.stages, reached, strict=True):
        if verified:
            parts += split(0 if verified.too_late else stage.award_minor, verified.weights)
    return parts


# Rule 9: adjustments, and the rows


def _dated(adjustments: Sequence[Adjustment]) -> tuple[Adjustment, ...]:
    if not adjustments:
        return ()
    return tuple(sorted(adjustments, key=lambda one: (one.on, one.manager, one.reason, one.amount_minor)))


def _rows(
    rules: Rules,
    lines: Sequence[Line],
    accrued: Sequence[int],
    kept: Sequence[int],
    released: Sequence[bool],
    adjustments: Sequence[Adjustment],
) -> tuple[Row, ...]:
    """The lines as rows, and a row of its own for an adjustment of one who has no line."""
    adjusted: dict[tuple[int, str], int] = {}
    for one in adjustments:
        key = (rules.position[one.stage], one.manager)
        adjusted[key] = adjusted.get(key, 0) + one.amount_minor
    rows = []
    rate, unit = rules.held_rate
    for (position, manager, _), before, left in zip(lines, accrued, kept, strict=True):
        by_hand = adjusted.pop((position, manager), 0) if adjusted else 0
        earned, free = left + by_hand, released[position]
        held = 0 if free else round_ratio(left * rate, unit)
        stage = rules.ids[position]
        rows.append(Row(manager, stage, before, left - before, by_hand, earned, held, free, earned - held))
    if adjusted:
        for (position, manager), amount in adjusted.items():
            stage = rules.ids[position]
            rows.append(Row(manager, stage, 0, 0, amount, amount, 0, released[position], amount))
        rows.sort(key=lambda row: (rules.position[row.stage], row.manager))
    return tuple(rows)


def _excluded(
    rules: Rules,
    reached: Sequence[Reached | None],
    basis: int,
    lines: Sequence[Line],
    accrued: Sequence[int],
    kept: Sequence[int],
) -> tuple[Excluded, ...]:
    """Why a stage's part is not wholly earned; the first reason that holds."""
    clawed = _less(lines, kept, accrued) if kept is not accrued else ()
    shares = [share for _, _, share in lines]
    cut = _less(lines, accrued, shares) if sum(accrued) < sum(shares) else ()
    excluded = []
    for position, stage in enumerate(reached):
        if stage is None:
            excluded.append(rules.not_verified[position])
        elif stage.too_late or position in clawed:
            excluded.append(Excluded(rules.ids[position], "cancelled"))
        elif missing(rules, reached, position):
            excluded.append(Excluded(rules.ids[position], "requires_not_verified"))
        elif basis <= 0:
            excluded.append(Excluded(rules.ids[position], "no_basis"))
        elif position in cut:
            excluded.append(Excluded(rules.ids[position], "cut_by_cap"))
    return tuple(excluded)


def _less(lines: Sequence[Line], after: Sequence[int], before: Sequence[int]) -> set[int]:
    """The stages in which some line came down."""
    return {position for (position, _, _), now, was in zip(lines, after, before, strict=True) if now < was}
