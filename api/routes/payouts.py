"""Payouts (付款单): batches of what is payable, approved by somebody else, sent to the bank, confirmed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Response
from pydantic import Field

from api.doors import Aside, Books, By, Files, Now, noun
from api.openapi import problems
from api.routes.evidence import download
from api.values import (
    Answer,
    Body,
    Currency,
    Cursor,
    Day,
    Id,
    Instant,
    Limit,
    Page,
    PathId,
    Reason,
    first_of,
)
from ledger import approvals, bank_answers, bounces, layouts, payables, payouts, sending
from ledger.clock import day_of
from ledger.core.money import format_minor
from ledger.managers import masked
from ledger.payables import Due
from ledger.payouts import Payout, PayoutLine

router = noun("payouts")

PayoutState = Literal["made", "approved", "sent", "settled", "voided"]
Lines = Annotated[list[Id], Field(min_length=1, max_length=1000, description="Ids of lines.")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class NewPayout(Body):
    """Everything payable, or what is payable to some."""

    value_on: Day = Field(description="The planned value date: its month is the tax's.")
    currency: Currency = "CNY"
    only: list[Id] | None = Field(default=None, max_length=1000, description="Only these managers.")


class Approval(Body):
    """What was seen. Left out, whatever is there is approved."""

    digest: Digest | None = None
    for_user: Id | None = Field(default=None, description="As a stand-in: in whose place.")


class Sending(Body):
    """By which bank layout the file is written; `GET /bank-layouts` has them."""

    layout: Id = layouts.FIRST


class TakingOut(Body):
    """Lines that are not to be paid with this batch. Approvals lapse."""

    lines: Lines
    reason: Reason


class Confirmation(Body):
    """The bank has paid."""

    value_on: Day = Field(description="The bank's value date.")
    lines: Lines | None = Field(default=None, description="Left out: every line still on its way.")


class Return(Body):
    """The bank refused some lines."""

    lines: Lines
    reason: Reason


class Bouncing(Body):
    """The bank gave back payments after it had made them."""

    lines: Lines
    on: Day = Field(description="The bank's day.")
    reason: Reason


class Voiding(Body):
    """Why a batch is given up."""

    reason: Reason


class DueAnswer(Answer):
    """What a manager could be paid now, or why not."""

    manager_id: str
    name: str
    payable: str = Field(examples=["1296.00"])
    by_deal: dict[str, str]
    held: str = Field(description="What waits for a hold to end.", examples=["0.00"])
    holds: list[str] = Field(description="Ids of those holds.")
    why_not: str | None = Field(description="Null: would be paid.", examples=["no_bank_account"])

    @classmethod
    def of(cls, due: Due, currency: str) -> DueAnswer:
        """One manager's as it is answered."""
        return cls(
            manager_id=due.manager_id,
            name=due.name,
            payable=format_minor(due.payable_minor, currency),
            by_deal={deal: format_minor(minor, currency) for deal, minor in due.by_deal.items()},
            held=format_minor(due.held_minor, currency),
            holds=[hold.id for hold in due.holds],
            why_not=due.why_not,
        )


class LineAnswer(Answer):
    """What one manager gets of a batch. The account shows its last four digits; the file has all of it."""

    id: str
    manager_id: str
    payee_name: str
    bank_name: str
    bank_account: str = Field(examples=["**** 3445"])
    gross: str
    tax: str
    vat: str = Field(description="The payee's own VAT with its surcharges; below zero: what others bear.")
    vat_back: str = Field(description="In the gross: VAT of an earlier payment, given back.")
    net: str
    tax_method: str
    value_on: Day
    state: Literal["reserved", "paid", "returned", "taken_out", "bounced"]
    reason: str | None

    @classmethod
    def of(cls, line: PayoutLine, currency: str) -> LineAnswer:
        """One line as it is answered."""
        return cls(
            **line.model_dump(
                include={"id", "manager_id", "payee_name", "bank_name", "tax_method", "value_on", "state"}
            ),
            bank_account=masked(line.bank_account),
            gross=format_minor(line.gross_minor, currency),
            tax=format_minor(line.tax_minor, currency),
            vat=format_minor(line.vat_minor, currency),
            vat_back=format_minor(line.vat_back_minor, currency),
            net=format_minor(line.net_minor, currency),
            reason=line.reason,
        )


class PayoutAnswer(Answer):
    """One batch. `digest` is over what is approved: who gets how much, on which account, when."""

    id: str
    no: str = Field(examples=["FK-202605-001"])
    currency: str
    value_on: Day
    state: PayoutState
    digest: str
    made_by: str
    made_at: Instant
    sent_by: str | None
    sent_at: Instant | None
    voided_reason: str | None


class ApprovalAnswer(Answer):
    """Somebody agreed."""

    approved_by: str
    approved_at: Instant
    counts_for: str = Field(description="In whose place: a stand-in's is not their own.")
    digest: str = Field(description="What was approved; where it is not the batch's, the batch changed.")


class WholePayout(PayoutAnswer):
    """One batch with its lines and who agreed to it."""

    lines: list[LineAnswer]
    approvals: list[ApprovalAnswer]
    approvals_missing: int = Field(description="How many people are still to approve.")


def _whole(session: Books, payout: Payout, now: datetime) -> WholePayout:
    lines = payouts.lines_of(session, payout.id)
    standing = approvals.standing(session, payout, day=day_of(now))
    shown: dict[str, Any] = PayoutAnswer.model_validate(payout).model_dump(mode="python")
    return WholePayout(
        **shown,
        lines=[LineAnswer.of(line, payout.currency) for line in lines],
        approvals=[ApprovalAnswer.model_validate(one) for one in (*standing.stale, *standing.given)],
        approvals_missing=standing.missing if payout.state == "made" else 0,
    )


@router.get("")
def listing(session: Books, by: By, limit: Limit = 50, cursor: Cursor = None) -> Page[PayoutAnswer]:
    """Batches, the latest first."""
    found, following = first_of(payouts.listing(session, by=by, before=cursor, limit=limit + 1), limit)
    return Page(items=[PayoutAnswer.model_validate(payout) for payout in found], next=following)


@router.get("/preview")
def preview(
    session: Books,
    by: By,
    now: Now,
    currency: Annotated[Currency, Query(description="In which currency.")] = "CNY",
) -> list[DueAnswer]:
    """Who would be paid what now, and who would not and why."""
    return [
        DueAnswer.of(due, currency) for due in payables.preview(session, currency=currency, by=by, now=now)
    ]


@router.post("", status_code=201)
def make(body: NewPayout, session: Books, by: By, now: Now) -> WholePayout:
    """Make a batch, and reserve the money."""
    return _whole(session, payouts.make(session, **body.model_dump(), by=by, now=now), now)


@router.get("/{id}")
def get(id: PathId, session: Books, by: By, now: Now) -> WholePayout:
    """One batch."""
    return _whole(session, payouts.get(session, id, by=by), now)


@router.post("/{id}/approve")
def approve(id: PathId, session: Books, by: By, now: Now, body: Approval | None = None) -> WholePayout:
    """Agree to a batch somebody else made."""
    seen, for_user = (body.digest, body.for_user) if body else (None, None)
    payouts.get(session, id, by=by)
    approved = approvals.approve(session, id, digest_seen=seen, for_user=for_user, by=by, now=now)
    return _whole(session, approved, now)


@router.post("/{id}/take-out")
def take_out(id: PathId, body: TakingOut, session: Books, by: By, now: Now) -> WholePayout:
    """Take lines out of a batch that was not sent: their money is payable again, approvals lapse."""
    payouts.get(session, id, by=by)
    changed = payouts.take_out(session, id, line_ids=body.lines, reason=body.reason, by=by, now=now)
    return _whole(session, changed, now)


@router.post("/{id}/send")
def send(
    id: PathId, session: Books, store: Files, by: By, now: Now, body: Sending | None = None
) -> WholePayout:
    """Make the bank file of an approved batch; it is at `/file`."""
    payouts.get(session, id, by=by)
    layout = body.layout if body else layouts.FIRST
    payout, _ = sending.send(session, store, id, layout=layout, by=by, now=now)
    return _whole(session, payout, now)


FILE_KINDS: dict[str, Any] = {
    "text/csv": {},
    "application/xml": {},
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": {},
}


@router.get(
    "/{id}/file",
    response_class=Response,
    responses={200: {"description": "The bank file.", "content": FILE_KINDS}, **problems(409)},
)
def file(id: PathId, session: Books, store: Files, by: By, now: Now, aside: Aside) -> Response:
    """The bank file of a batch that was sent."""
    content = sending.file_of(session, store, id, by=by)
    aside.run(lambda apart: sending.note_read(apart, id, by=by, now=now))
    found = payouts.get(session, id, by=by)
    kind = sending.kind_of(session, found)
    return download(content, f"{found.no}.{kind.suffix}", kind.media_type.partition(";")[0])


@router.post("/{id}/confirm")
def confirm(id: PathId, body: Confirmation, session: Books, by: By, now: Now) -> WholePayout:
    """The bank has paid these lines."""
    payouts.get(session, id, by=by)
    paid = bank_answers.confirm(session, id, value_on=body.value_on, line_ids=body.lines, by=by, now=now)
    return _whole(session, paid, now)


@router.post("/{id}/return")
def return_lines(id: PathId, body: Return, session: Books, by: By, now: Now) -> WholePayout:
    """The bank refused these lines: the money is payable again."""
    payouts.get(session, id, by=by)
    left = bank_answers.return_lines(session, id, line_ids=body.lines, reason=body.reason, by=by, now=now)
    return _whole(session, left, now)


@router.post("/{id}/bounce")
def bounce(id: PathId, body: Bouncing, session: Books, by: By, now: Now) -> WholePayout:
    """The bank gave these payments back after it had made them: the money is payable again."""
    payouts.get(session, id, by=by)
    reasons = dict.fromkeys(body.lines, body.reason)
    return _whole(session, bounces.record(session, id, reasons, on=body.on, by=by, now=now), now)


@router.post("/{id}/void")
def void(id: PathId, body: Voiding, session: Books, by: By, now: Now) -> WholePayout:
    """Give up a batch that was not sent: the money is payable again."""
    payouts.get(session, id, by=by)
    return _whole(session, payouts.void(session, id, reason=body.reason, by=by, now=now), now)
