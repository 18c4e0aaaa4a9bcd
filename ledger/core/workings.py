"""Why this amount: the steps from the facts to a manager's earning, as data, and in words.

    milestone → basis → bracket → pool → the stage's part → award → weight and grade → cap on the deal
    → clawback → holdback → adjustments → earned (→ less what is posted = posted now, added by the ledger)

A target carries its bare figures (`Target.workings`); `steps` reads them out for one (manager, stage) only
when somebody asks. A step has a stable `rule`, its `numbers` (amounts in minor units under names that end
in `_minor`; rates, weights and days as text) and its `source`: the key of the plan or the fact that it
rests on. `to_data` and `from_data` carry steps through JSON; `render` says one as a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any, Literal

from ledger.core.clawback import award_parts
from ledger.core.earning import Line, unclipped_pool
from ledger.core.errors import NotFound
from ledger.core.facts import Ending, GateFailed
from ledger.core.money import format_minor, format_rate
from ledger.core.outcome import Row
from ledger.core.plan import Basis, Stage, Years
from ledger.core.reached import Reached
from ledger.core.sentences import (
    AND,
    FIGURES,
    GATE_FAILED,
    NO_GRADE,
    REASONS,
    SENTENCES,
    Sentence,
    grade_named,
)
from ledger.core.target import Target, Workings

Lang = Literal["zh", "en"]
Number = int | str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a working."""

    rule: str  # a key of SENTENCES
    numbers: Mapping[str, Number]
    source: str  # "plan pool.rate", "fact fee_received"


def steps(result: Target, manager: str, stage: str) -> tuple[Step, ...]:
    """How the manager came to what they earned in the stage; NotFound where there is no such row."""
    row = next((row for row in result.rows if (row.manager, row.stage) == (manager, stage)), None)
    if row is None:
        raise NotFound("row_unknown", "{manager} has no row in stage {stage}", manager=manager, stage=stage)
    return tuple(_walk(result, row))


def less_posted(target_minor: int, posted_minor: int) -> Step:
    """The ledger's last step: what is in the books already is taken off."""
    numbers = {"posted_minor": posted_minor, "delta_minor": target_minor - posted_minor}
    return Step("posted", numbers, "books")


def render(
    step: Step,
    lang: Lang,
    currency: str,
    *,
    show: Callable[[int, str], str] = format_minor,
    words: Mapping[str, Sentence] = SENTENCES,
) -> str:
    """The step as one sentence; `show` writes its amounts, `words` are for rules that are no working's."""
    places: dict[str, Number] = {}
    for name, value in step.numbers.items():
        if name.endswith("_minor"):
            places[name.removesuffix("_minor")] = show(int(value), currency)
        elif name == "reason" and value in REASONS:
            places[name] = getattr(REASONS[str(value)], lang)
        else:
            places[name.removesuffix(f"_{lang}")] = value
    sentence = words[step.rule]
    return (sentence.zh if lang == "zh" else sentence.en).format(**places)


def sentences(steps: Sequence[Step], lang: Lang, currency: str) -> list[str]:
    """Every step as a sentence, in order."""
    return [render(step, lang, currency) for step in steps]


def to_data(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Steps as JSON takes them."""
    return [{"rule": step.rule, "numbers": dict(step.numbers), "source": step.source} for step in steps]


def from_data(data: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Steps as `to_data` wrote them."""
    return tuple(Step(one["rule"], one["numbers"], one["source"]) for one in data)


# The way of one row


def _walk(result: Target, row: Row) -> Iterator[Step]:
    made = result.workings
    at = made.rules.position[row.stage]
    index = next((i for i, line in enumerate(made.lines) if line[:2] == (at, row.manager)), None)
    stage = made.reached[at]
    yield _milestone(result, at)
    if stage and index is not None and not stage.too_late:
        yield from _basis(result)
        yield from _pool(result)
        yield from _part(made, at)
        yield _share(made, stage, made.lines[index])
        yield from _cap(made, made.lines[index], row)
        yield from _clawback(result, row, index)
        yield from _holdback(result, row, stage)
    yield from _adjustments(made, row)
    numbers = {
        "earned_minor": row.earned_minor,
        "held_minor": row.held_minor,
        "payable_minor": row.payable_minor,
    }
    yield Step("earned", numbers, "")


def _milestone(result: Target, at: int) -> Step:
    made = result.workings
    stage, reached = made.rules.plan.stages[at], made.reached[at]
    if reached is None:
        return Step("milestone.none", named(stage), f"plan stages.{stage.id}")
    numbers = {**named(stage), "on": str(reached.milestone.on)}
    source = f"fact milestone {stage.id} {reached.milestone.on}"
    if reached.too_late and result.cancelled:
        numbers["cancelled_on"] = str(result.cancelled.on)
        return Step("milestone.too_late", numbers, source)
    return Step("milestone", numbers, source)


def named(stage: Stage) -> dict[str, Number]:
    """A stage, as the place `stage`."""
    return {"stage_id": stage.id, **both("stage", stage.title.zh, stage.title.en)}


def both(place: str, zh: str, en: str) -> dict[str, Number]:
    """What has a name in each language."""
    return {f"{place}_zh": zh, f"{place}_en": en}


def listed(made: Workings, ids: Iterable[str]) -> dict[str, Number]:
    """The stages of those ids, by name, as the place `missing`."""
    titles = [made.rules.plan.stages[made.rules.position[one]].title for one in ids]
    return both("missing", AND.zh.join(one.zh for one in titles), AND.en.join(one.en for one in titles))


# Rules 1 and 2


def _basis(result: Target) -> Iterator[Step]:
    made = result.workings
    for basis, amount_minor in zip(made.rules.plan.pool.bases, made.bases_minor, strict=True):
        if basis in FIGURES:
            yield _stated(made, basis, amount_minor)
        else:
            yield _fees(made, basis, amount_minor)
    if len(made.bases_minor) > 1:
        yield Step("basis.least", {"basis_minor": result.basis_minor}, "plan pool.basis")
    if result.cancelled:
        rule = (
            "basis.stands_still_at_gate" if isinstance(result.cancelled, GateFailed) else "basis.stands_still"
        )
        yield Step(rule, ended(made, result.cancelled), _ending_source(result.cancelled))


def ended(made: Workings, ending: Ending) -> dict[str, Number]:
    """When the deal ended and why: in the plan's word for it, or by the gate that failed."""
    numbers: dict[str, Number] = {"on": str(ending.on)}
    if not isinstance(ending, GateFailed):
        return {**numbers, "reason": ending.reason}
    title = made.rules.plan.stages[made.rules.position[ending.stage]].title
    return numbers | both("reason", GATE_FAILED.zh.format(title.zh), GATE_FAILED.en.format(title.en))


def _ending_source(ending: Ending) -> str:
    return f"fact gate_failed {ending.stage}" if isinstance(ending, GateFailed) else "fact cancelled"


def _stated(made: Workings, basis: Basis, amount_minor: int) -> Step:
    figure, fact = FIGURES[basis], made.sums.stated.get(basis)
    numbers = both("figure", figure.zh, figure.en)
    if fact is None:
        return Step("basis.not_stated", {**numbers, "as_of": str(made.as_of)}, "plan pool.basis")
    numbers |= {"on": str(fact.on), "basis_minor": amount_minor}
    return Step("basis.stated", numbers, f"fact {basis} {fact.on}")


def _fees(made: Workings, basis: Basis, amount_minor: int) -> Step:
    up_minor, down_minor, tax_minor = made.sums.fees(basis)
    numbers: dict[str, Number] = {
        "as_of": str(made.as_of),
        "up_minor": up_minor,
        "down_minor": down_minor,
        "basis_minor": amount_minor,
    }
    if tax_minor and not made.rules.plan.pool.vat_included:
        return Step(f"basis.{basis}_without_vat", {**numbers, "tax_minor": tax_minor}, f"fact {basis}")
    return Step(f"basis.{basis}", numbers, f"fact {basis}")


def _pool(result: Target) -> Iterator[Step]:
    rules, basis_minor = result.workings.rules, result.basis_minor
    if basis_minor <= 0:
        yield Step("pool.none", {"basis_minor": basis_minor}, "plan pool")
        return
    pool_minor = unclipped_pool(rules, basis_minor, result.workings.by_year)
    if rules.plan.pool.years:
        yield from _years(result.workings, rules.plan.pool.years, pool_minor)
    else:
        yield from _brackets(result.workings, basis_minor, pool_minor)
    if result.pool_minor != pool_minor:
        bound = "floor" if result.pool_minor > pool_minor else "cap"
        yield Step(f"pool.{bound}", {"pool_minor": result.pool_minor}, f"plan pool.{bound}")


def _years(made: Workings, years: Years, pool_minor: int) -> Iterator[Step]:
    """A running share: since when years count, each year's fees at its rate, and their sum."""
    at = made.rules.position[years.since]
    stage, source = made.reached[at], "plan pool.years"
    about = named(made.rules.plan.stages[at])
    if stage is None or stage.too_late:
        yield Step("pool.years_not_begun", about, source)
    else:
        yield Step("pool.years_since", {**about, "on": str(stage.since)}, source)
    for year, slice_minor in made.by_year:
        rate = format_rate(years.rate(year))
        yield Step("pool.year", {"year": year, "slice_minor": slice_minor, "rate": rate}, source)
    yield Step("pool.slices", {"pool_minor": pool_minor}, source)


def _brackets(made: Workings, basis_minor: int, pool_minor: int) -> Iterator[Step]:
    pool = made.rules.plan.pool
    reached = [bracket for bracket in pool.brackets if bracket.from_minor <= basis_minor]
    last = reached[-1]
    numbers: dict[str, Number] = {
        "rate": format_rate(last.rate),
        "basis_minor": basis_minor,
        "pool_minor": pool_minor,
    }
    if len(pool.brackets) == 1:
        yield Step("pool.rate", numbers, "plan pool.rate")
    elif pool.mode == "whole":
        yield Step("pool.whole", {**numbers, "start_minor": last.from_minor}, "plan pool.tiers")
    else:
        ends = [*(bracket.from_minor for bracket in reached[1:]), basis_minor]
        for bracket, end_minor in zip(reached, ends, strict=True):
            slice_of: dict[str, Number] = {
                "start_minor": bracket.from_minor,
                "slice_minor": end_minor - bracket.from_minor,
                "rate": format_rate(bracket.rate),
            }
            yield Step("pool.slice", slice_of, "plan pool.tiers")
        yield Step("pool.slices", {"pool_minor": pool_minor}, "plan pool.tiers")


# Rules 3 to 6


def _part(made: Workings, at: int) -> Iterator[Step]:
    stage, part_minor = made.rules.plan.stages[at], made.parts_minor[at]
    source = f"plan stages.{stage.id}"
    waits = made.missing(stage.id)
    if waits:
        numbers = {**named(stage), **listed(made, waits), "award_minor": stage.award_minor}
        yield Step("part.waits", numbers, f"{source}.requires")
        return
    share = {**named(stage), "share": format_rate(stage.share), "part_minor": part_minor}
    yield Step("part", share, f"{source}.share")
    if stage.award_minor:
        rule = "award.ahead" if stage.award_minor > part_minor else "award.within"
        yield Step(rule, {"award_minor": stage.award_minor}, f"{source}.award")


def _share(made: Workings, stage: Reached, line: Line) -> Step:
    taking_part = stage.milestone.participants
    at, manager, share_minor = line
    source = f"fact milestone {stage.milestone.stage} {stage.milestone.on}"
    if len(taking_part) == 1:
        return Step("share.alone", {"share_minor": share_minor}, source)
    place = next(i for i, one in enumerate(taking_part) if one.manager == manager)
    one = taking_part[place]
    numbers: dict[str, Number] = {
        "weight": str(one.weight),
        "own": stage.weights[place],
        "all": sum(stage.weights),
        "earning_minor": sum(minor for position, _, minor in made.lines if position == at),
        "share_minor": share_minor,
    }
    grades = made.rules.plan.grades
    if not grades:
        return Step("share", numbers, source)
    factor = grades[one.grade] if one.grade is not None else Fraction(1)
    named = grade_named(one.grade) if one.grade is not None else NO_GRADE
    numbers |= {"factor": format_rate(factor), **both("grade", named.zh, named.en)}
    return Step("share.graded", numbers, source)


def _cap(made: Workings, line: Line, row: Row) -> Iterator[Step]:
    cap_minor = made.rules.plan.cap_per_deal_minor
    if cap_minor is None:
        return
    numbers = {"cap_minor": cap_minor, "accrued_minor": row.accrued_minor}
    rule = "cap.cut" if row.accrued_minor < line[2] else "cap.within"
    yield Step(rule, numbers, "plan caps.per_manager_per_deal")


# Rules 7 to 9


def _clawback(result: Target, row: Row, index: int) -> Iterator[Step]:
    if result.cancelled is None:
        return
    made, cancelled = result.workings, result.cancelled
    clawback = made.rules.plan.on_cancel(cancelled.reason)
    source = f"plan clawback {cancelled.reason}"
    numbers = ended(made, cancelled)
    if clawback.take == "none":
        yield Step("clawback.none", numbers, source)
        return
    if clawback.take == "unpaid":
        numbers["paid_minor"] = made.paid_minor.get(row.manager, 0)
    yield Step(f"clawback.{clawback.take}", numbers, source)
    award_minor = award_parts(made.rules, made.reached)[index]
    if clawback.keep_awards and award_minor:
        yield Step("clawback.award", {"award_minor": award_minor}, f"{source} keep_awards")
    yield Step(
        "clawback.kept", {"accrued_minor": row.accrued_minor, "kept_minor": made.kept_minor[index]}, source
    )


def _holdback(result: Target, row: Row, stage: Reached) -> Iterator[Step]:
    rules = result.workings.rules
    holdback = rules.plan.holdback
    if holdback is None:
        return
    source = "plan holdback"
    held: dict[str, Number] = {
        "rate": format_rate(holdback.rate),
        "kept_minor": row.accrued_minor + row.clawed_minor,
        "held_minor": row.held_minor,
    }
    if result.cancelled:
        yield Step("held.cancelled", {}, source)
    elif holdback.stage is not None:
        title = rules.plan.stages[rules.position[holdback.stage]].title
        rule = "held.stage_reached" if row.released else "held.until_stage"
        yield Step(rule, {**held, **both("release", title.zh, title.en)}, source)
    elif row.released:
        days: dict[str, Number] = {"days": holdback.days or 0, "since": str(stage.since)}
        yield Step("held.days_over", days, source)
    else:
        until = stage.since + timedelta(days=holdback.days or 0)
        yield Step("held.until_day", {**held, "until": str(until)}, source)


def _adjustments(made: Workings, row: Row) -> Iterator[Step]:
    for one in made.adjustments:
        if (one.manager, one.stage) == (row.manager, row.stage):
            numbers: dict[str, Number] = {
                "on": str(one.on),
                "amount_minor": one.amount_minor,
                "reason": one.reason,
            }
            yield Step("adjusted", numbers, f"fact adjustment {one.on}")
