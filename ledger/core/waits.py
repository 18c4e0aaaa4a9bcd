"""Why not: what a stage of a deal, or somebody's part of it, waits for.

Here are the reasons that the engine finds, from the facts alone; `ledger.waits` adds those of the books. As
in a working, a reason is a step: a rule with words, its numbers, and the plan's key or the fact it rests on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Literal, NamedTuple

from ledger.core.facts import Fact, Milestone
from ledger.core.outcome import Excluded, Row
from ledger.core.sentences import FIGURES
from ledger.core.target import Target
from ledger.core.workings import Number, Step, both, ended, listed, named

Why = Literal[
    "not_verified",
    "wrong_period",
    "requires_not_verified",
    "no_basis",
    "cancelled",
    "cut_by_cap",
    "held",
    "year_cap",
    "on_hold",
    "in_dispute",
    "carried_forward",
    "below_minimum",
    "no_bank_account",
    "account_unconfirmed",
    "no_invoice",
    "no_agreement",
    "withheld_whole",
    "next_payout",
]


class Wait(NamedTuple):
    """One reason. An empty `manager` is everybody in the stage, an empty `stage` all that one is owed."""

    why: Why
    stage: str
    manager: str
    step: Step

    @property
    def amount_minor(self) -> int:
        """How much of what is owed it is about."""
        numbers = self.step.numbers
        return int(numbers.get("amount_minor", numbers.get("payable_minor", 0)))

    def to_data(self) -> dict[str, Any]:
        """As JSON takes it; amounts are minor units under names that end in `_minor`."""
        rule, numbers, source = self.step.rule, dict(self.step.numbers), self.step.source
        where = {"why": self.why, "stage": self.stage, "manager": self.manager}
        return where | {"rule": rule, "numbers": numbers, "source": source}


def reasons(result: Target) -> dict[str, Step]:
    """Why each excluded stage earns nothing, or not its whole part."""
    return {excluded.stage: _reason(result, excluded) for excluded in result.excluded}


def of_target(result: Target, known: Iterable[Fact] = ()) -> list[Wait]:
    """What every stage, and every part of it that is held, waits for, in order of the plan's stages.

    `known` may have facts after the target's day: a stage reached later is not of its period.
    """
    later = _later(result, known)
    found = [_excluded(result, one, later) for one in result.excluded]
    found += [_held(result, row) for row in result.rows if row.held_minor]
    position = result.workings.rules.position
    return sorted(found, key=lambda wait: (position[wait.stage], wait.manager))


def _excluded(result: Target, excluded: Excluded, later: dict[str, Milestone]) -> Wait:
    if excluded.why == "not_verified" and excluded.stage in later:
        return Wait("wrong_period", excluded.stage, "", _wrong_period(result, later[excluded.stage]))
    return Wait(excluded.why, excluded.stage, "", _reason(result, excluded))


def _later(result: Target, known: Iterable[Fact]) -> dict[str, Milestone]:
    """The first milestone of each stage that comes after the target's day."""
    found: dict[str, Milestone] = {}
    for fact in known:
        if isinstance(fact, Milestone) and fact.on > result.workings.as_of:
            there = found.get(fact.stage)
            found[fact.stage] = fact if there is None or fact.on < there.on else there
    return found


def _wrong_period(result: Target, milestone: Milestone) -> Step:
    numbers = _stage(result, milestone.stage) | {
        "on": str(milestone.on),
        "period": f"{milestone.on:%Y-%m}",
        "as_of": str(result.workings.as_of),
    }
    return Step("why.wrong_period", numbers, f"fact milestone {milestone.stage} {milestone.on}")


def _stage(result: Target, stage: str) -> dict[str, Number]:
    rules = result.workings.rules
    return named(rules.plan.stages[rules.position[stage]])


def _reason(result: Target, excluded: Excluded) -> Step:
    numbers, source = _stage(result, excluded.stage), f"plan stages.{excluded.stage}"
    made = result.workings
    if excluded.why == "no_basis":
        return _no_basis(result, numbers)
    if excluded.why == "requires_not_verified":
        numbers |= listed(made, made.missing(excluded.stage))
        source += ".requires"
    elif excluded.why == "cut_by_cap":
        numbers["cap_minor"] = made.rules.plan.cap_per_deal_minor or 0
        source = "plan caps.per_manager_per_deal"
    elif excluded.why == "cancelled" and result.cancelled:
        numbers |= ended(made, result.cancelled)
        source = f"plan clawback {result.cancelled.reason}"
    return Step(f"why.{excluded.why}", numbers, source)


def _no_basis(result: Target, numbers: dict[str, Number]) -> Step:
    """Nothing received, invoiced or stated: whichever it is of the plan's figures that is least."""
    made = result.workings
    at = made.bases_minor.index(result.basis_minor)
    basis = made.rules.plan.pool.bases[at]
    numbers = numbers | {"basis_minor": result.basis_minor, "as_of": str(made.as_of)}
    if basis in FIGURES:
        figure = FIGURES[basis]
        return Step("why.not_stated", numbers | both("figure", figure.zh, figure.en), f"fact {basis}")
    up_minor, down_minor, _ = made.sums.fees(basis)
    numbers |= {"up_minor": up_minor, "down_minor": down_minor}
    return Step(f"why.no_{basis}", numbers, f"fact {basis}")


def _held(result: Target, row: Row) -> Wait:
    """Held until a stage or a day."""
    made = result.workings
    holdback, stage = made.rules.plan.holdback, made.reached[made.rules.position[row.stage]]
    numbers = _stage(result, row.stage) | {"held_minor": row.held_minor}
    if holdback is not None and holdback.stage is not None:
        title = made.rules.plan.stages[made.rules.position[holdback.stage]].title
        numbers |= both("release", title.zh, title.en)
        return Wait("held", row.stage, row.manager, Step("why.held_until_stage", numbers, "plan holdback"))
    if holdback is not None and stage is not None:
        numbers["until"] = str(stage.since + timedelta(days=holdback.days or 0))
    return Wait("held", row.stage, row.manager, Step("why.held_until_day", numbers, "plan holdback"))


def at(found: Iterable[Wait], stage: str, manager: str = "") -> Iterator[Wait]:
    """Of some reasons, those of a stage: everybody's, or one manager's own."""
    return (wait for wait in found if (wait.stage, wait.manager) == (stage, manager))
