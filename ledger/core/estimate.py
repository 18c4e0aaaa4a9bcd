"""What if it signs at X: what one manager would earn of a deal that goes through to its end.

The engine itself, over facts that have not happened: the whole fee invoiced and received, every stage
verified on the same day; of each stage the manager has a part, and the rest is somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from ledger.core.errors import Invalid
from ledger.core.facts import Deal, DealFacts, Fact, Fee, Milestone, Participant, Stated
from ledger.core.money import round_ratio
from ledger.core.plan import Plan
from ledger.core.rules import FEES
from ledger.core.target import Target, target

ME, OTHERS = "1", "2"  # in the order of managers


def estimate(
    plan: Plan,
    *,
    fee_minor: int,
    stated_minor: int | None = None,
    tax_rate: Fraction | None = None,
    parts: Mapping[str, int],
    grade: str | None,
    on: date,
) -> Target:
    """The target of such a deal; `parts` are the manager's hundredths of each stage, `ME` in the rows.

    `stated_minor` stands for every figure of the contract a plan's basis asks for; without it, the fee does.
    """
    if fee_minor <= 0:
        raise Invalid("expected_fee", "the expected fee is above zero")
    rate = tax_rate or Fraction(0)
    tax_minor = round_ratio(fee_minor * rate.numerator, rate.numerator + rate.denominator)
    stated = fee_minor if stated_minor is None else stated_minor
    facts: tuple[Fact, ...] = (
        *(Stated(on, basis, stated) for basis in plan.pool.bases if basis not in FEES),  # type: ignore[arg-type]
        Fee(on, "fee_invoiced", fee_minor, tax_minor),
        Fee(on, "fee_received", fee_minor, tax_minor),
        *(
            Milestone(on, stage.id, _people(parts.get(stage.id, 0), grade), seq)
            for seq, stage in enumerate(plan.stages, 1)
        ),
    )
    return target(plan, DealFacts(Deal("estimate", tax_rate=tax_rate), facts), on)


def _people(part: int, grade: str | None) -> tuple[Participant, ...]:
    if not 0 <= part <= 100:
        raise Invalid("estimate_part", "a part of a stage is from 0 to 100 per cent")
    weights = ((ME, part, grade), (OTHERS, 100 - part, None))
    return tuple(Participant(who, Fraction(weight), held) for who, weight, held in weights if weight)
