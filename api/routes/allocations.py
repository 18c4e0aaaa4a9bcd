"""Allocations (分配): what everyone should have earned on a deal, and the steps from fact to fen."""

from __future__ import annotations

from pydantic import Field

from api.values import Answer, Day
from ledger.allocations import Allocations
from ledger.core.money import format_minor
from ledger.core.waits import Wait, Why, of_target


class Words(Answer):
    """A text in both languages."""

    zh: str
    en: str


class Because(Answer):
    """The steps of a working as sentences, in both languages."""

    zh: list[str]
    en: list[str]


class StepAnswer(Answer):
    """One step as data. Amounts are whole minor units, under names that end in `_minor`."""

    rule: str = Field(examples=["pool.rate"])
    numbers: dict[str, int | str] = Field(
        examples=[{"rate": "40%", "basis_minor": 2400000, "pool_minor": 960000}]
    )
    source: str = Field(examples=["plan pool.rate"])


class WaitAnswer(StepAnswer):
    """What a stage, or what one manager has of it, waits for: why it is not earned, or not paid."""

    why: Why
    stage: str = Field(description="Empty: all that the manager is owed.")
    manager: str = Field(description="Empty: everybody in the stage.")
    because: Words


class Allocation(Answer):
    """One manager's standing in one stage, before any payout."""

    manager: str
    stage: str
    earned: str = Field(examples=["1440.00"])
    held: str = Field(examples=["144.00"])
    payable: str = Field(examples=["1296.00"])
    because: Because
    steps: list[StepAnswer] = Field(description="The same steps as data, in the same order.")


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
    waits: list[WaitAnswer] = Field(
        description="Why not. Of a day that is not today, only what the facts themselves say."
    )

    @classmethod
    def of(cls, found: Allocations) -> AllocationsAnswer:
        """The allocations as they are answered."""
        goal = found.goal
        reasons = {wait.stage: wait for wait in of_target(goal) if not wait.manager}

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
                    steps=[StepAnswer(**step) for step in found.steps(row)],
                )
                for row in found.rows
            ],
            excluded=[
                Excluded(
                    stage=one.stage,
                    why=one.why,
                    because=_words(found, reasons[one.stage]),
                )
                for one in goal.excluded
            ],
            waits=[WaitAnswer(**one.to_data(), because=_words(found, one)) for one in found.waits],
        )


def _words(found: Allocations, wait: Wait) -> Words:
    return Words(zh=found.said(wait, "zh"), en=found.said(wait, "en"))
