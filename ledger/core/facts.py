"""Facts about one deal (成果转化项目), in any order; together they are the engine's whole input.

Values only; `read_facts` makes them from the file format of docs/PLANS.md, and the ledger makes
the same values from its tables. Money is in minor units, dates are days in Asia/Shanghai.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Literal

Statement = Literal["contract_amount", "transaction_amount", "net_income", "stake_value"]
FeeKind = Literal["fee_invoiced", "fee_credited", "fee_received", "fee_refunded"]


@dataclass(frozen=True, slots=True)
class Participant:
    """Who took part in a milestone: `weight` against the others', and the grade held on that day."""

    manager: str
    weight: Fraction | int  # a whole one is kept as int, which is quicker to reckon with
    grade: str | None = None

    def __post_init__(self) -> None:
        if self.weight.denominator == 1:
            object.__setattr__(self, "weight", self.weight.numerator)


@dataclass(frozen=True, slots=True)
class Milestone:
    """A verified milestone (里程碑). The latest of a stage gives its participants whole."""

    on: date
    stage: str
    participants: tuple[Participant, ...]  # in order of manager id by code points
    seq: int = 0


@dataclass(frozen=True, slots=True)
class MilestoneWithdrawn:
    """Undoes the milestones of `stage` dated on or before it."""

    on: date
    stage: str
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Stated:
    """A figure as stated on a day; the latest of each `what` counts.

    (`contract`, `net_income`, `stake_valued`)
    """

    on: date
    what: Statement
    amount_minor: int
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Fee:
    """A brokerage fee invoiced, credited (red invoice), received or refunded; all of them add up.

    `tax_minor` is the VAT inside `amount_minor`, already worked out from the fact's own tax or
    tax rate or else the deal's; 0 where there is none. `year` is the year of a running share that it
    is for (1 is the first), where that is not the year of its day.
    """

    on: date
    kind: FeeKind
    amount_minor: int
    tax_minor: int = 0
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """Paid to a manager on this deal, gross; what is in transit counts. Negative when returned."""

    on: date
    manager: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The deal died. `reason` picks the plan's clawback."""

    on: date
    reason: str
    seq: int = 0


@dataclass(frozen=True, slots=True)
class GateFailed:
    """A gate was not passed: the deal ends, as if cancelled for the reason `gate_failed`."""

    on: date
    stage: str
    seq: int = 0

    @property
    def reason(self) -> str:
        """What picks the plan's clawback."""
        return "gate_failed"


@dataclass(frozen=True, slots=True)
class Reinstated:
    """Undoes the cancellations and failed gates before it."""

    on: date
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Adjustment:
    """An amount added by hand to one manager's stage, after everything else, with its reason."""

    on: date
    manager: str
    stage: str
    amount_minor: int
    reason: str


Fact = Milestone | MilestoneWithdrawn | Stated | Fee | Paid | Cancelled | GateFailed | Reinstated | Adjustment
Ending = Cancelled | GateFailed


@dataclass(frozen=True, slots=True)
class Deal:
    """What is known of a deal before anything happens."""

    id: str
    category: str | None = None
    mode: str | None = None
    expected_fee_minor: int | None = None  # VAT included, as it would be invoiced
    tax_rate: Fraction | None = None
    title: str | None = None
    client: str | None = None  # the enterprise that pays the fee
    source: str | None = None  # the university or institute the result comes from
    opened_on: date | None = None  # the day the deal was opened from its need


@dataclass(frozen=True, slots=True)
class Manager:
    """A technology manager (技术经理人) as a facts file names one."""

    id: str
    name: str
    grade: str | None = None


@dataclass(frozen=True, slots=True)
class DealFacts:
    """One deal and everything that happened to it. The order of `facts` means nothing."""

    deal: Deal
    facts: tuple[Fact, ...]
    managers: Mapping[str, Manager] = field(default_factory=dict)
