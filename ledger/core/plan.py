"""A plan (佣金方案): how large a deal's pool is, how it is divided, what is held, capped, taken back.

Values only; `read_plan` makes one from the file format of docs/PLANS.md.
Money is in minor units of the plan's currency, rates and shares are exact fractions.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

Basis = Literal[
    "contract_amount", "transaction_amount", "net_income", "stake_value", "fee_invoiced", "fee_received"
]
BASES: tuple[Basis, ...] = (
    "contract_amount",
    "transaction_amount",
    "net_income",
    "stake_value",
    "fee_invoiced",
    "fee_received",
)
TierMode = Literal["marginal", "whole"]
Take = Literal["none", "unpaid", "all"]


@dataclass(frozen=True, slots=True)
class Title:
    """A name in both languages; either may stand in for the other."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Bracket:
    """From `from_minor` (inclusive) up to the next bracket's (exclusive), at `rate`."""

    from_minor: int
    rate: Fraction


@dataclass(frozen=True, slots=True)
class Years:
    """A rate for the fees of each year since a stage was reached (Civil Code, art. 846: 逐年递增、递减).

    The last rate goes on. While the stage is not reached, every fee is of the first year.
    """

    since: str  # the stage
    rates: tuple[Fraction, ...]

    def rate(self, year: int) -> Fraction:
        """The rate of the `year`-th year, from 1."""
        return self.rates[min(year, len(self.rates)) - 1]


@dataclass(frozen=True, slots=True)
class Pool:
    """The commission of the whole deal: `clip(rate, tiers or years on the basis, floor, cap)`."""

    bases: tuple[Basis, ...]  # the least of them counts
    vat_included: bool
    mode: TierMode  # a plain rate is one marginal bracket from 0
    brackets: tuple[Bracket, ...]  # none where there are years
    floor_minor: int | None
    cap_minor: int | None
    years: Years | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One link of the chain; `weight` is its share as one of coprime whole numbers."""

    id: str
    title: Title
    share: Fraction
    weight: int
    award_minor: int
    requires: tuple[str, ...]
    evidence: tuple[str, ...]
    gate: bool = False  # passed, it opens the stages after it; failed, it ends the deal


def required(stage: Stage, stages: Sequence[Stage]) -> tuple[str, ...]:
    """The stages that one names, and every gate before it."""
    before = itertools.takewhile(lambda other: other.id != stage.id, stages)
    return tuple(dict.fromkeys([*stage.requires, *(other.id for other in before if other.gate)]))


@dataclass(frozen=True, slots=True)
class Holdback:
    """`rate` of every earning is held until `stage` is verified, or for `days`."""

    rate: Fraction
    stage: str | None
    days: int | None


@dataclass(frozen=True, slots=True)
class Clawback:
    """What is taken back when a deal is cancelled."""

    take: Take
    keep_awards: bool


NO_CLAWBACK = Clawback(take="none", keep_awards=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """One version of a plan, whole and checked."""

    id: str
    title: Title
    currency: str
    pool: Pool
    stages: tuple[Stage, ...]
    grades: Mapping[str, Fraction] = field(default_factory=dict)  # empty: every grade counts 100%
    holdback: Holdback | None = None
    cap_per_deal_minor: int | None = None
    cap_per_year_minor: int | None = None
    clawback: Mapping[str, Clawback] = field(default_factory=dict)  # by reason; "default" for the rest
    when: str | None = None  # CEL over `deal`

    def requires(self, stage: Stage) -> tuple[str, ...]:
        """What must be verified before a stage earns more than its award: gates before it included."""
        return required(stage, self.stages)

    def on_cancel(self, reason: str) -> Clawback:
        """The clawback for a reason: its own, else the default, else none."""
        return self.clawback.get(reason) or self.clawback.get("default") or NO_CLAWBACK
