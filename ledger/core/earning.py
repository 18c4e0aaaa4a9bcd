"""Rules 2 to 6: from the basis to what each participant of each stage accrues, under the cap on the deal."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from ledger.core.basis import ByYear
from ledger.core.money import round_ratio, split_coprime
from ledger.core.reached import Reached
from ledger.core.rules import Rules

# What a participant's share of a stage comes to before the cap: (position of the stage, manager, minor)
Line = tuple[int, str, int]
Accrual = tuple[int, tuple[int, ...], tuple[Line, ...], tuple[int, ...], tuple[int, ...]]


def accrue(rules: Rules, reached: Sequence[Reached | None], basis: int, by_year: ByYear) -> Accrual:
    """(pool, its parts by stage, the participants' lines and shares, the same under the cap)."""
    pool = pool_of(rules, basis, by_year)
    parts = split_coprime(pool, rules.weights)
    lines = _lines(rules, reached, parts)
    shares = tuple([line[2] for line in lines])
    return pool, parts, lines, shares, _capped(rules.plan.cap_per_deal_minor, lines, shares)


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
        if stage is None:
            continue
        milestone, weights, _, too_late = stage
        earning = 0 if too_late else _earning(rules, reached, position, parts[position])
        people = milestone.participants
        if len(people) == 1:
            lines.append((position, people[0].manager, earning))
        else:
            shares = split_coprime(earning, weights)
            lines += [(position, one.manager, share) for one, share in zip(people, shares, strict=True)]
    return tuple(lines)


def _earning(rules: Rules, reached: Sequence[Reached | None], position: int, part: int) -> int:
    """Rule 4: the award or the part, whichever is more; the award alone where a required stage is missing."""
    award = rules.awards[position]
    if part <= award or (rules.requires[position] and missing(rules, reached, position)):
        return award
    return part


def missing(rules: Rules, reached: Sequence[Reached | None], position: int) -> tuple[str, ...]:
    """The stages that one requires and that are not verified (in time)."""
    there = {rules.ids[at] for at, stage in enumerate(reached) if stage and not stage.too_late}
    return tuple(stage for stage in rules.requires[position] if stage not in there)


def _capped(cap_minor: int | None, lines: Sequence[Line], shares: tuple[int, ...]) -> tuple[int, ...]:
    """Rule 6: each manager has the cap to fill, from the first stage on; so the last is cut first.

    The shares themselves, where nobody is cut.
    """
    if cap_minor is None or sum(shares) <= cap_minor:  # what all together keep to, each one does
        return shares
    return filled(lines, shares, {manager: cap_minor for _, manager, _ in lines})


def filled(lines: Sequence[Line], amounts: Sequence[int], room: dict[str, int]) -> tuple[int, ...]:
    """Each line's amount as far as its manager's room goes, first stages first. Uses the room up."""
    filled = []
    for (_, manager, _), amount in zip(lines, amounts, strict=True):
        filled.append(min(amount, room[manager]))
        room[manager] -= filled[-1]
    return tuple(filled)
