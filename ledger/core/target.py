"""What everyone should have earned on a deal: `target(plan, facts, as_of)`.

A pure function of the set of facts dated on or before `as_of`: their order means nothing, later ones
are as if unknown. It goes through the nine rules of a plan (docs/PLANS.md, which also says how they are
taken where they leave a choice), a room for each, each taking what the one before it made:

    known → reached → basis → earning → clawback → holdback → rows

All amounts are whole minor units of the plan's currency; only `ledger.core.money` rounds or splits. What
depends on the plan alone is worked out once (`rules.compile_plan`). The values made for every deal are
named tuples: they cost a third of a frozen dataclass, and a city's year has hundreds of thousands.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from ledger.core.basis import ByYear, Sums, added_up, bases_of, hoped_bases, hoped_years, year_by_year
from ledger.core.clawback import clawed_back, paid_by_manager
from ledger.core.earning import Line, accrue, missing
from ledger.core.facts import Adjustment, DealFacts, Ending
from ledger.core.holdback import released_by_stage
from ledger.core.known import known_by, new, standing_ending, standing_still
from ledger.core.money import round_ratio
from ledger.core.outcome import Excluded, Row
from ledger.core.plan import Plan
from ledger.core.reached import Reached, reached_by
from ledger.core.rules import Rules, compile_plan


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

    def missing(self, stage: str) -> tuple[str, ...]:
        """The stages that one requires and that are not verified in time."""
        return missing(self.rules, self.reached, self.rules.position[stage])


def target(plan: Plan, facts: DealFacts, as_of: date) -> Target:
    """What everyone should have earned, with the workings; Invalid where facts do not fit the plan."""
    rules = compile_plan(plan)
    known = known_by(facts.facts, as_of)
    cancelled = standing_ending(rules, known)
    reached = reached_by(rules, known, cancelled)

    counted = standing_still(known, cancelled) if cancelled else known
    sums = added_up(rules, counted)
    bases = bases_of(plan.pool, sums)
    basis = bases[0] if len(bases) == 1 else min(bases)
    by_year = year_by_year(rules, reached, counted.fees) if rules.year_rates else ()
    pool, parts, lines, shares, accrued = accrue(rules, reached, basis, by_year)
    paid = paid_by_manager(known) if cancelled else {}
    kept = clawed_back(rules, reached, lines, accrued, cancelled, paid) if cancelled else accrued
    released = released_by_stage(rules, reached, as_of, cancelled)
    rows = _rows(rules, lines, accrued, kept, released, known.adjustments)

    by_hand = _dated(known.adjustments) if known.adjustments else ()
    excluded = _excluded(rules, reached, basis, lines, shares, accrued, kept)
    made = (rules, as_of, sums, bases, by_year, parts, reached, lines, accrued, kept, paid, by_hand)
    workings = new(Workings, made)
    return new(Target, (basis, pool, rows, excluded, cancelled, workings))


def expected(plan: Plan, facts: DealFacts, as_of: date) -> dict[tuple[str, str], int]:
    """What each (manager, stage) verified by `as_of` would still earn at the deal's expected fee.

    Rules 1 to 6 once more, with the fee in place of the fees so far; never below zero; zero for all
    where the deal is cancelled or has no expected fee.
    """
    rules = compile_plan(plan)
    known = known_by(facts.facts, as_of)
    cancelled = standing_ending(rules, known)
    reached = reached_by(rules, known, cancelled)

    counted = standing_still(known, cancelled) if cancelled else known
    sums = added_up(rules, counted)
    basis = min(bases_of(plan.pool, sums))
    by_year = year_by_year(rules, reached, counted.fees) if rules.year_rates else ()
    _, _, lines, _, accrued = accrue(rules, reached, basis, by_year)
    hoped = accrued
    if cancelled is None and facts.deal.expected_fee_minor is not None:
        would_be = min(hoped_bases(plan.pool, sums, facts.deal))
        _, _, _, _, hoped = accrue(rules, reached, would_be, hoped_years(by_year, would_be - basis))
    return {
        (manager, rules.ids[position]): max(0, then - so_far)
        for (position, manager, _), then, so_far in zip(lines, hoped, accrued, strict=True)
    }


# Rule 9: adjustments, and the rows


def _dated(adjustments: Sequence[Adjustment]) -> tuple[Adjustment, ...]:
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
    rows, ids = [], rules.ids
    rate, unit = rules.held_rate
    for (position, manager, _), before, left in zip(lines, accrued, kept, strict=True):
        by_hand = adjusted.pop((position, manager), 0) if adjusted else 0
        earned, free = left + by_hand, released[position]
        held = 0 if free else round_ratio(left * rate, unit)
        row = (manager, ids[position], before, left - before, by_hand, earned, held, free, earned - held)
        rows.append(new(Row, row))
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
    shares: Sequence[int],
    accrued: Sequence[int],
    kept: Sequence[int],
) -> tuple[Excluded, ...]:
    """Why a stage's part is not wholly earned; the first reason that holds."""
    clawed = _less(lines, kept, accrued) if kept is not accrued else ()
    cut = _less(lines, accrued, shares) if accrued is not shares else ()
    excluded = []
    for position, stage in enumerate(reached):
        if stage is None:
            excluded.append(rules.not_verified[position])
        elif stage.too_late or position in clawed:
            excluded.append(Excluded(rules.ids[position], "cancelled"))
        elif rules.requires[position] and missing(rules, reached, position):
            excluded.append(Excluded(rules.ids[position], "requires_not_verified"))
        elif basis <= 0:
            excluded.append(Excluded(rules.ids[position], "no_basis"))
        elif position in cut:
            excluded.append(Excluded(rules.ids[position], "cut_by_cap"))
    return tuple(excluded)


def _less(lines: Sequence[Line], after: Sequence[int], before: Sequence[int]) -> set[int]:
    """The stages in which some line came down."""
    return {position for (position, _, _), now, was in zip(lines, after, before, strict=True) if now < was}
