"""A fact as it is answered: deals, fees and milestones make them, none is ever changed."""

from __future__ import annotations

from pydantic import Field

from api.values import Answer, Day, Instant
from ledger.core.money import format_minor
from ledger.facts import Fact


class FactAnswer(Answer):
    """One fact about one deal. A wrong one stays, and another corrects it."""

    id: str
    deal_id: str
    type: str = Field(examples=["fee_received"])
    on: Day
    ref: str
    amount: str | None = Field(default=None, examples=["25000.00"])
    tax: str | None = Field(default=None, description="The VAT inside the amount.")
    manager_id: str | None = None
    stage: str | None = None
    reason: str | None = None
    document: str | None = Field(default=None, description="The paper it is a part of.")
    corrects: str | None = Field(default=None, description="The fact it takes back.")
    recorded_by: str
    recorded_at: Instant

    @classmethod
    def of(cls, fact: Fact, currency: str) -> FactAnswer:
        """The fact as it is answered."""

        def text(minor: int | None) -> str | None:
            return None if minor is None else format_minor(minor, currency)

        return cls(
            id=fact.id,
            deal_id=fact.deal_id,
            type=fact.type,
            on=fact.fact_on,
            ref=fact.ref,
            amount=text(fact.amount_minor),
            tax=text(fact.tax_minor),
            manager_id=fact.manager_id,
            stage=fact.stage,
            reason=fact.detail.get("reason") or fact.detail.get("note"),
            document=fact.document,
            corrects=fact.corrects,
            recorded_by=fact.recorded_by,
            recorded_at=fact.recorded_at,
        )
