"""Deals (成果转化项目), and the facts about the whole of one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field

from api.doors import Books, By, Now, noun
from api.openapi import problems
from api.routes.allocations import AllocationsAnswer
from api.routes.entries import DraftAnswer
from api.routes.facts import FactAnswer
from api.values import (
    Amount,
    Answer,
    Body,
    Code,
    Cursor,
    Day,
    Id,
    Instant,
    Limit,
    Page,
    PathId,
    Rate,
    Reason,
    Title,
    above_zero,
    first_of,
)
from ledger import allocations, claims, deals, needs, plan_moves, plans
from ledger.clock import day_of, end_of
from ledger.core.money import format_minor, format_rate, parse_minor, parse_rate
from ledger.deals import Deal

router = noun("deals")


class NewDeal(Body):
    """A deal opened from a need. It keeps the version of the plan that is in force today."""

    need_id: Id
    plan_id: Code = Field(examples=["tianjin-platform-manager"])
    expected_fee: Amount = Field(description="The brokerage fee hoped for, VAT included.")
    id: Id | None = Field(default=None, description="An id of your own; left out, one is made.")
    title: Title | None = Field(default=None, description="Left out: the need's.")
    source: Title | None = Field(default=None, description="The university or institute the result is from.")
    category: Code | None = Field(default=None, examples=["transfer"])
    mode: Code | None = Field(default=None, examples=["lump_sum"])
    tax_rate: Rate | None = Field(default=None, description="The VAT in its fees, unless a fee says.")


class DealAnswer(Answer):
    """One deal."""

    id: str
    title: str
    need_id: str | None
    client_id: str
    source_id: str | None
    category: str | None
    mode: str | None
    currency: str
    expected_fee: str | None
    tax_rate: str | None
    plan_version_id: str
    opened_on: Day
    opened_by: str
    opened_at: Instant

    @classmethod
    def of(cls, deal: Deal) -> DealAnswer:
        """The deal as it is answered."""
        return cls(**_shown(deal))


class WholeDeal(DealAnswer):
    """One deal, with who takes part in it and whether it is cancelled."""

    managers: list[str]
    is_cancelled: bool


class NewAmount(Body):
    """The contract's amount, its transaction part (技术交易额), the net income or what a stake is worth."""

    what: Literal["contract_amount", "transaction_amount", "net_income", "stake_value"]
    amount: Amount
    on: Day


class Cancellation(Body):
    """Why a deal died. What that takes back is in its plan, by reason."""

    reason: Code = Field(examples=["no_fault"])
    on: Day


class Expectation(Body):
    """Another fee is hoped for."""

    expected_fee: Amount


class FailedGate(Body):
    """A gate (关口) of the plan was not passed: the deal ends."""

    stage: Code = Field(examples=["proof_of_concept"])
    on: Day


class Reinstatement(Body):
    """The deal lives after all."""

    on: Day


class NewMove(Body):
    """Another published version of a plan for the deal, and why."""

    plan_version_id: Id
    reason: Reason


class MoveAnswer(Answer):
    """That a deal left one version of a plan for another."""

    id: str
    deal_id: str
    from_version_id: str
    to_version_id: str
    reason: str
    moved_by: str
    moved_at: Instant


class StandingUnderBoth(Answer):
    """What one manager has earned on the deal under both versions."""

    manager: str
    old: str = Field(examples=["4000.00"])
    new: str = Field(examples=["5000.00"])
    difference: str = Field(examples=["1000.00"])


class MovePreview(Answer):
    """What a move would come to."""

    managers: list[StandingUnderBoth]
    entries: list[DraftAnswer]


class NewAdjustment(Body):
    """An amount by hand, of either sign, with its reason."""

    manager_id: Id
    stage: Code
    amount: Amount
    reason: Reason
    on: Day


def _shown(deal: Deal) -> dict[str, Any]:
    fee, rate = deal.expected_fee_minor, deal.as_value().tax_rate
    return {
        **deal.model_dump(exclude={"expected_fee_minor", "tax_rate", "settled_no"}),
        "expected_fee": None if fee is None else format_minor(fee, deal.currency),
        "tax_rate": None if rate is None else format_rate(rate),
    }


@router.get("")
def listing(session: Books, by: By, limit: Limit = 50, cursor: Cursor = None) -> Page[DealAnswer]:
    """Deals, the last id first; a manager sees those they take part in."""
    found, following = first_of(deals.listing(session, by=by, before=cursor, limit=limit + 1), limit)
    return Page(items=[DealAnswer.of(deal) for deal in found], next=following)


@router.post("", status_code=201)
def open_from(body: NewDeal, session: Books, by: By, now: Now) -> DealAnswer:
    """Open a deal from a need."""
    need = needs.get(session, body.need_id, by=by)
    currency = plans.in_force(session, body.plan_id, day_of(now)).currency
    deal = claims.open_deal(
        session,
        need,
        **body.model_dump(exclude={"need_id", "expected_fee", "tax_rate"}),
        expected_fee_minor=above_zero(body.expected_fee, currency),
        tax_rate=parse_rate(body.tax_rate) if body.tax_rate else None,
        by=by,
        now=now,
    )
    return DealAnswer.of(deal)


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> WholeDeal:
    """One deal."""
    deal = deals.get(session, id, by=by)
    return WholeDeal(
        **_shown(deal),
        managers=deals.managers_of(session, id),
        is_cancelled=deals.is_cancelled(session, id),
    )


@router.post("/{id}/amounts", status_code=201)
def state_amount(id: PathId, body: NewAmount, session: Books, by: By, now: Now) -> FactAnswer:
    """State an amount. The latest statement of each kind counts."""
    currency = deals.get(session, id, by=by).currency
    amount_minor = parse_minor(body.amount, currency)
    fact = deals.state_amount(
        session, id, what=body.what, amount_minor=amount_minor, on=body.on, by=by, now=now
    )
    return FactAnswer.of(fact, currency)


@router.post("/{id}/expect")
def expect(id: PathId, body: Expectation, session: Books, by: By, now: Now) -> DealAnswer:
    """Say which fee is hoped for now; what its stages may still earn follows."""
    minor = above_zero(body.expected_fee, deals.get(session, id, by=by).currency)
    return DealAnswer.of(deals.expect(session, id, expected_fee_minor=minor, by=by, now=now))


@router.post("/{id}/cancel")
def cancel(id: PathId, body: Cancellation, session: Books, by: By, now: Now) -> FactAnswer:
    """Cancel the deal."""
    currency = deals.get(session, id, by=by).currency
    fact = deals.cancel(session, id, reason=body.reason, on=body.on, by=by, now=now)
    return FactAnswer.of(fact, currency)


@router.post("/{id}/fail-gate")
def fail_gate(id: PathId, body: FailedGate, session: Books, by: By, now: Now) -> FactAnswer:
    """A gate was not passed: the deal ends, and its plan says what stays."""
    currency = deals.get(session, id, by=by).currency
    fact = deals.fail_gate(session, id, stage=body.stage, on=body.on, by=by, now=now)
    return FactAnswer.of(fact, currency)


@router.post("/{id}/reinstate")
def reinstate(id: PathId, body: Reinstatement, session: Books, by: By, now: Now) -> FactAnswer:
    """Bring a cancelled deal back."""
    currency = deals.get(session, id, by=by).currency
    return FactAnswer.of(deals.reinstate(session, id, on=body.on, by=by, now=now), currency)


@router.post("/{id}/adjust", status_code=201)
def adjust(id: PathId, body: NewAdjustment, session: Books, by: By, now: Now) -> FactAnswer:
    """Adjust what a manager earns in a stage."""
    currency = deals.get(session, id, by=by).currency
    fact = deals.adjust(
        session,
        id,
        **body.model_dump(exclude={"amount"}),
        amount_minor=parse_minor(body.amount, currency),
        by=by,
        now=now,
    )
    return FactAnswer.of(fact, currency)


@router.get("/{id}/moves")
def list_moves(id: PathId, session: Books, by: By) -> Page[MoveAnswer]:
    """Every move of the deal to another version of a plan, the first first."""
    found = plan_moves.of_deal(session, deals.get(session, id, by=by).id)
    return Page(items=[MoveAnswer.model_validate(one) for one in found], next=None)


@router.get("/{id}/moves/preview", responses=problems(409))
def preview_move(
    id: PathId,
    session: Books,
    by: By,
    now: Now,
    plan_version_id: Annotated[Id, Query(description="The version it would be moved to.")],
) -> MovePreview:
    """What moving it now would come to: everybody's sums, and the entries it would post."""
    currency = deals.get(session, id, by=by).currency
    seen = plan_moves.preview(session, id, version_id=plan_version_id, by=by, now=now)
    return MovePreview(
        managers=[
            StandingUnderBoth(
                manager=one.manager_id,
                old=format_minor(one.old_minor, currency),
                new=format_minor(one.new_minor, currency),
                difference=format_minor(one.difference_minor, currency),
            )
            for one in seen.managers
        ],
        entries=[DraftAnswer.of(entry) for entry in seen.drawn.entries],
    )


@router.post("/{id}/moves", status_code=201)
def move(id: PathId, body: NewMove, session: Books, by: By, now: Now) -> MoveAnswer:
    """Move it to another version. What that changes of closed months lands in the open one."""
    made = plan_moves.move(session, id, version_id=body.plan_version_id, reason=body.reason, by=by, now=now)
    return MoveAnswer.model_validate(made)


@router.get("/{id}/allocations")
def list_allocations(
    id: PathId,
    session: Books,
    by: By,
    now: Now,
    as_of: Annotated[Day | None, Query(description="Facts after this day do not count; today.")] = None,
    known_on: Annotated[
        Day | None,
        Query(description="As it was known at the end of this day: what was recorded later is left out."),
    ] = None,
) -> AllocationsAnswer:
    """What everyone should have earned, and why; a manager sees their own rows."""
    known_at = end_of(known_on) if known_on else None
    day = as_of or day_of(now)
    return AllocationsAnswer.of(
        allocations.of_deal(session, id, as_of=day, known_at=known_at, by=by, now=now)
    )


@router.get("/{id}/facts")
def list_facts(id: PathId, session: Books, by: By) -> dict[str, Any]:
    """Every fact of the deal, as the file `yongjin simulate` reads: so that anyone can work it out again.

    To a manager other people are P1, P2 and so on, in the order that the amounts are shared out by.
    """
    return allocations.facts_file(session, id, by=by)
