"""Allocations (分配): what everyone should have earned on a deal, and the steps from fact to fen."""

from __future__ import annotations

from pydantic import Field

from api.values import Answer, Day
from ledger.allocations import Allocations
from ledger.core.money import format_minor


class Words(Answer):
    """A text in both languages."""

    zh: str
    en: str


class Because(Answer):
    """The steps of a working as sentences, in both languages."""

    zh: list[str]
    en: list[str]


class Allocation(Answer):
    """One manager's standing in one stage, before any payout."""

    manager: str
    stage: str
    earned: str = Field(examples=["1440.00"])
    held: str = Field(examples=["144.00"])
    payable: str = Field(examples=["1296.00"])
    because: Because


class Excluded(Answer):
    """A stage that is not, or not wholly, earned."""

    stage: str
    why: str = Field(examples=["not_verified"])
    because: Words


class PoolAnswer(Answer):
    """The pool (佣金池) of the deal. What others have of it, a manager is not told."""

    basis: str = Field(examples=["24000.00"])
    amount: str = Field(examples=["9600.00"])
    allocated: str | None = Field(examples=["4320.00"])
    reserve: str | None = Field(examples=["5280.00"])


class AllocationsAnswer(Answer):
    """A deal's allocations on a day."""

    plan: str
    plan_version_id: str
    deal: str
    as_of: Day
    currency: str
    pool: PoolAnswer
    allocations: list[Allocation]
    excluded: list[Excluded]

    @classmethod
    def of(cls, found: Allocations) -> AllocationsAnswer:
        """The allocations as they are answered."""
        goal = found.goal

        def text(minor: int) -> str:
            return format_minor(minor, found.plan.currency)

        return cls(
            plan=found.plan.id,
            plan_version_id=found.plan_version_id,
            deal=found.deal.id,
            as_of=goal.workings.as_of,
            currency=found.plan.currency,
            pool=PoolAnswer(
                basis=text(goal.basis_minor),
                amount=text(goal.pool_minor),
                allocated=text(goal.allocated_minor) if found.whole else None,
                reserve=text(goal.reserve_minor) if found.whole else None,
            ),
            allocations=[
                Allocation(
                    manager=row.manager,
                    stage=row.stage,
                    earned=text(row.earned_minor),
                    held=text(row.held_minor),
                    payable=text(row.payable_minor),
                    because=Because(zh=found.why(row, "zh"), en=found.why(row, "en")),
                )
                for row in found.rows
            ],
            excluded=[
                Excluded(
                    stage=one.stage,
                    why=one.why,
                    because=Words(zh=found.why_not(one.stage, "zh"), en=found.why_not(one.stage, "en")),
                )
                for one in goal.excluded
            ],
        )
