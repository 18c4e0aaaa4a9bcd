"""What is odd about a plan that may stand: `plan check` says it before anybody is paid by it.

Each finding is a step like those of a working (a rule, its numbers, its source), with a level: an `error`
where nobody could earn anything, a `warning` where somebody will be surprised, a `note` where something
has no effect. `Seen` adds what the plan would have done on the deals in the books.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from graphlib import CycleError, TopologicalSorter
from typing import Literal, NamedTuple

from ledger.core.earning import pool_of, unclipped_pool
from ledger.core.errors import Refused
from ledger.core.facts import DealFacts
from ledger.core.lint_words import FINDINGS
from ledger.core.money import format_rate, split
from ledger.core.plan import NO_CLAWBACK, Plan, Stage
from ledger.core.plan_file import PlanFile
from ledger.core.rules import Rules, compile_plan
from ledger.core.target import Target, target
from ledger.core.workings import Lang, Number, Step, render
from ledger.core.year_cap import accrued_by_year, relief

Level = Literal["error", "warning", "note"]


class Finding(NamedTuple):
    """One oddity. `step.source` is the part of the plan, such as `pool.cap` or `stages.completion`."""

    level: Level
    step: Step

    def say(self, lang: Lang, currency: str) -> str:
        """The finding as a sentence."""
        return render(self.step, lang, currency, words=FINDINGS)


@dataclass
class Seen:
    """What a plan would have done on deals of the books, one `add` each."""

    deals: int = 0
    pools: int = 0  # deals with a basis above zero
    floored: int = 0  # pools raised to the floor
    capped: int = 0  # pools cut to the cap
    earners: int = 0  # managers on deals who earned anything
    cut: int = 0  # of them, those cut by the cap on the deal
    largest_pool_minor: int = 0
    largest_parts_minor: dict[str, int] = field(default_factory=dict)  # by stage
    years: int = 0  # managers' calendar years
    years_cut: int = 0  # of them, those above the cap on the year
    refused: int = 0  # deals that the plan is not for

    def add(self, result: Target) -> None:
        """Count one deal in."""
        made = result.workings
        self.deals += 1
        before: dict[str, int] = {}
        after: dict[str, int] = {}
        for (_, manager, minor), accrued in zip(made.lines, made.accrued_minor, strict=True):
            before[manager] = before.get(manager, 0) + minor
            after[manager] = after.get(manager, 0) + accrued
        self.earners += sum(1 for minor in before.values() if minor)
        self.cut += sum(1 for manager, minor in before.items() if after[manager] < minor)
        if result.basis_minor > 0:
            self._add_pool(result)

    def _add_pool(self, result: Target) -> None:
        made = result.workings
        free = unclipped_pool(made.rules, result.basis_minor, made.by_year)
        self.pools += 1
        self.floored += result.pool_minor > free
        self.capped += result.pool_minor < free
        self.largest_pool_minor = max(self.largest_pool_minor, result.pool_minor)
        for stage, part in zip(made.rules.ids, made.parts_minor, strict=True):
            self.largest_parts_minor[stage] = max(part, self.largest_parts_minor.get(stage, 0))


def watch(file: PlanFile, history: Iterable[DealFacts], as_of: date) -> Seen:
    """What the plan would have done on these deals by a day."""
    seen = Seen()
    years: dict[tuple[str, int], int] = {}
    for facts in history:
        try:
            file.admit(facts.deal)
            result = target(file.plan, facts, as_of)
        except Refused:
            seen.refused += 1
            continue
        seen.add(result)
        for key, minor in accrued_by_year(file.plan, facts, as_of).items():
            years[key] = years.get(key, 0) + minor
    earned = [minor for minor in years.values() if minor > 0]
    seen.years = len(earned)
    seen.years_cut = sum(1 for minor in earned if relief(minor, file.plan.cap_per_year_minor))
    return seen


def check(plan: Plan, seen: Seen | None = None) -> list[Finding]:
    """Everything odd about the plan; with `seen`, also what never or always happened."""
    found = [
        *_chain(plan),
        *_pool(plan),
        *_awards(plan),
        *_caps(plan),
        *_holdback(plan),
        *_clawback(plan),
        *_grades(plan),
    ]
    if seen is not None:
        found += _history(plan, seen)
    return found


def _error(rule: str, source: str, /, **numbers: Number) -> Finding:
    return Finding("error", Step(rule, numbers, source))


def _warning(rule: str, source: str, /, **numbers: Number) -> Finding:
    return Finding("warning", Step(rule, numbers, source))


def _note(rule: str, source: str, /, **numbers: Number) -> Finding:
    return Finding("note", Step(rule, numbers, source))


def _named(stage: Stage) -> dict[str, Number]:
    return {"stage_zh": stage.title.zh, "stage_en": stage.title.en}


# The stages


def _chain(plan: Plan) -> Iterator[Finding]:
    order = {stage.id: position for position, stage in enumerate(plan.stages)}
    circle = _circle(plan)
    for position, stage in enumerate(plan.stages):
        source = f"stages.{stage.id}"
        if stage.id in circle:
            yield _error("unreachable", source, **_named(stage))
        for later in stage.requires:
            if order.get(later, -1) > position and not plan.stages[order[later]].gate:
                other = plan.stages[order[later]]
                yield _warning(
                    "requires_later",
                    source,
                    **_named(stage),
                    later_zh=other.title.zh,
                    later_en=other.title.en,
                )
        if not stage.weight and not stage.award_minor and not stage.gate:
            yield _warning("stage_earns_nothing", source, **_named(stage))
    if plan.stages and plan.stages[-1].gate:
        yield _warning("gate_opens_nothing", f"stages.{plan.stages[-1].id}", **_named(plan.stages[-1]))


def _circle(plan: Plan) -> list[str]:
    """Stages that wait for each other for ever. A plan read from a file has none."""
    try:
        TopologicalSorter({stage.id: plan.requires(stage) for stage in plan.stages}).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


# The pool


def _pool(plan: Plan) -> Iterator[Finding]:
    pool, rules = plan.pool, compile_plan(plan)
    rates = [*(bracket.rate for bracket in pool.brackets), *(pool.years.rates if pool.years else ())]
    if pool.cap_minor == 0:
        yield _error("pool_cap_zero", "pool.cap")
    elif not any(rates) and not pool.floor_minor:
        yield _error("rates_zero", "pool")
    if pool.floor_minor and pool.floor_minor == pool.cap_minor:
        yield _warning("floor_is_cap", "pool.floor", pool_minor=pool.floor_minor)
    elif pool.years and not pool.years.rates[-1] and any(rates):
        yield _note("years_end", "pool.years", year=len(pool.years.rates))
    if len(pool.brackets) > 1:
        yield from _tiers(rules)


def _tiers(rules: Rules) -> Iterator[Finding]:
    """Each bracket against the one before it."""
    pool, source = rules.plan.pool, "pool.tiers"
    ends: list[int | None] = [*(bracket.from_minor for bracket in pool.brackets[1:]), None]
    for number, (bracket, end) in enumerate(zip(pool.brackets, ends, strict=True)):
        start = bracket.from_minor
        before = pool.brackets[number - 1].rate if number else None
        if number and pool_of(rules, start) < pool_of(rules, start - 1):
            yield _inversion(rules, start)
        if bracket.rate == before:
            yield _note("same_rate", source, start_minor=start, rate=format_rate(bracket.rate))
        if not bracket.rate and before:
            yield _warning("slice_of_nothing", source, start_minor=start)
        if number and pool.cap_minor is not None and unclipped_pool(rules, start, ()) >= pool.cap_minor:
            yield _warning("beyond_cap", source, start_minor=start, cap_minor=pool.cap_minor)
        if end and pool.floor_minor and unclipped_pool(rules, end - 1, ()) <= pool.floor_minor:
            yield _warning("below_floor", source, end_minor=end, floor_minor=pool.floor_minor)


def _inversion(rules: Rules, start: int) -> Finding:
    """Where one fen more makes the pool smaller, by how much, and from where on it is made up."""
    before, after = pool_of(rules, start - 1), pool_of(rules, start)
    numbers: dict[str, Number] = {
        "below_minor": start - 1,
        "start_minor": start,
        "before_minor": before,
        "after_minor": after,
        "less_minor": before - after,
    }
    even = _even_again(rules, start, before)
    if even is None:
        return _warning("inversion_for_ever", "pool.tiers", **numbers)
    return _warning("inversion", "pool.tiers", **numbers, even_minor=even)


def _even_again(rules: Rules, start: int, wanted: int) -> int | None:
    """The least basis from `start` on whose pool is what it was below, under whole tiers."""
    pool = rules.plan.pool
    ends: list[int | None] = [*(bracket.from_minor for bracket in pool.brackets[1:]), None]
    for bracket, end in zip(pool.brackets, ends, strict=True):
        if bracket.from_minor >= start and bracket.rate:
            # round(rate x basis) >= wanted, halves up: rate x basis >= wanted - 1/2
            rate = bracket.rate
            least = -(-(2 * wanted - 1) * rate.denominator // (2 * rate.numerator))
            basis = max(least, bracket.from_minor)
            if (end is None or basis < end) and pool_of(rules, basis) >= wanted:
                return basis
    return None


# Awards and caps


def _awards(plan: Plan) -> Iterator[Finding]:
    cap_minor = plan.pool.cap_minor
    total = sum(stage.award_minor for stage in plan.stages)
    if cap_minor is None or not cap_minor:
        return
    for stage, part in zip(plan.stages, _parts(plan, cap_minor), strict=True):
        if stage.weight and stage.award_minor > part:
            yield _warning(
                "award_above_part",
                f"stages.{stage.id}",
                **_named(stage),
                award_minor=stage.award_minor,
                part_minor=part,
                cap_minor=cap_minor,
            )
    if total > cap_minor:
        yield _warning("awards_above_cap", "pool.cap", awards_minor=total, cap_minor=cap_minor)


def _parts(plan: Plan, pool_minor: int) -> Sequence[int]:
    return split(pool_minor, [stage.weight for stage in plan.stages])


def _most(plan: Plan, pool_minor: int) -> int:
    """What one who does everything earns of a pool, awards included."""
    parts = zip(plan.stages, _parts(plan, pool_minor), strict=True)
    return sum(max(stage.award_minor, part) for stage, part in parts)


def _caps(plan: Plan) -> Iterator[Finding]:
    pool, deal, year = plan.pool, plan.cap_per_deal_minor, plan.cap_per_year_minor
    for cap_minor, source in ((deal, "caps.per_manager_per_deal"), (year, "caps.per_manager_per_year")):
        if cap_minor == 0:
            yield _error("cap_zero", source)
    if deal and pool.cap_minor and deal >= _most(plan, pool.cap_minor):
        most = _most(plan, pool.cap_minor)
        yield _warning("cap_never", "caps.per_manager_per_deal", cap_minor=deal, most_minor=most)
    if deal and pool.floor_minor and deal <= _most(plan, pool.floor_minor):
        least = _most(plan, pool.floor_minor)
        yield _warning("cap_always", "caps.per_manager_per_deal", cap_minor=deal, least_minor=least)
    if deal and year and year <= deal:
        yield _warning("year_below_deal", "caps.per_manager_per_year", year_minor=year, deal_minor=deal)


# The rest


def _holdback(plan: Plan) -> Iterator[Finding]:
    holdback = plan.holdback
    if holdback is None:
        return
    if not holdback.rate:
        yield _note("holds_nothing", "holdback.rate")
    elif holdback.rate == 1:
        yield _warning("holds_everything", "holdback.rate")
    if holdback.stage is not None and holdback.stage == plan.stages[0].id and len(plan.stages) > 1:
        yield _warning("released_first", "holdback.release", **_named(plan.stages[0]))


def _clawback(plan: Plan) -> Iterator[Finding]:
    gates = [stage for stage in plan.stages if stage.gate]
    if gates and plan.on_cancel("gate_failed") is NO_CLAWBACK:
        yield _warning("gate_takes_nothing", f"stages.{gates[0].id}", **_named(gates[0]))
    if not gates and "gate_failed" in plan.clawback:
        yield _warning("no_gate_to_fail", "clawback.gate_failed")
    if plan.clawback and "default" not in plan.clawback:
        yield _note("no_default", "clawback")
    if not any(stage.award_minor for stage in plan.stages):
        for reason, clawback in plan.clawback.items():
            if clawback.keep_awards:
                yield _note("no_awards_to_keep", f"clawback.{reason}", reason=reason)


def _grades(plan: Plan) -> Iterator[Finding]:
    if len(set(plan.grades.values()) | {1}) == 1 and plan.grades:
        yield _note("grades_alike", "grades")


# What the books tell


def _history(plan: Plan, seen: Seen) -> Iterator[Finding]:
    if not seen.deals:
        if seen.refused:
            yield _warning("when_refuses_all", "when", deals=seen.refused)
        return
    pool, counts = plan.pool, {"deals": seen.pools}
    largest: dict[str, Number] = {"largest_minor": seen.largest_pool_minor}
    for name, bound_minor, bound in (
        ("floor", pool.floor_minor, seen.floored),
        ("cap", pool.cap_minor, seen.capped),
    ):
        if bound_minor is not None and seen.pools and bound in (0, seen.pools):
            rule = f"{name}_{'always' if bound else 'never'}_bound"
            yield _warning(rule, f"pool.{name}", bound_minor=bound_minor, **counts, **largest)
    yield from _history_of_caps(plan, seen)
    for stage in plan.stages:
        part = seen.largest_parts_minor.get(stage.id, 0)
        if stage.weight and stage.award_minor > part and seen.pools:
            yield _warning(
                "award_above_all_parts",
                f"stages.{stage.id}",
                **_named(stage),
                award_minor=stage.award_minor,
                part_minor=part,
                **counts,
            )


def _history_of_caps(plan: Plan, seen: Seen) -> Iterator[Finding]:
    for over, cap_minor, cut, of in (
        ("deal", plan.cap_per_deal_minor, seen.cut, seen.earners),
        ("year", plan.cap_per_year_minor, seen.years_cut, seen.years),
    ):
        source = f"caps.per_manager_per_{over}"
        if cap_minor is not None and of and cut in (0, of):
            rule = f"{over}_cap_{'always' if cut else 'never'}_bound"
            yield _warning(rule, source, cap_minor=cap_minor, count=of)
